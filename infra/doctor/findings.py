"""A finding: how bad it is, what it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is; the order is that of a report."""

    TROUBLE = "trouble"
    """A deployment or a job fails, or hangs, or data is at risk."""
    WARNING = "warning"
    """It works, but not as well as meant; or it could not be asked."""
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about an account.

    Attributes
    ----------
    severity
        See `Severity`.
    what
        What is so.
    do
        What to do about it; empty when nothing has to be done.
    check
        Name of the check that found it, stable.
    """

    severity: Severity
    what: str
    do: str = ""
    check: str = ""


def trouble(what: str, do: str) -> Finding:
    """Make a finding that has to be mended."""
    return Finding(Severity.TROUBLE, what, do)


def warning(what: str, do: str) -> Finding:
    """Make a finding that somebody should know of."""
    return Finding(Severity.WARNING, what, do)


def ok(what: str) -> Finding:
    """Make a finding that all is well."""
    return Finding(Severity.OK, what)
