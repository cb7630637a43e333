"""Findings as text for a terminal, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Sequence

from infra.doctor.findings import Finding, Severity

WIDTH = 80
"""Columns of the narrowest terminal worth reading on."""
INDENT = " " * 9
MARKS = {Severity.TROUBLE: "TROUBLE", Severity.WARNING: "warning", Severity.OK: "ok"}


def as_text(name: str, found: Sequence[Finding]) -> str:
    """Return findings as text: each in a sentence, with what to do, and a summary at the end.

    Parameters
    ----------
    name
        Of the environment.
    found
        In the order in which they are shown.
    """
    lines = []
    for finding in found:
        lines += _wrapped(finding.what, f"{MARKS[finding.severity]:<9}")
        if finding.do:
            lines += _wrapped(finding.do, f"{INDENT}-> ")
    return "\n".join([*lines, "", summary(name, found)])


def as_json(name: str, found: Sequence[Finding]) -> str:
    """Return findings as one JSON object."""
    content = {
        "environment": name,
        "troubles": count(found, Severity.TROUBLE),
        "warnings": count(found, Severity.WARNING),
        "findings": [dataclasses.asdict(finding) for finding in found],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def summary(name: str, found: Sequence[Finding]) -> str:
    """Say in a line how many findings of each severity there are."""
    counts = ", ".join(
        f"{number} {word if number == 1 else word + 's'}"
        for word, number in (
            ("trouble", count(found, Severity.TROUBLE)),
            ("warning", count(found, Severity.WARNING)),
        )
    )
    return f"{name}: {counts}, {count(found, Severity.OK)} well."


def count(found: Sequence[Finding], severity: Severity) -> int:
    """Return how many findings are of a severity."""
    return sum(finding.severity is severity for finding in found)


def _wrapped(text: str, first: str) -> list[str]:
    # Commands and ARNs are copied from here: no word is broken.
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
