"""The trigger: the function, its one debounce schedule, the dead letters, and who watches.

The function stays outside the VPC (every API it calls is public, and no endpoint has to be paid
for), bundles nothing (boto3 is part of the runtime), and has no reserved concurrency, which small
accounts refuse; `trigger/claim.py` keeps concurrent invocations apart instead.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aws_cdk import (
    Aws,
    Duration,
    NestedStack,
    RemovalPolicy,
    TimeZone,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.batch import BatchStack, make_log_group
from infra.compute import Patches
from infra.data import use_of_key
from infra.environments import Environment
from infra.facts import LARGEST_ARRAY, TRIGGER_PREFIX
from infra.jobs import any_revision
from infra.watching import Watching, watched

CODE = Path(__file__).resolve().parents[1] / "trigger"
SCHEDULE_NAME = "refresh"

TIMEOUT = Duration.seconds(60)
"""Below `trigger.claim.LEASE`: whoever is past its lease has been ended."""


class TriggerStack(NestedStack):
    """Everything between the API handler's request and `SubmitJob`.

    Attributes
    ----------
    function
        The trigger function; its name is an output of the parent stack.
    watching
        Topic, rules, alarms and dashboard.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        batch: BatchStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        # No physical name: a replaced group must not collide with the one it replaces.
        group = scheduler.CfnScheduleGroup(self, "Schedules")
        dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )
        schedule_role = iam.Role(
            self,
            "ScheduleRole",
            description="EventBridge Scheduler invokes the trigger with it, and nothing else",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                # Nobody else's schedules may borrow the role.
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        role = iam.Role(
            self,
            "Role",
            description="The trigger function: submit one job definition to one queue, and ask",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        definition, queue = batch.jobs.refresh, batch.compute.queue
        notes = f"{environment.key_prefix}{TRIGGER_PREFIX}"
        with TemporaryDirectory() as folder:  # read while the function is made
            # As `trigger/` within it, the name by which the package is imported.
            shutil.copytree(
                CODE, Path(folder) / "trigger", ignore=shutil.ignore_patterns("__pycache__")
            )
            self.function = lambda_.Function(
                self,
                "Function",
                description=f"Cocktail analytics, {environment.name}: refresh, status, alerts",
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                handler="trigger.handler.handler",
                code=lambda_.Code.from_asset(folder),
                memory_size=512,  # decides the CPU too, and so how long boto3's import takes
                timeout=TIMEOUT,
                role=role,
                log_group=make_log_group(self, environment),
                dead_letter_queue=dead_letters,
                environment={
                    "ENVIRONMENT": environment.name,
                    "BATCH_JOB_QUEUE": queue.job_queue_arn,
                    "BATCH_JOB_DEFINITION": definition.job_definition_arn,
                    "ANALYTICS_BUCKET": batch.places.bucket.bucket_name,
                    "CLAIM_KEY": f"{notes}/claim.json",
                    "TOLD_PREFIX": f"{notes}/told/",
                    "JOB_LOG_GROUP": batch.places.log_group.log_group_name,
                    "SCHEDULE_GROUP": group.ref,
                    "SCHEDULE_NAME": SCHEDULE_NAME,
                    "SCHEDULE_ROLE_ARN": schedule_role.role_arn,
                    "DEAD_LETTER_ARN": dead_letters.queue_arn,
                    "ANALYTICS_METRICS": watched(environment),
                    "QUIET_MINUTES": str(environment.quiet_minutes),
                    "MAXIMUM_WAIT_MINUTES": str(environment.maximum_wait_minutes),
                    **_chain(environment),
                },
            )
        self.watching = Watching(
            self,
            "Watching",
            environment=environment,
            job_queue_arn=queue.job_queue_arn,
            function=self.function,
            dead_letters=dead_letters,
        )
        # Here, since the queue that tells of a failed one lies here.
        Patches(
            self,
            "Patches",
            environment=environment,
            computes=batch.compute.environments,
            dead_letters=dead_letters,
        )
        self.function.add_environment("ALERT_TOPIC_ARN", self.watching.topic.topic_arn)
        self.watching.topic.grant_publish(role)
        for statement in [
            iam.PolicyStatement(
                sid="SubmitThisJobHere",
                actions=["batch:SubmitJob"],
                resources=[any_revision(definition), queue.job_queue_arn],
            ),
            iam.PolicyStatement(
                sid="LookAtJobs",  # these two actions know no resources
                actions=["batch:DescribeJobs", "batch:ListJobs"],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="KeepNotes",  # the claim, and which failures were told
                actions=["s3:GetObject", "s3:PutObject"],
                resources=batch.places.objects(TRIGGER_PREFIX),
            ),
            *use_of_key(environment.bucket_key_arn, write=True),
            iam.PolicyStatement(
                sid="KeepTheOneSchedule",
                actions=[
                    "scheduler:CreateSchedule",
                    "scheduler:DeleteSchedule",
                    "scheduler:GetSchedule",
                    "scheduler:UpdateSchedule",
                ],
                resources=[
                    self.format_arn(
                        service="scheduler",
                        resource="schedule",
                        resource_name=f"{group.ref}/{SCHEDULE_NAME}",
                    )
                ],
            ),
            iam.PolicyStatement(
                sid="LetTheScheduleInvokeUs",
                actions=["iam:PassRole"],
                resources=[schedule_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            ),
            iam.PolicyStatement(
                sid="ShowTheJobsLastLines",
                actions=["logs:GetLogEvents"],
                resources=[_streams(batch.places.log_group.log_group_name)],
            ),
        ]:
            role.add_to_policy(statement)
        self.function.log_group.grant_write(role)
        self.function.grant_invoke(schedule_role)
        dead_letters.grant_send_messages(schedule_role)
        if environment.api_handler_role_arn:
            # On the function's side: the site's role belongs to the site and is left alone.
            self.function.grant_invoke(iam.ArnPrincipal(environment.api_handler_role_arn))
        if environment.nightly_refresh:
            scheduler.Schedule(
                self,
                "Nightly",
                description="Safety net: a refresh each night, whatever the trigger was asked",
                schedule=scheduler.ScheduleExpression.cron(
                    minute="17", hour="3", time_zone=TimeZone.ETC_UTC
                ),
                time_window=scheduler.TimeWindow.flexible(Duration.minutes(30)),
                schedule_group=scheduler.ScheduleGroup.from_schedule_group_name(
                    self, "Group", group.ref
                ),
                target=targets.LambdaInvoke(
                    self.function,
                    role=schedule_role,
                    dead_letter_queue=dead_letters,
                    input=scheduler.ScheduleTargetInput.from_object({"action": "refresh"}),
                ),
            )


def _chain(environment: Environment) -> dict[str, str]:
    """Tell the function how a refresh is shared by many machines, where it is."""
    if not environment.shards:
        return {}
    steps = environment.steps
    at_once = environment.max_vcpus // steps["shard"].vcpus
    told = {
        "shards": None if environment.shards == "auto" else environment.shards,
        "minutes": environment.shard_minutes,
        # Before the first refresh nobody knows how many are needed: as many as run side by side.
        "first": max(2, min(LARGEST_ARRAY, at_once)),
        **{
            step: {
                "vcpus": machine.vcpus,
                "memory_mib": machine.memory_mib,
                "minutes": machine.timeout_minutes,
            }
            for step, machine in steps.items()
        },
    }
    return {"CHAIN": json.dumps(told, separators=(",", ":"))}


def _streams(log_group_name: str) -> str:
    arn = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return f"{arn}:log-group:{log_group_name}:log-stream:*"
