"""Batch as strict as it is: what a definition may say, which revision may be submitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.batch import models
from moto.batch.exceptions import ClientException
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from infra.facts import LARGEST_ARRAY
from infra.facts_text import COUNTS, TEXTS

DEFINITION = TEXTS["AWS::Batch::JobDefinition"]
MOST_RULES = COUNTS["AWS::Batch::JobDefinition"]["RetryStrategy.EvaluateOnExit"].most
MOST_ATTEMPTS = 10
SMALLEST_ARRAY = 2
MOST_DEPENDENCIES = 20
SHORTEST_TIMEOUT_SECONDS = 60
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 600, 86_400
SERVICE_ROLE = "AWSServiceRoleForBatch"

_register = models.BatchBackend.register_job_definition
_submit = models.BatchBackend.submit_job
_create_compute = models.BatchBackend.create_compute_environment
_describe_compute = models.BatchBackend.describe_compute_environments
_create_queue = models.BatchBackend.create_job_queue
_queue_from_template = models.JobQueue.create_from_cloudformation_json.__func__


def troubles(container: Any, retries: Any, timeout: Any) -> Iterator[str]:
    """Yield what RegisterJobDefinition would refuse."""
    yield from _retry_troubles(retries or {})
    if (timeout or {}).get("attemptDurationSeconds", 3600) < SHORTEST_TIMEOUT_SECONDS:
        yield f"attemptDurationSeconds must be at least {SHORTEST_TIMEOUT_SECONDS}"
    if not container:
        return
    yield from _reserved(container.get("environment", []))
    volumes = {volume["name"]: volume for volume in container.get("volumes", [])}
    for point in container.get("mountPoints", []):
        if point.get("sourceVolume") not in volumes:
            yield f"mount point names volume {point.get('sourceVolume')}, which is not there"
    for volume in volumes.values():
        efs = volume.get("efsVolumeConfiguration")
        if efs is not None:
            yield from _efs_troubles(efs, container)


def _reserved(environment: Any) -> Iterator[str]:
    for variable in environment:
        if variable["name"].startswith("AWS_BATCH"):
            yield f"environment variable {variable['name']} begins with AWS_BATCH"


def _retry_troubles(retries: Any) -> Iterator[str]:
    rules = retries.get("evaluateOnExit", [])
    attempts = retries.get("attempts")
    if rules and attempts is None:
        yield "attempts must be specified with evaluateOnExit"
    if attempts is not None and not 1 <= int(attempts) <= MOST_ATTEMPTS:
        yield f"attempts must be between 1 and {MOST_ATTEMPTS}"
    if len(rules) > MOST_RULES:
        yield f"evaluateOnExit has {len(rules)} entries, at most {MOST_RULES}"
    for rule in rules:
        if str(rule.get("action")).upper() not in ("RETRY", "EXIT"):
            yield f"action {rule.get('action')} must be one of RETRY, EXIT"
        for key in ("onReason", "onStatusReason", "onExitCode"):
            text = DEFINITION[f"RetryStrategy.EvaluateOnExit[].{key[0].upper()}{key[1:]}"]
            if key in rule and text.fault(str(rule[key])):
                yield f"{key} {rule[key]} {text.fault(str(rule[key]))}"


def _efs_troubles(efs: Any, container: Any) -> Iterator[str]:
    access = efs.get("authorizationConfig", {})
    encrypted = efs.get("transitEncryption") == "ENABLED"
    if access.get("accessPointId") and efs.get("rootDirectory", "/") != "/":
        yield "rootDirectory must be omitted or / when an access point is specified"
    if access.get("accessPointId") and not encrypted:
        yield "transitEncryption must be enabled when an access point is specified"
    if access.get("iam") == "ENABLED" and not encrypted:
        yield "transitEncryption must be enabled when IAM authorization is used"
    if access.get("iam") == "ENABLED" and not container.get("jobRoleArn"):
        yield "jobRoleArn must be specified when IAM authorization is used"


def _refuse(found: Iterator[str]) -> None:
    for trouble in found:
        raise ClientException(f"Error executing request, Exception : {trouble}.")


def register(backend: Any, def_name: str, *rest: Any, **named: Any) -> Any:
    """RegisterJobDefinition: checked first; a name without a revision begins with 1."""
    given = dict(zip(models.BatchBackend.register_arguments, rest, strict=False)) | named
    _refuse(
        troubles(given.get("container_properties"), given.get("retry_strategy"), given["timeout"])
    )
    return _register(backend, def_name, **given)


def submit(
    backend: Any, job_name: str, job_def_id: str, job_queue: str, *rest: Any, **named: Any
) -> Any:
    """SubmitJob: an active revision, an enabled queue."""
    overrides = named.get("container_overrides") or {}
    _refuse(_reserved(overrides.get("environment", [])))
    _refuse(_array_troubles(backend, named))
    definition = backend.get_job_definition(job_def_id)
    if definition is not None and definition.status != "ACTIVE":
        newest = [
            d
            for d in backend._job_definitions.values()
            if d.name == job_def_id and d.status == "ACTIVE"
        ]
        if not newest:
            raise ClientException(f"Job definition {definition.arn} is not in an ACTIVE state.")
        job_def_id = max(newest, key=lambda d: d.revision).arn
    queue = backend.get_job_queue(job_queue)
    if queue is not None and queue.state != "ENABLED":
        raise ClientException(f"Job queue {queue.arn} is not in an ENABLED state.")
    return _submit(backend, job_name, job_def_id, job_queue, *rest, **named)


def _array_troubles(backend: Any, given: Any) -> Iterator[str]:
    size = (given.get("array_properties") or {}).get("size")
    if size is not None and not SMALLEST_ARRAY <= size <= LARGEST_ARRAY:
        yield f"Array size must be between {SMALLEST_ARRAY} and {LARGEST_ARRAY}"
    depends = given.get("depends_on") or []
    if len(depends) > MOST_DEPENDENCIES:
        yield f"dependsOn must have length less than or equal to {MOST_DEPENDENCIES}"
    for dependency in depends:
        job_id = dependency.get("jobId")
        if job_id is not None and backend.get_job_by_id(job_id) is None:
            yield f"dependency {job_id} does not exist"


def architectures(kinds: list[str]) -> set[str]:
    """Return the processor architectures of instance types and families."""
    found: set[str] = set()
    for kind in kinds:
        if kind.startswith("optimal"):
            found.add("x86_64")
            continue
        names = [n for n in INSTANCE_TYPES if n == kind or n.partition(".")[0] == kind]
        for name in names:
            supported = INSTANCE_TYPES[name]["ProcessorInfo"]["SupportedArchitectures"]
            found.update(set(supported) & {"x86_64", "arm64"})
    return found


def mixed(resources: Any) -> str | None:
    """Say why a compute environment could not launch anything, None when it can."""
    kinds = (resources or {}).get("instanceTypes", [])
    if len(architectures(kinds)) > 1:
        return f"CLIENT_ERROR - Instance types {', '.join(kinds)} mix architectures"
    return None


def create_compute(backend: Any, *arguments: Any, **named: Any) -> Any:
    """CreateComputeEnvironment: what mixes architectures comes up INVALID."""
    made = _create_compute(backend, *arguments, **named)
    made.trouble = mixed(named.get("compute_resources") or (arguments[3:4] or [None])[0])
    return made


def describe_compute(backend: Any, *rest: Any, **named: Any) -> Any:
    """DescribeComputeEnvironments with the status that is so."""
    found = _describe_compute(backend, *rest, **named)
    for entry in found:
        made = backend.get_compute_environment_by_arn(entry["computeEnvironmentArn"])
        if made.trouble is not None:
            entry.update(status="INVALID", statusReason=made.trouble)
    return found


def create_queue(backend: Any, **named: Any) -> Any:
    """CreateJobQueue: on valid compute environments."""
    for entry in named.get("compute_env_order") or []:
        made = backend.get_compute_environment(entry["computeEnvironment"])
        if made is not None and made.trouble is not None:
            raise ClientException(f"{made.arn} is not in a VALID state.")
    return _create_queue(backend, **named)


def compute_from_template(
    _: type,
    resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
    **__: Any,
) -> Any:
    """A compute environment with the service-linked role, as it is without a role of its own."""
    properties = cloudformation_json["Properties"]
    backend = models.batch_backends[account_id][region_name]
    resources = models.lowercase_first_key(properties["ComputeResources"])
    trouble = mixed(resources)
    if trouble is not None:  # CloudFormation waits until it is VALID
        raise ClientException(f"Resource failed to stabilize: INVALID: {trouble}")
    return backend.create_compute_environment(
        resource_name,
        properties["Type"].upper(),
        properties.get("State", "ENABLED"),
        resources,
        _service_role(account_id, region_name),
        tags=properties.get("Tags"),
    )


def _service_role(account_id: str, region_name: str) -> str:
    iam = iam_backends[account_id][get_partition(region_name)]
    names = {role.name: role.arn for role in iam.roles.values()}
    if SERVICE_ROLE not in names:
        role = iam.create_role(
            role_name=SERVICE_ROLE,
            assume_role_policy_document="{}",
            path="/aws-service-role/batch.amazonaws.com/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
        )
        names[SERVICE_ROLE] = role.arn
    arn: str = names[SERVICE_ROLE]
    return arn


def definition_from_template(
    _: type,
    resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
    **__: Any,
) -> Any:
    """A job definition with all its parts."""
    properties = cloudformation_json["Properties"]
    lower = models.lowercase_first_key
    return models.batch_backends[account_id][region_name].register_job_definition(
        def_name=resource_name[-128:].lstrip("-"),
        parameters=properties.get("Parameters", {}),
        _type=properties["Type"],
        tags=properties.get("Tags", {}),
        retry_strategy=lower(properties.get("RetryStrategy", {})),
        container_properties=lower(properties["ContainerProperties"]),
        node_properties=None,
        eks_properties=None,
        timeout=lower(properties.get("Timeout", {})),
        platform_capabilities=properties.get("PlatformCapabilities", []),
        propagate_tags=properties.get("PropagateTags", False),
    )


def queue_from_template(
    cls: type, resource_name: str, cloudformation_json: Any, *rest: Any, **named: Any
) -> Any:
    """A job queue; its time limits are within what Batch takes."""
    limits = cloudformation_json["Properties"].get("JobStateTimeLimitActions", [])
    _refuse(_limit_troubles(limits))
    return _queue_from_template(cls, resource_name, cloudformation_json, *rest, **named)


def _limit_troubles(limits: Any) -> Iterator[str]:
    for limit in limits:
        seconds = int(limit["MaxTimeSeconds"])
        if not SHORTEST_WAIT_SECONDS <= seconds <= LONGEST_WAIT_SECONDS:
            yield f"maxTimeSeconds {seconds} must be between 600 and 86400"
        if limit["State"] != "RUNNABLE":
            yield f"state {limit['State']} must be RUNNABLE"
        if limit["Action"] not in ("CANCEL", "TERMINATE"):
            yield f"action {limit['Action']} must be CANCEL"


def remove_definition(_: type, name: str, __: Any, account_id: str, region_name: str) -> None:
    models.batch_backends[account_id][region_name].deregister_job_definition(name)


def remove_queue(_: type, name: str, __: Any, account_id: str, region_name: str) -> None:
    models.batch_backends[account_id][region_name].delete_job_queue(name)


def remove_compute(_: type, name: str, __: Any, account_id: str, region_name: str) -> None:
    """A compute environment that a queue still uses stays."""
    backend = models.batch_backends[account_id][region_name]
    made = backend.get_compute_environment(name)
    if any(made in queue.environments for queue in backend._job_queues.values()):
        raise ClientException("Cannot delete, found existing JobQueue relationship")
    backend.delete_compute_environment(name)


def patch() -> None:
    """Put Batch's rules in moto's place."""
    backend = models.BatchBackend
    code = _register.__code__
    backend.register_arguments = code.co_varnames[2 : code.co_argcount]
    backend.register_job_definition = register
    backend.submit_job = submit
    backend.create_compute_environment = create_compute
    backend.describe_compute_environments = describe_compute
    backend.create_job_queue = create_queue
    models.ComputeEnvironment.trouble = None
    for cls, made, removed in (
        (models.ComputeEnvironment, compute_from_template, remove_compute),
        (models.JobDefinition, definition_from_template, remove_definition),
        (models.JobQueue, queue_from_template, remove_queue),
    ):
        cls.create_from_cloudformation_json = classmethod(made)
        cls.delete_from_cloudformation_json = classmethod(removed)
