"""One environment's stack: composes network, batch and trigger, and publishes their names."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Stack, Tags
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.batch import BatchStack
from infra.environments import Environment
from infra.network import NetworkStack
from infra.trigger import TriggerStack

PARAMETER_ROOT = "/cocktail-analytics"


class AnalyticsStack(Stack):
    """Everything one environment has, in three nested stacks.

    Attributes
    ----------
    network, batch, trigger
        The nested stacks.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, **kwargs: Any
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            description=f"Cocktail analytics, {environment.name}",
            # Deleting prod's stack by a slip takes a deliberate second step.
            termination_protection=not environment.destroy_data,
            **kwargs,
        )
        Tags.of(self).add("application", "cocktail-analytics")
        Tags.of(self).add("environment", environment.name)
        self.network = NetworkStack(self, "NetworkStack", environment=environment)
        self.batch = BatchStack(self, "BatchStack", environment=environment, network=self.network)
        self.trigger = TriggerStack(
            self,
            "TriggerStack",
            environment=environment,
            job_queue=self.batch.queue,
            job_definition=self.batch.definition,
            bucket=self.batch.bucket,
            log_group=self.batch.log_group,
            api_handler_role_arn=environment.api_handler_role_arn,
        )
        self._publish(environment)

    def _publish(self, environment: Environment) -> None:
        published = {
            "TriggerFunction": ("trigger-function", self.trigger.function.function_name),
            "JobQueue": ("job-queue", self.batch.queue.job_queue_arn),
            "JobDefinition": ("job-definition", self.batch.definition.job_definition_arn),
            "Bucket": ("bucket", self.batch.bucket.bucket_name),
            "JobLogGroup": ("job-log-group", self.batch.log_group.log_group_name),
        }
        for output, (key, value) in published.items():
            CfnOutput(self, output, value=value)
            ssm.StringParameter(
                self,
                f"{output}Parameter",
                # A name others look it up by: it must be physical, and it is this stack's alone.
                parameter_name=f"{PARAMETER_ROOT}/{environment.name}/{key}",
                string_value=value,
            )
