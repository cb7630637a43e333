"""What the pre-flight rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.environments import Environment
from infra.templates import Resource, StackTemplates

JOB_DEFINITION = "AWS::Batch::JobDefinition"
COMPUTE_ENVIRONMENT = "AWS::Batch::ComputeEnvironment"


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
