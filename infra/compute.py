"""The machines: launch template, Spot and on-demand environments, the queue, and their patches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Aws, Duration, TimeZone
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.environments import CONTAINER_UID, Environment
from infra.facts import ROOT_VOLUME_GIB
from infra.network import NetworkStack

SETUP = Path(__file__).with_name("instance_setup.sh")
PATCHED_TAG = "patched"


class Compute(Construct):
    """One queue, Spot first, on-demand behind it where wished; nothing runs while idle.

    Attributes
    ----------
    queue
        What jobs are submitted to.
    environments
        The compute environments, in the queue's order.
    instance_role
        What the ECS agent on an instance may do.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        network: NetworkStack,
    ) -> None:
        super().__init__(scope, construct_id)
        self.instance_role = iam.Role(
            self,
            "InstanceRole",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            description="The instances: what the ECS agent needs to join its cluster",
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name(
                    "service-role/AmazonEC2ContainerServiceforEC2Role"
                )
            ],
        )
        self._template = _launch_template(self)
        self.queue = _queue(self, environment)
        kinds = ["Spot", "OnDemand"] if environment.on_demand_fallback else ["Spot"]
        self.environments = [self._environment(kind, environment, network) for kind in kinds]
        for order, compute in enumerate(self.environments, start=1):
            self.queue.add_compute_environment(compute, order)

    def _environment(
        self, kind: str, environment: Environment, network: NetworkStack
    ) -> batch.ManagedEc2EcsComputeEnvironment:
        compute = batch.ManagedEc2EcsComputeEnvironment(
            self,
            kind,
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            security_groups=[network.instances],
            spot=kind == "Spot",
            allocation_strategy=(
                batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
                if kind == "Spot"
                else batch.AllocationStrategy.BEST_FIT_PROGRESSIVE
            ),
            # `optimal` means x86 and may not be mixed with Graviton.
            use_optimal_instance_classes=False,
            instance_types=[ec2.InstanceType(name) for name in environment.instance_types],
            images=[batch.EcsMachineImage(image_type=batch.EcsMachineImageType.ECS_AL2023)],
            instance_role=self.instance_role,
            launch_template=self._template,
            minv_cpus=0,
            maxv_cpus=environment.max_vcpus,
            terminate_on_update=False,
            update_timeout=Duration.minutes(environment.longest_minutes),
            update_to_latest_image_version=True,
        )
        definition = compute.node.default_child
        assert isinstance(definition, batch.CfnComputeEnvironment)  # noqa: S101 - for the type checker
        # Without it the environment keeps the template's first version, whatever is changed here.
        definition.add_property_override(
            "ComputeResources.LaunchTemplate.Version", self._template.latest_version_number
        )
        if network.mount is not None and network.mount.ready is not None:
            compute.node.add_dependency(network.mount.ready)
        return compute


def _launch_template(scope: Construct) -> ec2.LaunchTemplate:
    setup = ec2.MultipartUserData()  # Batch adds a part of its own, so the whole must be MIME
    script = SETUP.read_text(encoding="utf-8").replace("@JOB_UID@", str(CONTAINER_UID))
    setup.add_part(ec2.MultipartBody.from_user_data(ec2.UserData.custom(script)))
    return ec2.LaunchTemplate(
        scope,
        "LaunchTemplate",
        require_imdsv2=True,
        http_put_response_hop_limit=1,
        user_data=setup,
        block_devices=[
            ec2.BlockDevice(
                device_name="/dev/xvda",
                volume=ec2.BlockDeviceVolume.ebs(
                    ROOT_VOLUME_GIB, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                ),
            )
        ],
    )


def _queue(scope: Construct, environment: Environment) -> batch.JobQueue:
    reasons = batch.JobStateTimeLimitActionsReason
    return batch.JobQueue(
        scope,
        "Queue",
        priority=1,
        job_state_time_limit_actions=[
            batch.JobStateTimeLimitAction(
                action=batch.JobStateTimeLimitActionsAction.CANCEL,
                reason=reason,
                state=batch.JobStateTimeLimitActionsState.RUNNABLE,
                max_time=Duration.minutes(environment.runnable_minutes),
            )
            for reason in (
                reasons.INSUFFICIENT_INSTANCE_CAPACITY,
                reasons.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
                reasons.JOB_RESOURCE_REQUIREMENT,
            )
        ],
    )


class Patches(Construct):
    """Ask each month for instances with the newest machine image.

    Batch takes a newer image only in an infrastructure update, and such an update happens only
    when a setting changes. So a tag of the instances changes: to the time of the schedule. Jobs
    that run go on to their end on the old instances: they are given the longest time limit of
    all jobs there are, so that each is ended by its own at most. New jobs start on new ones.

    What Batch refuses, the scheduler tries again for a day and then puts into `dead_letters`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        computes: Sequence[batch.IManagedEc2EcsComputeEnvironment],
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            description="EventBridge Scheduler updates the compute environments with it, or says "
            "in the dead-letter queue that it could not",
        )
        for compute in computes:
            arn = compute.compute_environment_arn
            scheduler.Schedule(
                self,
                compute.node.id,
                description="Once a month: new instances start from the newest machine image",
                schedule=scheduler.ScheduleExpression.cron(
                    minute="41", hour="4", day="1", month="*", year="*", time_zone=TimeZone.ETC_UTC
                ),
                target=targets.Universal(
                    service="batch",
                    action="updateComputeEnvironment",
                    role=role,
                    dead_letter_queue=dead_letters,
                    policy_statements=[
                        iam.PolicyStatement(
                            actions=["batch:UpdateComputeEnvironment"], resources=[arn]
                        )
                    ],
                    input=scheduler.ScheduleTargetInput.from_object(
                        {
                            "ComputeEnvironment": arn,
                            "ComputeResources": {
                                "UpdateToLatestImageVersion": True,
                                "Tags": {
                                    **tags_of(environment),
                                    PATCHED_TAG: scheduler.ContextAttribute.scheduled_time,
                                },
                            },
                            "UpdatePolicy": {
                                "TerminateJobsOnUpdate": False,
                                "JobExecutionTimeoutMinutes": environment.longest_minutes,
                            },
                        }
                    ),
                ),
            )


def tags_of(environment: Environment) -> dict[str, str]:
    """Return the tags by which an environment's resources, and what they cost, are told apart."""
    return {"application": "cocktail-analytics", "environment": environment.name}
