"""One environment's Batch: the bucket, the log group, the machines and the jobs."""

from __future__ import annotations

from typing import Any

from aws_cdk import NestedStack, RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.compute import Compute
from infra.data import make_bucket
from infra.environments import Environment
from infra.jobs import Jobs, Places
from infra.network import NetworkStack


class BatchStack(NestedStack):
    """One queue, its jobs, and the bucket they publish to.

    Attributes
    ----------
    places
        Bucket, log group and file system, as the jobs see them.
    compute
        The queue and its machines.
    jobs
        The job definitions.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: NetworkStack,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.places = Places(
            environment=environment,
            bucket=make_bucket(self, environment),
            log_group=make_log_group(self, environment),
            mount=network.mount,
        )
        self.compute = Compute(self, "Compute", environment=environment, network=network)
        self.jobs = Jobs(self, "Jobs", places=self.places)


def make_log_group(scope: Construct, environment: Environment) -> logs.LogGroup:
    """Make a log group beforehand, so that it has a retention and goes with its stack."""
    group = logs.LogGroup(scope, "Logs", removal_policy=RemovalPolicy.DESTROY)
    definition = group.node.default_child
    assert isinstance(definition, logs.CfnLogGroup)  # noqa: S101 - for the type checker
    definition.retention_in_days = environment.log_retention_days
    return group
