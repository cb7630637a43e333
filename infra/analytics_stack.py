"""One environment's stack: composes network, batch and trigger, and publishes their names."""

from __future__ import annotations

from typing import Any

from aws_cdk import Annotations, CfnOutput, Stack, Tags
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.batch import BatchStack
from infra.compute import tags_of
from infra.environments import Environment
from infra.facts import PARAMETER_ROOT
from infra.network import NetworkStack
from infra.trigger import TriggerStack


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
            termination_protection=environment.termination_protection,
            **kwargs,
        )
        for key, value in tags_of(environment).items():
            Tags.of(self).add(key, value)
        if environment.alarms and not environment.alarm_email:
            Annotations.of(self).add_warning_v2(
                "cocktail-analytics:alarm-email",
                f"nobody is told when a refresh of {environment.name} fails: set alarm_email in "
                "cdk.json, or subscribe to the topic named in the outputs",
            )
        self.network = NetworkStack(self, "NetworkStack", environment=environment)
        self.batch = BatchStack(self, "BatchStack", environment=environment, network=self.network)
        self.trigger = TriggerStack(self, "TriggerStack", environment=environment, batch=self.batch)
        for output, value in self._published().items():
            CfnOutput(self, output, value=value)
            words = "".join(f"-{c.lower()}" if c.isupper() else c for c in output)
            ssm.StringParameter(
                self,
                f"{output}Parameter",
                # A name others look it up by: it must be physical, and it is this stack's alone.
                parameter_name=f"{PARAMETER_ROOT}/{environment.name}/{words.removeprefix('-')}",
                string_value=value,
            )

    def _published(self) -> dict[str, str]:
        """Return what scripts, the site and its owner look for, by output name."""
        places, jobs = self.batch.places, self.batch.jobs
        published = {
            "TriggerFunction": self.trigger.function.function_name,
            "JobQueue": self.batch.compute.queue.job_queue_arn,
            "JobDefinition": jobs.refresh.job_definition_arn,
            "JobLogGroup": places.log_group.log_group_name,
            "Topic": self.trigger.watching.topic.topic_arn,
            "Bucket": places.bucket.bucket_name,
            "Documents": places.output,
            "DatabasePath": places.database,
            "InstancesSecurityGroup": self.network.instances.security_group_id,
        }
        if jobs.load is not None and places.mount is not None:
            published |= {
                "LoadJobDefinition": jobs.load.job_definition_arn,
                "FileSystem": places.mount.file_system.file_system_id,
                "AccessPoint": places.mount.access_point_id,
            }
        return published
