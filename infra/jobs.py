"""What runs: the refresh and the load of a database, one image, each with its own rights.

The refresh reads the database and publishes; it cannot write to the file system. The load takes
an upload from the bucket and puts it in the database's place; it cannot publish.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Aws, Duration, Fn, Size, Stack
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.data import use_of_key
from infra.environments import CONTAINER_UID, MOUNT_PATH, SCRATCH_PATH, Environment
from infra.facts import INCOMING_PREFIX, RUN_PREFIX, WORKSPACE_PREFIX
from infra.network import MountableFileSystem
from infra.watching import watched

IMAGE_SOURCE = Path(__file__).resolve().parents[1] / "analytics_core"

LOAD_MEMORY_MIB = 1024
LOAD_SCRATCH_MIB = 64
"""A load streams; what its check holds, the recipes and lines, is 211 MiB at 100,000 recipes."""

RETRIES = (
    # In this order; the first that matches counts. A reclaimed Spot instance.
    batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_status_reason="Host EC2*")),
    # The container never ran: its image did not arrive, docker did not answer in time, ...
    batch.RetryStrategy.of(
        batch.Action.RETRY, batch.Reason.custom(on_status_reason="Task failed to start*")
    ),
    # ... or the file system could not be mounted yet.
    batch.RetryStrategy.of(
        batch.Action.RETRY, batch.Reason.custom(on_status_reason="Error response from daemon*")
    ),
    # The job's own word for "interrupted, try again".
    batch.RetryStrategy.of(batch.Action.RETRY, batch.Reason.custom(on_exit_code="75")),
    # Where no rule matches, Batch retries: an application's failure would run three times.
    batch.RetryStrategy.of(batch.Action.EXIT, batch.Reason.custom(on_reason="*")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an environment's jobs read and write.

    Attributes
    ----------
    environment
        Its settings.
    bucket, log_group
        Where documents and logs go.
    mount
        The file system; None when the database is in S3.
    """

    environment: Environment
    bucket: s3.IBucket
    log_group: logs.ILogGroup
    mount: MountableFileSystem | None

    @property
    def output(self) -> str:
        """Where documents are published, `s3://bucket[/prefix]`."""
        return f"s3://{self.bucket.bucket_name}/{self.environment.key_prefix}".removesuffix("/")

    @property
    def database(self) -> str:
        """The database as the job is told of it: a path, or `s3://bucket/key`."""
        path = self.environment.database_path
        own = path.startswith("s3:///")
        return f"s3://{self.bucket.bucket_name}{path.removeprefix('s3://')}" if own else path

    def objects(self, *folders: str) -> list[str]:
        """Return the ARNs of everything below folders of the bucket."""
        prefix = self.environment.key_prefix
        return [self.bucket.arn_for_objects(f"{prefix}{folder}/*") for folder in folders]


class Jobs(Construct):
    """The job definitions and their roles.

    Attributes
    ----------
    refresh, load
        The definitions; `load` is None when the database is in S3, where an upload is enough.
    refresh_role, load_role, execution_role
        The rights of the two programs, and of the ECS agent on their behalf.
    """

    def __init__(self, scope: Construct, construct_id: str, *, places: Places) -> None:
        super().__init__(scope, construct_id)
        self._places = places
        self._image = ecs.ContainerImage.from_docker_image_asset(
            ecr_assets.DockerImageAsset(
                self,
                "Image",
                directory=str(IMAGE_SOURCE),
                platform=ecr_assets.Platform.LINUX_ARM64,
                display_name="analytics-core",
            )
        )
        self.execution_role = self._role(
            "ExecutionRole", "The ECS agent for the jobs: pull the image, write the log", []
        )
        places.log_group.grant_write(self.execution_role)
        self.refresh_role = self._role(
            "RefreshRole",
            "The refresh: read the database, publish to the bucket",
            _refresh_rights(places),
        )
        environment = places.environment
        threads = str(environment.vcpus)
        self.refresh = self._definition(
            "Refresh",
            role=self.refresh_role,
            vcpus=environment.vcpus,
            memory_mib=environment.memory_mib,
            scratch_mib=environment.scratch_mib,
            writable=False,
            variables={
                "ANALYTICS_OUTPUT": places.output,
                "ANALYTICS_WORKSPACE": f"{places.output}/{WORKSPACE_PREFIX}",
                "ANALYTICS_SCRATCH": SCRATCH_PATH,
                "ANALYTICS_METRICS": watched(environment),
                # The host's processors are visible inside; the reservation is not.
                "ANALYTICS_THREADS": threads,
                "NUMBA_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
            },
        )
        self.load: batch.EcsJobDefinition | None = None
        if places.mount is not None:
            self.load_role = self._role(
                "LoadRole",
                "The load: take an upload, replace the database by it",
                _load_rights(places, places.mount),
            )
            self.load = self._definition(
                "Load",
                role=self.load_role,
                vcpus=1,
                memory_mib=LOAD_MEMORY_MIB,
                scratch_mib=LOAD_SCRATCH_MIB,
                writable=True,
                variables={},
                command=["python", "-m", "analytics_core", "load"],
            )

    def _role(self, name: str, description: str, rights: list[iam.PolicyStatement]) -> iam.Role:
        role = iam.Role(
            self,
            name,
            assumed_by=iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            description=description,
        )
        for statement in rights:
            role.add_to_policy(statement)
        return role

    def _definition(
        self,
        name: str,
        *,
        role: iam.IRole,
        vcpus: int,
        memory_mib: int,
        scratch_mib: int,
        writable: bool,
        variables: dict[str, str],
        command: list[str] | None = None,
    ) -> batch.EcsJobDefinition:
        environment, mount = self._places.environment, self._places.mount
        linux = batch.LinuxParameters(self, f"{name}Linux", init_process_enabled=True)
        # Memory-backed, so it vanishes with the container, and writable for a plain user: a Batch
        # host volume without a source path is a folder made by Docker that belongs to root. No
        # `mode=` option is given, because Batch lists `mode` without a value; instead the mode of
        # the image's own /scratch counts (1777 there, and also where the folder is missing).
        linux.add_tmpfs(
            batch.Tmpfs(
                container_path=SCRATCH_PATH,
                size=Size.mebibytes(scratch_mib),
                mount_options=[batch.TmpfsMountOption.NOSUID, batch.TmpfsMountOption.NODEV],
            )
        )
        volumes = (
            []
            if mount is None
            else [
                batch.EcsVolume.efs(
                    name="database",
                    container_path=MOUNT_PATH,
                    file_system=mount.file_system,
                    access_point_id=mount.access_point_id,
                    enable_transit_encryption=True,
                    use_job_role=True,
                    readonly=not writable,
                )
            ]
        )
        return batch.EcsJobDefinition(
            self,
            name,
            container=batch.EcsEc2ContainerDefinition(
                self,
                f"{name}Container",
                image=self._image,
                command=command,
                cpu=vcpus,
                memory=Size.mebibytes(memory_mib),
                job_role=role,
                execution_role=self.execution_role,
                linux_parameters=linux,
                logging=ecs.LogDriver.aws_logs(
                    stream_prefix=name.lower(), log_group=self._places.log_group
                ),
                privileged=False,
                readonly_root_filesystem=True,
                user=str(CONTAINER_UID),
                volumes=volumes,
                environment={
                    # Nothing else tells boto3 where it is: a container on EC2 gets no region.
                    "AWS_DEFAULT_REGION": Aws.REGION,
                    "ANALYTICS_ENVIRONMENT": environment.name,
                    "DB_PATH": self._places.database,
                    "DB_LAYOUT": environment.database_layout,
                    **({"DB_BAR": environment.database_bar} if environment.database_bar else {}),
                    "TMPDIR": SCRATCH_PATH,
                    **variables,
                },
            ),
            retry_attempts=environment.attempts,
            retry_strategies=list(RETRIES),
            timeout=Duration.minutes(environment.timeout_minutes),
            propagate_tags=True,
            # Else a trigger that has not been updated yet submits a revision that is gone.
            skip_deregister_on_update=True,
        )


def any_revision(definition: batch.EcsJobDefinition) -> str:
    """Return the ARN that stands for every revision of a definition.

    While a stack is updated, the trigger still submits the revision it was deployed with.
    """
    name = Fn.select(5, Fn.split(":", definition.job_definition_arn))
    stack = Stack.of(definition)
    return f"arn:{stack.partition}:batch:{stack.region}:{stack.account}:{name}:*"


def _refresh_rights(places: Places) -> list[iam.PolicyStatement]:
    environment, bucket = places.environment, places.bucket
    rights = [
        iam.PolicyStatement(
            sid="PublishAndReadBack",  # old runs are pruned, documents checked after writing
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            resources=places.objects(RUN_PREFIX, WORKSPACE_PREFIX),
        ),
        _list(bucket.bucket_arn),
        *use_of_key(environment.bucket_key_arn, write=True),
    ]
    if places.mount is not None:
        # No ClientWrite: a write fails whatever the mount's options say.
        return [*rights, _mount(places.mount, "elasticfilesystem:ClientMount")]
    name, _, key = environment.database_path.removeprefix("s3://").partition("/")
    if name:
        arn = f"arn:{Aws.PARTITION}:s3:::{name}"
        rights += [_list(arn), *use_of_key(environment.database_key_arn, write=False)]
    else:
        arn = bucket.bucket_arn
    return [
        *rights,
        iam.PolicyStatement(
            sid="ReadTheDatabase", actions=["s3:GetObject"], resources=[f"{arn}/{key}"]
        ),
    ]


def _load_rights(places: Places, mount: MountableFileSystem) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(
            sid="TakeTheUpload",
            actions=["s3:GetObject", "s3:DeleteObject"],
            resources=places.objects(INCOMING_PREFIX),
        ),
        _list(places.bucket.bucket_arn),
        *use_of_key(places.environment.bucket_key_arn, write=False),
        _mount(mount, "elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"),
    ]


def _list(bucket_arn: str) -> iam.PolicyStatement:
    """Tell a missing key from a forbidden one; without the right S3 answers 403 for both.

    No condition on `s3:prefix`: a request for an object has none, and neither need a list have
    one. What admits the first, as `...IfExists` does, admits a list of everything.
    """
    return iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket_arn])


def _mount(mount: MountableFileSystem, *actions: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="MountAtTheAccessPoint",
        actions=list(actions),
        resources=[mount.file_system.file_system_arn],
        conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": mount.access_point_arn}},
    )
