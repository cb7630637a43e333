"""Environments are data: every difference between dev and prod is a field of `Environment`.

`DEV` and `PROD` are the defaults; an owner changes single fields in `cdk.json`::

    "context": {"environments": {"prod": {"vpc": {...}, "alarm_email": "bar@example.org"}}}

Values are checked here, once, before any construct exists, so that a slip is one sentence
on the terminal and not a failed deployment.
"""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

MOUNT_PATH = "/mnt/efs"
"""Where the job sees the file system."""

SCRATCH_PATH = "/scratch"
"""The only place where the job can write; memory-backed, see `infra/batch.py`."""

CONTAINER_UID = 10001
"""The plain user of the image, and the POSIX user of an access point made here."""

SMALLEST_MEMORY_MIB = 2048
LARGEST_VCPUS = 8
"""The largest listed instance type (c7g.2xlarge) has 8 vCPUs."""

LONGEST_LOOK_BACK_HOURS = 7 * 24
"""CloudWatch evaluates an alarm with periods of an hour over at most seven days."""

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
"""What CloudWatch Logs accepts, as far as it makes sense here."""


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
    vpc, file_system, bucket_name
        Existing resources to adopt; None makes new ones.
    database_path
        The SQLite file as the job sees it, below `/mnt/efs/`.
    vcpus, memory_mib
        What one job reserves; threads equal vCPUs.
    scratch_mib
        Size of the writable scratch space; it is part of `memory_mib`.
    timeout_minutes
        One attempt is ended after this long.
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
    alarm_email
        Subscribed to the alarm topic; None leaves the topic without subscribers.
    nightly_refresh
        A refresh each night, whatever the trigger did.
    api_handler_role_arn
        The site's API handler; may invoke the trigger.
    destroy_data
        Bucket and file system go with the stack. Never for data somebody would miss.
    log_retention_days, run_retention_days
        Days that logs, and superseded files of old runs, are kept.
    backups
        Daily AWS Backup of a file system made here.
    runs_per_month, minutes_per_run
        What to expect; read by the cost command only.
    """

    name: str
    stack_name: str
    network_mode: NetworkMode
    vpc: AdoptedVpc | None = None
    file_system: AdoptedFileSystem | None = None
    bucket_name: str | None = None
    database_path: str = f"{MOUNT_PATH}/cocktails.db"
    vcpus: int
    memory_mib: int
    scratch_mib: int
    timeout_minutes: int
    attempts: int = 3
    runnable_minutes: int
    max_vcpus: int
    on_demand_fallback: bool
    quiet_minutes: int
    maximum_wait_minutes: int
    freshness_hours: int
    alarm_email: str | None = None
    nightly_refresh: bool
    api_handler_role_arn: str | None = None
    destroy_data: bool
    log_retention_days: int
    run_retention_days: int
    backups: bool
    runs_per_month: int
    minutes_per_run: float

    def __post_init__(self) -> None:
        """Refuse what AWS would refuse later, or what would hang."""
        _check(self)


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
    if env.vcpus not in (1, 2, 4, LARGEST_VCPUS):
        refuse("vcpus", f"is {env.vcpus}; give 1, 2, 4 or 8, the sizes of the listed instances")
    number("memory_mib", SMALLEST_MEMORY_MIB, 14_336, "MiB")
    number("scratch_mib", 16, env.memory_mib // 2, "MiB")
    number("timeout_minutes", 1, 24 * 60, "minutes")
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
    below = f"{MOUNT_PATH}/"
    if not env.database_path.startswith(below) or ".." in env.database_path.split("/"):
        refuse("database_path", f"is {env.database_path!r}; it must lie below {below}")
    shaped("bucket_name", env.bucket_name, r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "'my-bucket'")
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


DEV = Environment(
    name="dev",
    stack_name="DevStack",
    network_mode=NetworkMode.PUBLIC,
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
    nightly_refresh=False,
    destroy_data=True,
    log_retention_days=14,
    run_retention_days=7,
    backups=False,
    runs_per_month=60,
    minutes_per_run=3.0,
)

PROD = Environment(
    name="prod",
    stack_name="ProdStack",
    network_mode=NetworkMode.ENDPOINTS,
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
    nightly_refresh=True,
    destroy_data=False,
    log_retention_days=90,
    run_retention_days=30,
    backups=True,
    runs_per_month=120,
    minutes_per_run=3.0,
)

DEFAULTS: Mapping[str, Environment] = types.MappingProxyType({"dev": DEV, "prod": PROD})


def environments_from(context: object) -> dict[str, Environment]:
    """Apply the overrides of `cdk.json` to the defaults.

    Parameters
    ----------
    context
        The context value `environments`: None, or a mapping from environment name to a mapping
        of field to value.

    Returns
    -------
    dict
        Environment by name, `dev` and `prod`.

    Raises
    ------
    InvalidEnvironment
        For an unknown environment or field, a value of the wrong kind, or one out of range.
    """
    if context is None:
        return dict(DEFAULTS)
    if isinstance(context, str):  # `cdk -c environments='{"dev": {...}}'` hands text over
        try:
            context = json.loads(context)
        except json.JSONDecodeError as error:
            raise InvalidEnvironment(f"context 'environments' is no JSON: {error}.") from None
    if not isinstance(context, Mapping):
        raise InvalidEnvironment(
            "context 'environments' must be an object such as {\"dev\": {...}}."
        )
    for name in context:
        if name not in DEFAULTS:
            known = " and ".join(DEFAULTS)
            raise InvalidEnvironment(f"context 'environments' names {name!r}; there are {known}.")
    return {name: _overridden(default, context.get(name, {})) for name, default in DEFAULTS.items()}


def _overridden(default: Environment, overrides: object) -> Environment:
    where = f"environment {default.name!r}"
    changes = _typed_fields(Environment, overrides, where)
    for fixed in ("name", "stack_name"):
        if fixed in changes:
            raise InvalidEnvironment(f"{where}: {fixed} cannot be changed; it names what is there.")
    return dataclasses.replace(default, **changes)


def _typed_fields(cls: type, values: object, where: str) -> dict[str, typing.Any]:
    """Return `values` as constructor arguments of dataclass `cls`, each converted to its type."""
    if not isinstance(values, Mapping):
        raise InvalidEnvironment(f"{where} must be an object of field names and values.")
    hints = typing.get_type_hints(cls)
    result = {}
    for field, value in values.items():
        if field not in hints:
            raise InvalidEnvironment(f"{where}: there is no field {field!r}; see environments.py.")
        result[field] = _typed(hints[field], value, f"{where}: {field}")
    return result


def _typed(hint: typing.Any, value: object, where: str) -> object:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        given = _typed_fields(hint, value, where)
        missing = [f.name for f in dataclasses.fields(hint) if f.name not in given]
        if missing:
            raise InvalidEnvironment(f"{where} lacks {', '.join(missing)}.")
        return hint(**given)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise InvalidEnvironment(f"{where} must be a list of strings, not {value!r}.")
        return tuple(value)
    if hint is NetworkMode:
        try:
            return NetworkMode(str(value))
        except ValueError:
            modes = ", ".join(NetworkMode)
            raise InvalidEnvironment(f"{where} is {value!r}; give one of {modes}.") from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # The context comes from JSON, or from `cdk -c` as text: True is an int to Python, not to us.
    if type(value) is int and hint is int:
        return value
    if isinstance(value, float) and value.is_integer() and hint is int:
        return int(value)  # jsii hands every JSON number over as a float
    if type(value) is not hint:
        kinds = {int: "a whole number", bool: "true or false", str: "text", float: "a number"}
        raise InvalidEnvironment(f"{where} must be {kinds.get(hint, hint)}, not {value!r}.")
    return value
