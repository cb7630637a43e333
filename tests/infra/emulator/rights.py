"""What a role may do, for the programs that run with a role: deployed functions and jobs.

Moto asks nobody for rights, or everybody. Here whoever comes with a role's own credentials (see
`credentials`) gets what the policies of the role allow, and all others are let through.

Not modeled: conditions; resources, but for those of S3; resource policies; permission boundaries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from moto.core import authorization
from moto.core.exceptions import AccessDeniedError
from moto.iam.models import iam_backends
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

KEY_PREFIX = "ASIAROLE"
_roles: dict[str, str] = {}
_actions_of_s3 = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "DeleteObjects": "DeleteObject",
}


def credentials(role_arn: str) -> dict[str, str]:
    """Return variables that make a process act with a role."""
    key = f"{KEY_PREFIX}{abs(hash(role_arn)) % 10**12:012d}"
    _roles[key] = role_arn
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
    }


def allowed(role_arn: str, action: str, resource: str | None = None) -> bool:
    """Whether a role may do something, to a resource where one is given."""
    permitted = False
    for statement in _statements(role_arn):
        if not any(fnmatchcase(action.lower(), a.lower()) for a in _list(statement, "Action")):
            continue
        named = _list(statement, "Resource")
        if resource is None or any(fnmatchcase(resource, pattern) for pattern in named):
            if statement["Effect"] == "Deny":
                return False
            permitted = True
    return permitted


def _statements(role_arn: str) -> Iterator[dict[str, Any]]:
    account = role_arn.split(":")[4]
    iam = iam_backends[account]["aws"]
    name = role_arn.rpartition("/")[2]
    documents = [iam.get_role_policy(name, policy)[1] for policy in iam.list_role_policies(name)]
    for policy in iam.list_attached_role_policies(name)[0]:
        version = next(v for v in policy.versions if v.is_default)
        documents.append({"policy_document": version.document})
    for document in documents:
        text = document["policy_document"] if isinstance(document, dict) else document
        found = json.loads(text)["Statement"]
        yield from found if isinstance(found, list) else [found]


def _list(statement: dict[str, Any], key: str) -> list[str]:
    value = statement.get(key, [])
    return [value] if isinstance(value, str) else value


def check(response: Any, kind: type, resource: str = "*") -> None:
    """Refuse a request of a role that its policies do not allow."""
    header = response.headers.get("Authorization", "")
    key = header.partition("Credential=")[2].partition("/")[0]
    role = _roles.get(key)
    if role is None:
        return
    scope = header.partition("Credential=")[2].partition(",")[0].split("/")
    service, action = scope[3], response._get_action()
    if service != "s3":
        if not allowed(role, f"{service}:{action}"):
            raise AccessDeniedError(user_arn=role, action=f"{service}:{action}")
        return
    action = _actions_of_s3.get(action, action)
    bucket, _, key_name = resource.rpartition(":")[2].partition("/")
    if not allowed(role, f"s3:{action}", resource):
        raise S3AccessDeniedError
    # Who may not list is not told that a key is missing.
    there = s3_backends[response.current_account][get_partition(scope[2])]
    missing = action == "GetObject" and there.get_object(bucket, key_name) is None
    if missing and not allowed(role, "s3:ListBucket", resource.partition("/")[0]):
        raise S3AccessDeniedError


def patch() -> None:
    """Ask for the rights of roles."""
    authorization.ActionAuthenticatorMixin._authenticate_and_authorize_action = check
