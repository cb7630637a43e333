"""Environments are data: every difference between dev and prod is a field of `Environment`.

`DEV` and `PROD` are the defaults; `infra/overrides.py` reads what an owner changes in `cdk.json`.
Values are checked here, once, before any construct exists, so that a slip is one sentence
on the terminal and not a failed deployment.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from infra.facts import (
    AGENT_SHARE,
    ARM64_TYPE,
    BUCKET_NAME,
    INSTANCE_CAPACITY,
    LARGEST_ARRAY,
    LOG_RETENTION_DAYS,
    LONGEST_LOOK_BACK_HOURS,
)

MOUNT_PATH = "/mnt/efs"
"""Where the job sees the file system."""

SCRATCH_PATH = "/scratch"
"""The only place where the job can write; memory-backed, see `infra/batch.py`."""

CONTAINER_UID = 10001
"""The plain user of the image, and the POSIX user of an access point made here."""

LAYOUTS = ("auto", "cocktaildb", "bar-assistant", "table")
"""What the job knows of databases; `--layout` of `analytics-core` says more."""

OWN_DATABASE_FOLDER = "database/"
"""Where in its own bucket an environment may keep its database (`s3:///database/...`)."""

SMALLEST_MEMORY_MIB = 2048


class InvalidEnvironment(ValueError):  # noqa: N818 - read as a sentence
    """An environment's value that cannot be deployed; the message is one sentence."""


class NetworkMode(StrEnum):
    """How the instances reach AWS; `docs/cost.md` has the bill of each."""

    PUBLIC = "public"
    """Public subnets, public addresses, no ingress: nothing to pay while idle."""
    ENDPOINTS = "endpoints"
    """Isolated subnets with interface endpoints: no way out to the internet at all."""
    NAT = "nat"
    """Private subnets behind one NAT gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedVpc:
    """A network that exists, given by attributes so that synthesis needs no AWS account.

    Attributes
    ----------
    vpc_id
        `vpc-…`
    availability_zones
        Names of the zones, in the order of `subnet_ids`.
    subnet_ids
        One subnet a zone, in which the instances run. `network_mode` says what they are:
        `public` subnets must give public addresses at launch; `endpoints` and `nat` subnets
        must have what their name says, since an adopted network is left as it is.
    """

    vpc_id: str
    availability_zones: tuple[str, ...]
    subnet_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedFileSystem:
    """A file system that exists, with the access point the site already uses or one beside it.

    Attributes
    ----------
    file_system_id
        `fs-…`
    access_point_id
        `fsap-…`
    security_group_id
        `sg-…`, that of the mount targets; one ingress rule for the job is added to it.
    """

    file_system_id: str
    access_point_id: str
    security_group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a step of a refresh shared by many machines reserves.

    Attributes
    ----------
    vcpus, memory_mib, timeout_minutes
        As the environment's fields of these names.
    """

    vcpus: int
    memory_mib: int
    timeout_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One deployment of the analytics, complete.

    Attributes
    ----------
    name
        Lower-case word; part of stack outputs, parameter names and tags.
    stack_name
        What `cdk deploy` calls it.
    network_mode
        See `NetworkMode`.
    zones
        How many zones a network made here spans; more zones are more Spot pools.
    vpc, file_system, bucket_name
        Existing resources to adopt; None makes new ones.
    bucket_prefix
        Everything in the bucket lies below it; no slash at either end.
    bucket_key_arn
        The KMS key of an adopted bucket; None for S3's own encryption.
    database_path
        The SQLite file: below `/mnt/efs/` on the file system, or `s3://bucket/key`, or
        `s3:///database/name.db` for the environment's own bucket. In S3 no file system is made.
    database_key_arn
        The KMS key of a database in another bucket.
    database_layout
        What the database is: one of `LAYOUTS`.
    database_bar
        Which of several bars in it, by id or slug; None where there is but one.
    instance_types
        What the compute environments may start: ARM64, smallest first.
    vcpus, memory_mib
        What one job reserves; threads equal vCPUs.
    scratch_mib
        Size of the writable scratch space; it is part of `memory_mib`.
    timeout_minutes
        One attempt is ended after this long.
    shards
        Among how many machines the search for neighbors is divided: 0 for one job that does
        everything, "auto" for as many as `shard_minutes` asks for; see `docs/scale.md`. With
        "auto", `plan_machine` and `shard_machine` have as many vCPUs as `vcpus`.
    shard_minutes
        How long a shard takes when `shards` is "auto".
    plan_machine, shard_machine, finish_machine
        What the three steps of a refresh with shards reserve; None is `vcpus`, `memory_mib` and
        `timeout_minutes`.
    attempts
        Spot reclaims, image pulls and exit 75 are tried again up to this often.
    runnable_minutes
        A job that found no capacity for so long is cancelled, so that a stuck queue is noticed.
    max_vcpus
        Ceiling of the compute environment; the floor is 0.
    on_demand_fallback
        Adds an on-demand environment behind the Spot one.
    quiet_minutes, maximum_wait_minutes
        The trigger's debounce: a refresh starts after this quiet time, at latest after this wait.
    freshness_hours
        Without a success for so long, an alarm.
    alarms, dashboard
        CloudWatch alarms on silence and on lost requests; a dashboard. Both are billed while idle.
    monthly_budget_usd
        An AWS Budgets alarm on what the whole account costs; None makes none.
    alarm_email
        Subscribed to the topic of failures and alarms; None leaves it without subscribers.
    nightly_refresh
        A refresh each night, whatever the trigger did.
    api_handler_role_arn
        The site's API handler; may invoke the trigger.
    destroy_data
        Bucket and file system go with the stack. Never for data somebody would miss.
    termination_protection
        CloudFormation refuses to delete the stack. Switch it on after the first deployment: a
        stack whose creation failed must be deleted before the next try.
    log_retention_days, run_retention_days
        Days that logs, and superseded files of old runs, are kept.
    backups
        Daily AWS Backup of a file system made here.
    runs_per_month, minutes_per_run
        What to expect; read by the cost command only.
    """

    name: str
    stack_name: str
    network_mode: NetworkMode = NetworkMode.PUBLIC
    zones: int = 2
    vpc: AdoptedVpc | None = None
    file_system: AdoptedFileSystem | None = None
    bucket_name: str | None = None
    bucket_prefix: str = ""
    bucket_key_arn: str | None = None
    database_path: str = f"{MOUNT_PATH}/cocktails.db"
    database_key_arn: str | None = None
    database_layout: str = "auto"
    database_bar: str | None = None
    instance_types: tuple[str, ...] = ("c7g.medium", "c7g.large", "c7g.xlarge", "c7g.2xlarge")
    vcpus: int
    memory_mib: int
    scratch_mib: int
    timeout_minutes: int
    shards: int | str = 0
    shard_minutes: float = 5
    plan_machine: Machine | None = None
    shard_machine: Machine | None = None
    finish_machine: Machine | None = None
    attempts: int = 3
    runnable_minutes: int
    max_vcpus: int
    on_demand_fallback: bool
    quiet_minutes: int
    maximum_wait_minutes: int
    freshness_hours: int
    alarms: bool
    dashboard: bool
    monthly_budget_usd: float | None = None
    alarm_email: str | None = None
    nightly_refresh: bool
    api_handler_role_arn: str | None = None
    destroy_data: bool
    termination_protection: bool = False
    log_retention_days: int
    run_retention_days: int
    backups: bool
    runs_per_month: int
    minutes_per_run: float

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse later, or what would hang."""
        _check(self)

    @property
    def database_in_s3(self) -> bool:
        """Whether the job reads its database from S3 and mounts nothing."""
        return self.database_path.startswith("s3://")

    @property
    def steps(self) -> dict[str, Machine]:
        """What each step of a refresh with shards reserves."""
        own = Machine(
            vcpus=self.vcpus, memory_mib=self.memory_mib, timeout_minutes=self.timeout_minutes
        )
        return {
            "plan": self.plan_machine or own,
            "shard": self.shard_machine or own,
            "finish": self.finish_machine or own,
        }

    @property
    def longest_minutes(self) -> int:
        """How long an attempt of any job may run: the environment's own, or a step of a chain."""
        return max(self.timeout_minutes, *(m.timeout_minutes for m in self.steps.values()))

    @property
    def key_prefix(self) -> str:
        """What every key in the bucket begins with: empty, or ending in a slash."""
        return f"{self.bucket_prefix}/" if self.bucket_prefix else ""


def _check(env: Environment) -> None:
    def refuse(field: str, trouble: str) -> typing.NoReturn:
        raise InvalidEnvironment(f"environment {env.name!r}: {field} {trouble}.")

    def number(field: str, low: int, high: int, unit: str) -> None:
        value = getattr(env, field)
        if not low <= value <= high:
            refuse(field, f"is {value} {unit}; give {low} to {high}")

    def shaped(field: str, value: str | None, pattern: str, example: str) -> None:
        if value is not None and not re.fullmatch(pattern, value):
            refuse(field, f"is {value!r}; it should look like {example}")

    shaped("name", env.name, r"[a-z][a-z0-9-]{0,19}", "'dev': lower-case letters, at most 20")
    shaped("stack_name", env.stack_name, r"[A-Za-z][A-Za-z0-9-]{0,99}", "'DevStack'")
    number("zones", 2, 6, "zones")
    for kind in env.instance_types:
        shaped("instance_types", kind, ARM64_TYPE, "'c7g.large', an ARM64 type with its size")
    if len(set(env.instance_types)) < 2:
        refuse("instance_types", "needs two types or more; one starves Spot of pools")
    number("vcpus", 1, 64, "vCPUs")
    number("memory_mib", SMALLEST_MEMORY_MIB, 131_072, "MiB")
    if set(env.instance_types) <= set(INSTANCE_CAPACITY) and smallest_fit(env) is None:
        refuse(
            "instance_types",
            f"has none that holds a job of {env.vcpus} vCPUs and {env.memory_mib} MiB beside the "
            "ECS agent; list a larger one, or lower vcpus or memory_mib",
        )
    number("scratch_mib", 16, env.memory_mib // 2, "MiB")
    number("timeout_minutes", 1, 24 * 60, "minutes")
    _check_shards(env, refuse)
    number("attempts", 1, 10, "attempts")
    number("runnable_minutes", 10, 24 * 60, "minutes")
    number("max_vcpus", env.vcpus, 256, "vCPUs")
    number("quiet_minutes", 1, 24 * 60, "minutes")
    number("maximum_wait_minutes", env.quiet_minutes, 24 * 60, "minutes")
    number("freshness_hours", 1, LONGEST_LOOK_BACK_HOURS, "hours")
    number("run_retention_days", 1, 3650, "days")
    number("runs_per_month", 0, 100_000, "runs")
    if not 0 < env.minutes_per_run <= env.timeout_minutes:
        refuse("minutes_per_run", f"is {env.minutes_per_run}; give more than 0, up to the timeout")
    if env.log_retention_days not in LOG_RETENTION_DAYS:
        known = ", ".join(map(str, LOG_RETENTION_DAYS))
        refuse("log_retention_days", f"is {env.log_retention_days}; CloudWatch accepts {known}")
    if env.monthly_budget_usd is not None and not 0 < env.monthly_budget_usd < 1_000_000:
        refuse("monthly_budget_usd", f"is {env.monthly_budget_usd}; give US dollars above 0")
    shaped("bucket_name", env.bucket_name, BUCKET_NAME, "'my-bucket'")
    shaped("bucket_prefix", env.bucket_prefix, r"|[\w-]+(/[\w-]+)*", "'bar' or 'bar/dev'")
    for field in ("bucket_key_arn", "database_key_arn"):
        key = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+"
        shaped(field, getattr(env, field), key, "'arn:aws:kms:eu-west-1:111122223333:key/1234-ab'")
    if env.bucket_key_arn is not None and env.bucket_name is None:
        refuse("bucket_key_arn", "is given, but a bucket made here has S3's own encryption")
    _check_database(env, refuse)
    shaped("alarm_email", env.alarm_email, r"[^@\s]+@[^@\s]+\.[^@\s]+", "'bar@example.org'")
    shaped(
        "api_handler_role_arn",
        env.api_handler_role_arn,
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
        "'arn:aws:iam::111122223333:role/Name'",
    )
    if env.vpc is not None:
        shaped("vpc.vpc_id", env.vpc.vpc_id, r"vpc-[0-9a-f]{8,17}", "'vpc-0123456789abcdef0'")
        for subnet in env.vpc.subnet_ids:
            shaped("vpc.subnet_ids", subnet, r"subnet-[0-9a-f]{8,17}", "'subnet-0123456789abcdef0'")
        for zone in env.vpc.availability_zones:
            shaped("vpc.availability_zones", zone, r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "'eu-west-1a'")
        if len(set(env.vpc.subnet_ids)) < 2 or len(set(env.vpc.availability_zones)) < 2:
            refuse("vpc", "needs subnets in two zones or more; one zone starves Spot of pools")
        if len(env.vpc.subnet_ids) != len(env.vpc.availability_zones):
            refuse("vpc", "needs as many subnet_ids as availability_zones, in the same order")
    if env.file_system is not None:
        fs = env.file_system
        if env.vpc is None:
            refuse("file_system", "is adopted, so vpc must be adopted too: its mount targets' own")
        hexa = r"[0-9a-f]{8,40}"
        shaped("file_system.file_system_id", fs.file_system_id, f"fs-{hexa}", "'fs-0123456789abc'")
        shaped(
            "file_system.access_point_id", fs.access_point_id, f"fsap-{hexa}", "'fsap-0123456789'"
        )
        shaped(
            "file_system.security_group_id", fs.security_group_id, f"sg-{hexa}", "'sg-0123456789ab'"
        )


def _check_database(env: Environment, refuse: Callable[[str, str], typing.NoReturn]) -> None:
    path = env.database_path
    below = f"{MOUNT_PATH}/"
    if ".." in path.split("/") or not (path.startswith(below) or env.database_in_s3):
        refuse(
            "database_path",
            f"is {path!r}; it must lie below {below}, or be s3://bucket/key, or "
            f"s3:///{OWN_DATABASE_FOLDER}name.db in the environment's own bucket",
        )
    if env.database_layout not in LAYOUTS:
        refuse("database_layout", f"is {env.database_layout!r}; choose one of {', '.join(LAYOUTS)}")
    if env.database_bar is not None and not env.database_bar.strip():
        refuse("database_bar", "is blank; give the id or the slug of a bar, or leave it out")
    if not env.database_in_s3:
        return
    bucket, _, key = path.removeprefix("s3://").partition("/")
    own = not bucket or bucket == env.bucket_name
    if not key or key.endswith("/") or not re.fullmatch(f"|{BUCKET_NAME}", bucket):
        refuse("database_path", f"is {path!r}; it should look like 's3://my-bucket/cocktails.db'")
    if own and not key.removeprefix(env.key_prefix).startswith(OWN_DATABASE_FOLDER):
        where = f"{env.key_prefix}{OWN_DATABASE_FOLDER}"
        refuse("database_path", f"is {path!r}; in the documents' bucket it must lie below {where}")
    if env.file_system is not None:
        refuse("file_system", "is adopted, but database_path is in S3; give one of the two")
    if own and env.database_key_arn is not None:
        refuse("database_key_arn", "is for another bucket; this one's key is bucket_key_arn")


def _check_shards(env: Environment, refuse: Callable[[str, str], typing.NoReturn]) -> None:
    shards = env.shards
    if shards != "auto" and not (isinstance(shards, int) and 0 <= shards <= LARGEST_ARRAY):
        refuse("shards", f"is {shards!r}; give 0 to {LARGEST_ARRAY}, or 'auto'")
    if not 0.5 <= env.shard_minutes <= 24 * 60:
        refuse("shard_minutes", f"is {env.shard_minutes}; give 0.5 to 1440 minutes")
    known = set(env.instance_types) <= set(INSTANCE_CAPACITY)
    for field in ("plan_machine", "shard_machine", "finish_machine"):
        machine = getattr(env, field)
        if machine is None:
            continue
        if not SMALLEST_MEMORY_MIB <= machine.memory_mib <= 131_072:
            refuse(field, f"has {machine.memory_mib} MiB; give {SMALLEST_MEMORY_MIB} to 131072")
        if not 1 <= machine.vcpus <= env.max_vcpus:
            refuse(field, f"has {machine.vcpus} vCPUs; give 1 to max_vcpus, {env.max_vcpus}")
        if not 1 <= machine.timeout_minutes <= 24 * 60:
            refuse(field, f"has {machine.timeout_minutes} minutes; give 1 to 1440")
        if env.scratch_mib > machine.memory_mib // 2:
            refuse(field, f"has {machine.memory_mib} MiB, less than twice scratch_mib")
        if known and smallest_fit(env, machine) is None:
            refuse(
                "instance_types",
                f"has none that holds {field} of {machine.vcpus} vCPUs and {machine.memory_mib} "
                "MiB beside the ECS agent; list a larger one, or lower the machine's numbers",
            )
    shortest = env.steps["shard"].timeout_minutes / 2
    if env.shards == "auto" and env.shard_minutes > shortest:
        refuse("shard_minutes", f"is {env.shard_minutes}; give half of a shard's timeout at most")
    # The plan, or a job that does everything, measures how long its own machine would search.
    measured = [env.vcpus, env.steps["plan"].vcpus, env.steps["shard"].vcpus]
    if env.shards == "auto" and len(set(measured)) > 1:
        refuse(
            "shards",
            "is 'auto', so that one machine measures how long another would search; give vcpus "
            "({}), plan_machine ({}) and shard_machine ({}) the same vCPUs, or a number of "
            "shards".format(*measured),
        )


def smallest_fit(env: Environment, machine: Machine | None = None) -> str | None:
    """Return the first listed type that holds a job beside the ECS agent; None for none.

    The job is the environment's own, or what a step reserves.
    """
    needed = machine or env
    for kind in env.instance_types:
        vcpus, memory_mib = INSTANCE_CAPACITY.get(kind, (0, 0))
        if needed.vcpus <= vcpus and needed.memory_mib <= memory_mib * (1 - AGENT_SHARE):
            return kind
    return None


DEV = Environment(
    name="dev",
    stack_name="DevStack",
    # A c7g.medium's 2,048 MiB, less the ECS agent's share, hold no job of 2,048; the next size
    # is paid for anyway, so the job takes what that has.
    vcpus=2,
    memory_mib=3072,
    scratch_mib=256,
    timeout_minutes=30,
    runnable_minutes=60,
    max_vcpus=8,
    on_demand_fallback=False,
    quiet_minutes=5,
    maximum_wait_minutes=30,
    freshness_hours=168,
    alarms=False,
    dashboard=False,
    nightly_refresh=False,
    destroy_data=True,
    log_retention_days=14,
    run_retention_days=7,
    backups=False,
    runs_per_month=60,
    minutes_per_run=0.5,
)

PROD = Environment(
    name="prod",
    stack_name="ProdStack",
    vcpus=2,
    memory_mib=3072,
    scratch_mib=512,
    timeout_minutes=60,
    runnable_minutes=120,
    max_vcpus=16,
    on_demand_fallback=True,
    quiet_minutes=15,
    maximum_wait_minutes=120,
    freshness_hours=48,
    alarms=True,
    dashboard=True,
    nightly_refresh=True,
    destroy_data=False,
    log_retention_days=90,
    run_retention_days=30,
    backups=True,
    runs_per_month=120,
    minutes_per_run=0.5,
)

DEFAULTS: Mapping[str, Environment] = types.MappingProxyType({"dev": DEV, "prod": PROD})

SMOKE = dataclasses.replace(DEV, name="smoke", stack_name="SmokeStack")
"""A throwaway beside the two, made only when the context has `smoke`; see `make smoke-aws`."""
