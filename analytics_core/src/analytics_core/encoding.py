"""JSON as documents have it."""

from __future__ import annotations

import json
from typing import Any

import orjson


def to_json(value: object) -> str:
    """Compact JSON, text as it is; a number that is not finite is an error, never a document."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def to_utf8(value: object) -> bytes:
    """Encode what `to_json` writes; lone surrogates, which UTF-8 has no bytes for, become ``?``."""
    return to_json(value).encode(errors="replace")


def finite_to_utf8(value: Any) -> bytes:
    """Encode what is known to hold finite numbers alone: orjson would write others as null.

    Parameters
    ----------
    value : object
        Of the types that JSON has.

    Returns
    -------
    bytes
        UTF-8; what it has no bytes for comes out as ``?``.
    """
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate, or a whole number of more than 64 bits
        return to_utf8(value)
