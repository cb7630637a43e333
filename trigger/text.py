"""Make text from elsewhere fit for one line of a message."""

from __future__ import annotations

import json
import unicodedata
from typing import Any


def one_line(text: str) -> str:
    """Return the text in one line, without what does not print.

    Line breaks, control characters, escape sequences' first bytes, lone surrogates (which cannot be
    sent at all) and marks that turn the direction of writing become spaces; runs of spaces one.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shortened(text: str, longest: int) -> str:
    """Cut the text to `longest` characters, the last of them then an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def ascii_only(text: str) -> str:
    """Write accented letters without their accents and leave out the rest beyond ASCII."""
    spelled = text.replace("…", "...").replace("’", "'").replace("–", "-").replace("—", "-")
    return unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()


def json_object(line: str) -> dict[str, Any] | None:
    """Return the JSON object a line holds, or None."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
