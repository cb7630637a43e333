"""The trigger's template, synthesized around stand-ins for what the other stacks make."""

from __future__ import annotations

import dataclasses
from functools import cache
from types import SimpleNamespace
from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from infra.environments import DEFAULTS
from infra.jobs import Places
from infra.trigger import TriggerStack

ACCOUNT = "123456789012"
REGION = "eu-west-1"
QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/queue"
COMPUTE = f"arn:aws:batch:{REGION}:{ACCOUNT}:compute-environment/spot"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/definition:7"


def stack(name: str = "dev", **changes: Any) -> TriggerStack:
    """Return a trigger stack of environment `name` with some fields changed."""
    environment = dataclasses.replace(DEFAULTS[name], **changes)
    parent = Stack(App(), "Parent", env=Environment(account=ACCOUNT, region=REGION))
    made = SimpleNamespace(
        places=Places(
            environment=environment,
            bucket=s3.Bucket.from_bucket_name(parent, "Bucket", "analytics"),
            log_group=logs.LogGroup.from_log_group_name(parent, "Logs", "jobs"),
            mount=None,
        ),
        compute=SimpleNamespace(
            queue=batch.JobQueue.from_job_queue_arn(parent, "Queue", QUEUE),
            environments=[
                batch.ManagedEc2EcsComputeEnvironment.from_managed_ec2_ecs_compute_environment_arn(
                    parent, "Spot", COMPUTE
                )
            ],
        ),
        jobs=SimpleNamespace(
            refresh=batch.EcsJobDefinition.from_job_definition_arn(parent, "Job", DEFINITION)
        ),
    )
    return TriggerStack(parent, "Trigger", environment=environment, batch=made)  # type: ignore[arg-type]


@cache
def template(name: str = "dev") -> Template:
    """Return the template of an unchanged environment."""
    return Template.from_stack(stack(name))
