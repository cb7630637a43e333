"""Reading policies: who is allowed or denied what, as far as a document alone can tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any


def statements(document: str, effect: str, *actions: str) -> Iterator[dict[str, Any]]:
    """Yield the statements of a policy that have this effect on one of these actions."""
    for statement in as_list(json.loads(document).get("Statement")):
        patterns = [str(each).lower() for each in as_list(statement.get("Action"))]
        if statement["Effect"] == effect and any(
            fnmatchcase(action.lower(), pattern) for action in actions for pattern in patterns
        ):
            yield statement


def principals(statement: dict[str, Any]) -> list[str]:
    """Return the accounts, users and roles a statement is about; `*` for everybody."""
    named = statement.get("Principal", [])
    return [str(each) for each in as_list(named.get("AWS") if isinstance(named, dict) else named)]


def as_list(value: Any) -> list[Any]:
    """Return what a policy gives as one or several, always as several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
