"""EventBridge's matching, as far as our patterns use it: lists of exact values, nested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Tell whether `event` would be delivered to a rule with `pattern`."""
    for key, wanted in pattern.items():
        if key not in event:
            return False
        if isinstance(wanted, Mapping):
            if not matches(wanted, event[key]):
                return False
        else:
            given = event[key] if isinstance(event[key], list) else [event[key]]
            if any(isinstance(value, Mapping) for value in wanted):
                raise NotImplementedError("only exact values are matched here")
            if not any(value in wanted for value in given):
                return False
    return True
