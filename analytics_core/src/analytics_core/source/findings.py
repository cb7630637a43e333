"""What is wrong with the data, counted and with examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_EXAMPLES = 10
MAX_EXAMPLE_CHARACTERS = 80


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


@dataclass(slots=True)
class Findings:
    """Collects what was found; one code and message is one finding, wherever it turned up."""

    _found: dict[tuple[str, str], tuple[tuple[str, str], list[str]]] = field(default_factory=dict)

    def add(self, code: str, message: str, nouns: tuple[str, str], examples: Sequence[str]) -> None:
        """Count every one of `examples`; `message` has a place for their number and noun."""
        if examples:
            self._found.setdefault((code, message), (nouns, []))[1].extend(examples)

    def collected(self) -> tuple[Finding, ...]:
        """Return the findings; examples are sorted, so that row order does not show."""
        findings = []
        for (code, message), (nouns, examples) in self._found.items():
            subject = f"{len(examples):,} {nouns[0] if len(examples) == 1 else nouns[1]}"
            shown = tuple(_shorten(text) for text in sorted(set(examples))[:MAX_EXAMPLES])
            findings.append(Finding(code, len(examples), message.format(subject), shown))
        return tuple(findings)


def _shorten(text: str) -> str:
    if len(text) <= MAX_EXAMPLE_CHARACTERS:
        return text
    # Both ends: the id stands at the end.
    return f"{text[: MAX_EXAMPLE_CHARACTERS - 25]}…{text[-24:]}"
