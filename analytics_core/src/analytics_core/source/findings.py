"""What is wrong with the data, counted and with examples."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

MAX_EXAMPLES = 10
MAX_EXAMPLE_CHARACTERS = 80
MAX_SAID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of flaw in the data, and how it was dealt with.

    Attributes
    ----------
    code
        Stable name of the kind, such as ``orphan-parent``.
    count
        How many rows, recipes or ingredients it concerns.
    message
        One sentence.
    examples
        Up to ten of them, by name and id.
    """

    code: str
    count: int
    message: str
    examples: tuple[str, ...]

    @property
    def advice(self) -> str:
        """What the owner can do about it, in a sentence."""
        return advice().get(self.code, "")

    def as_row(self) -> dict[str, Any]:
        """Return what is published of it."""
        return {
            "code": self.code,
            "count": self.count,
            "message": self.message,
            "advice": self.advice,
            "examples": list(self.examples),
        }


@cache
def advice() -> Mapping[str, str]:
    """Return what to do about each kind of finding, by code."""
    text = resources.files(__package__).joinpath("advice.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(slots=True)
class Findings:
    """Collects what was found; one code and message is one finding, wherever it turned up."""

    _found: dict[tuple[str, str], tuple[tuple[str, str], list[str]]] = field(default_factory=dict)

    def add(self, code: str, message: str, nouns: tuple[str, str], examples: Sequence[str]) -> None:
        """Count every one of `examples`; `message` has a place for their number and noun."""
        if examples:
            # shortened at once: a thousand names without end must not be held meanwhile
            self._found.setdefault((code, message), (nouns, []))[1].extend(map(shorten, examples))

    def collected(self) -> tuple[Finding, ...]:
        """Return the findings; examples are sorted, so that row order does not show."""
        findings = []
        for (code, message), (nouns, examples) in self._found.items():
            subject = f"{len(examples):,} {nouns[0] if len(examples) == 1 else nouns[1]}"
            shown = tuple(sorted(set(examples))[:MAX_EXAMPLES])
            told = message.replace("{}", subject, 1)  # names of units in it may hold braces too
            findings.append(Finding(code, len(examples), told, shown))
        return tuple(findings)


def finding_of(
    code: str,
    message: str,
    nouns: tuple[str, str],
    examples: Sequence[str],
    *,
    count: int | None = None,
) -> list[Finding]:
    """Make a finding, if there is an example of it.

    Parameters
    ----------
    code, message, nouns, examples
        As `Findings.add` takes them.
    count
        How many it concerns, where that is not the number of examples.
    """
    if not examples:
        return []
    number = len(examples) if count is None else count
    subject = f"{number:,} {nouns[0] if number == 1 else nouns[1]}"
    shown = tuple(shorten(text) for text in examples[:MAX_EXAMPLES])
    return [Finding(code, number, message.replace("{}", subject, 1), shown)]


def in_one_line(error: object) -> str:
    """Return what a library said as part of a sentence: it may quote a whole schema or page."""
    said = " ".join(str(error).split())
    return said if len(said) <= MAX_SAID_CHARACTERS else f"{said[:MAX_SAID_CHARACTERS]}…"


def shorten(text: str) -> str:
    """Cut an example that is too long in its middle: its id stands at the end."""
    if len(text) <= MAX_EXAMPLE_CHARACTERS:
        return text
    return f"{text[: MAX_EXAMPLE_CHARACTERS - 25]}…{text[-24:]}"
