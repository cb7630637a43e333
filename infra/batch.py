"""The job and what runs it: image, roles, compute environments, queue, definition, bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Duration, NestedStack, RemovalPolicy, Size
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environments import CONTAINER_UID, MOUNT_PATH, SCRATCH_PATH, Environment
from infra.network import NetworkStack

IMAGE_SOURCE = Path(__file__).resolve().parents[1] / "analytics_core"

INSTANCE_SIZES = (
    ec2.InstanceSize.MEDIUM,
    ec2.InstanceSize.LARGE,
    ec2.InstanceSize.XLARGE,
    ec2.InstanceSize.XLARGE2,
)
"""Several sizes, so that Spot has pools to choose from. One job may be larger than the smallest."""

ROOT_VOLUME_GIB = 30
"""Size of the Amazon Linux 2023 ECS image; a smaller volume would be refused."""

RUN_PREFIX = "analytics/v1/"
WORKSPACE_PREFIX = "workspace"
WORKSPACE_DAYS = 3
"""A retry finds what the attempt before it had finished; after a few days nobody asks."""

RETRIES = (
    # In this order. The first is how Batch reports a reclaimed Spot instance.
    batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_status_reason="Host EC2*")),
    batch.RetryStrategy.of(
        batch.Action.RETRY, batch.Reason.custom(on_reason="CannotPullContainerError*")
    ),
    # The job's own word for "interrupted, try again".
    batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_exit_code="75")),
    # Where no rule matches, Batch retries: an application's failure would run three times.
    batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
)


class BatchStack(NestedStack):
    """One queue, one job definition, and the bucket the job publishes to.

    Attributes
    ----------
    bucket, log_group
        Where documents and logs go.
    queue, definition
        What the trigger submits to, and what it submits.
    job_role, execution_role, instance_role
        The rights of the program, of the ECS agent on its behalf, and of the machine.
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
        self.bucket = _bucket(self, environment)
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            removal_policy=RemovalPolicy.DESTROY,
        )
        group = self.log_group.node.default_child
        assert isinstance(group, logs.CfnLogGroup)  # noqa: S101 - for the type checker
        group.retention_in_days = environment.log_retention_days
        tasks = iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": self.account}},
        )
        self.job_role = iam.Role(
            self,
            "JobRole",
            assumed_by=tasks,
            description="The analytics program: mount the file system, publish to the bucket",
        )
        self.execution_role = iam.Role(
            self,
            "ExecutionRole",
            assumed_by=tasks,
            description="The ECS agent on the job's behalf: pull the image, write the log",
        )
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
        self.log_group.grant_write(self.execution_role)
        for statement in _job_rights(self.bucket, network):
            self.job_role.add_to_policy(statement)
        self.queue = _queue(self, environment, network, self.instance_role)
        self.definition = self._definition(environment, network)

    def _definition(
        self, environment: Environment, network: NetworkStack
    ) -> batch.EcsJobDefinition:
        image = ecr_assets.DockerImageAsset(
            self,
            "Image",
            directory=str(IMAGE_SOURCE),
            platform=ecr_assets.Platform.LINUX_ARM64,
            display_name="analytics-core",
        )
        linux = batch.LinuxParameters(self, "Linux", init_process_enabled=True)
        # Memory-backed, so it vanishes with the container, and writable for a plain user: a Batch
        # host volume without a source path is a folder made by Docker that belongs to root. No
        # `mode=` option is given, because Batch lists `mode` without a value; instead the mode of
        # the image's own /scratch counts (1777 there, and also where the folder is missing).
        linux.add_tmpfs(
            batch.Tmpfs(
                container_path=SCRATCH_PATH,
                size=Size.mebibytes(environment.scratch_mib),
                mount_options=[batch.TmpfsMountOption.NOSUID, batch.TmpfsMountOption.NODEV],
            )
        )
        threads = str(environment.vcpus)
        bucket = self.bucket.bucket_name
        container = batch.EcsEc2ContainerDefinition(
            self,
            "Container",
            image=ecs.ContainerImage.from_docker_image_asset(image),
            cpu=environment.vcpus,
            memory=Size.mebibytes(environment.memory_mib),
            job_role=self.job_role,
            execution_role=self.execution_role,
            linux_parameters=linux,
            logging=ecs.LogDriver.aws_logs(stream_prefix="refresh", log_group=self.log_group),
            privileged=False,
            readonly_root_filesystem=True,
            user=str(CONTAINER_UID),
            volumes=[
                batch.EcsVolume.efs(
                    name="database",
                    container_path=MOUNT_PATH,
                    file_system=network.mount.file_system,
                    access_point_id=network.mount.access_point_id,
                    enable_transit_encryption=True,
                    use_job_role=True,
                    readonly=True,
                )
            ],
            environment={
                "DB_PATH": environment.database_path,
                "ANALYTICS_BUCKET": bucket,
                "ANALYTICS_WORKSPACE": f"s3://{bucket}/{WORKSPACE_PREFIX}",
                "ANALYTICS_SCRATCH": SCRATCH_PATH,
                "ANALYTICS_ENVIRONMENT": environment.name,
                # The host's processors are visible inside; the reservation is not.
                "ANALYTICS_THREADS": threads,
                "NUMBA_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
                "TMPDIR": SCRATCH_PATH,
            },
        )
        return batch.EcsJobDefinition(
            self,
            "Definition",
            container=container,
            retry_attempts=environment.attempts,
            retry_strategies=list(RETRIES),
            timeout=Duration.minutes(environment.timeout_minutes),
            propagate_tags=True,
        )


def _bucket(scope: Construct, environment: Environment) -> s3.IBucket:
    if environment.bucket_name is not None:
        return s3.Bucket.from_bucket_name(scope, "Bucket", environment.bucket_name)
    return s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        # What a new set replaced stays for a while, so that a bad publication can be undone.
        lifecycle_rules=[
            s3.LifecycleRule(
                id="superseded",
                noncurrent_version_expiration=Duration.days(environment.run_retention_days),
                # what is left of an object that was removed: a marker that hides nothing
                expired_object_delete_marker=True,
                abort_incomplete_multipart_upload_after=Duration.days(1),
            ),
            s3.LifecycleRule(
                id="workspace",
                prefix=f"{WORKSPACE_PREFIX}/",
                expiration=Duration.days(WORKSPACE_DAYS),
            ),
        ],
        removal_policy=(
            RemovalPolicy.DESTROY if environment.destroy_data else RemovalPolicy.RETAIN
        ),
    )


def _job_rights(bucket: s3.IBucket, network: NetworkStack) -> list[iam.PolicyStatement]:
    objects = [bucket.arn_for_objects(f"{RUN_PREFIX}*"), bucket.arn_for_objects("workspace/*")]
    return [
        iam.PolicyStatement(
            sid="PublishAndReadBack",  # old runs are pruned, documents checked after writing
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            resources=objects,
        ),
        iam.PolicyStatement(
            sid="TellMissingFromForbidden",  # else S3 answers 403 for a key that is not there
            actions=["s3:ListBucket"],
            resources=[bucket.bucket_arn],
        ),
        iam.PolicyStatement(
            sid="MountReadOnly",  # no ClientWrite: a write fails whatever the mount's options say
            actions=["elasticfilesystem:ClientMount"],
            resources=[network.mount.file_system.file_system_arn],
            conditions={
                "StringEquals": {"elasticfilesystem:AccessPointArn": network.mount.access_point_arn}
            },
        ),
    ]


def _queue(
    scope: Construct, environment: Environment, network: NetworkStack, role: iam.Role
) -> batch.JobQueue:
    template = ec2.LaunchTemplate(
        scope,
        "LaunchTemplate",
        require_imdsv2=True,
        # One hop ends at the instance: a container cannot ask for the instance's credentials.
        http_put_response_hop_limit=1,
        block_devices=[
            ec2.BlockDevice(
                device_name="/dev/xvda",
                volume=ec2.BlockDeviceVolume.ebs(
                    ROOT_VOLUME_GIB, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
                ),
            )
        ],
    )
    queue = batch.JobQueue(
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
                batch.JobStateTimeLimitActionsReason.INSUFFICIENT_INSTANCE_CAPACITY,
                batch.JobStateTimeLimitActionsReason.COMPUTE_ENVIRONMENT_MAX_RESOURCE,
                batch.JobStateTimeLimitActionsReason.JOB_RESOURCE_REQUIREMENT,
            )
        ],
    )
    kinds = [("Spot", True)] + ([("OnDemand", False)] if environment.on_demand_fallback else [])
    for order, (name, spot) in enumerate(kinds, start=1):
        compute = batch.ManagedEc2EcsComputeEnvironment(
            scope,
            name,
            vpc=network.vpc,
            vpc_subnets=network.subnets,
            security_groups=[network.instances],
            spot=spot,
            allocation_strategy=(
                batch.AllocationStrategy.SPOT_PRICE_CAPACITY_OPTIMIZED
                if spot
                else batch.AllocationStrategy.BEST_FIT_PROGRESSIVE
            ),
            # `optimal` means x86 and may not be mixed with Graviton.
            use_optimal_instance_classes=False,
            instance_types=[
                ec2.InstanceType.of(ec2.InstanceClass.C7G, size) for size in INSTANCE_SIZES
            ],
            images=[batch.EcsMachineImage(image_type=batch.EcsMachineImageType.ECS_AL2023)],
            instance_role=role,
            launch_template=template,
            minv_cpus=0,
            maxv_cpus=environment.max_vcpus,
            terminate_on_update=False,
            update_timeout=Duration.minutes(environment.timeout_minutes),
            update_to_latest_image_version=True,
        )
        if network.mount.ready is not None:
            compute.node.add_dependency(network.mount.ready)
        queue.add_compute_environment(compute, order)
    return queue
