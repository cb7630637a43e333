"""What the pre-flight rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from infra.environments import Environment
from infra.templates import Resource, StackTemplates

JOB_DEFINITION = "AWS::Batch::JobDefinition"
COMPUTE_ENVIRONMENT = "AWS::Batch::ComputeEnvironment"
JOB_QUEUE = "AWS::Batch::JobQueue"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One finding.

    Attributes
    ----------
    rule
        A short name, stable.
    where
        The construct's path.
    what
        What AWS would do, and how to mend it.
    """

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} [{self.rule}]"


Rule = Callable[[StackTemplates, Environment | None], Iterator[Trouble]]


def trouble(rule: str, where: Resource | str, what: str) -> Trouble:
    """Make a finding about a resource."""
    return Trouble(rule, str(where), what)


def as_list(value: Any) -> list[Any]:
    """Return what IAM allows as one or several, always as several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def statements(stack: StackTemplates, role: Resource) -> Iterator[dict[str, Any]]:
    """Yield the policy statements a role has within its own template."""
    for policy in role.properties.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for policy in stack.resources("AWS::IAM::Policy"):
        roles = policy.properties.get("Roles", [])
        if policy.template == role.template and {"Ref": role.logical_id} in roles:
            yield from policy.properties["PolicyDocument"]["Statement"]
