"""What changes in place when a stack is updated, where moto would replace or lose a resource."""

import json
from collections.abc import Callable
from typing import Any

from moto.batch.models import batch_backends, lowercase_first_key
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.utilities.utils import get_partition

Update = Callable[..., Any]


def update_in_place(
    kind: Any,
    was: Any,
    physical: str,
    cleaned: Any,
    *,
    given: Any,
    account_id: str,
    region_name: str,
) -> Any:
    """Change one resource to what its template says now; return it.

    Where neither this module nor moto knows how, the resource stays as it was.
    """
    own = UPDATES.get(cleaned["Type"])
    if own is not None:
        return own(was, cleaned["Properties"], account_id, region_name)
    if hasattr(kind.update_from_cloudformation_json, "__isabstractmethod__"):
        return was
    return kind.update_from_cloudformation_json(
        original_resource=was,
        new_resource_name=getattr(was, "name", physical),
        cloudformation_json=cleaned,
        account_id=account_id,
        region_name=region_name,
    )


def _definition(was: Any, properties: Any, account_id: str, region_name: str) -> Any:
    """A new revision; the one before is deregistered unless the template keeps it."""
    backend = batch_backends[account_id][region_name]
    made = type(was).create_from_cloudformation_json(
        was.name, {"Properties": properties}, account_id, region_name
    )
    if str(_retention(properties)).lower() != "true":
        backend.deregister_job_definition(was.arn)
    return made


def _retention(properties: Any) -> Any:
    return properties.get("ResourceRetentionPolicy", {}).get("SkipDeregisterOnUpdate", False)


def _compute(was: Any, properties: Any, account_id: str, region_name: str) -> Any:
    batch_backends[account_id][region_name].update_compute_environment(
        was.name, properties.get("State"), properties.get("ComputeResources"), None
    )
    was.compute_resources = lowercase_first_key(properties["ComputeResources"])
    return was


def _queue(was: Any, properties: Any, account_id: str, region_name: str) -> Any:
    batch_backends[account_id][region_name].update_job_queue(
        was.name,
        properties["Priority"],
        properties.get("State"),
        [lowercase_first_key(entry) for entry in properties["ComputeEnvironmentOrder"]],
        None,
    )
    return was


def _policy(was: Any, properties: Any, account_id: str, region_name: str) -> Any:
    iam = iam_backends[account_id][get_partition(region_name)]
    for role in properties.get("Roles", []):
        iam.put_role_policy(role, was.name, json.dumps(properties["PolicyDocument"]))
    return was


def _role(was: Any, properties: Any, *_: str) -> Any:
    was.description = properties.get("Description", "")
    was.assume_role_policy_document = json.dumps(properties["AssumeRolePolicyDocument"])
    return was


def _log_group(was: Any, properties: Any, account_id: str, region_name: str) -> Any:
    logs_backends[account_id][region_name].put_retention_policy(
        was.name, properties.get("RetentionInDays")
    )
    return was


def _topic(was: Any, properties: Any, *_: str) -> Any:
    was.display_name = properties.get("DisplayName", "")
    return was


UPDATES: dict[str, Update] = {
    "AWS::Batch::ComputeEnvironment": _compute,
    "AWS::Batch::JobDefinition": _definition,
    "AWS::Batch::JobQueue": _queue,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::SNS::Topic": _topic,
}
