"""Write `docs/api.md` from the docstrings of what `analytics_core` makes public: `make api`."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from pathlib import Path

import analytics_core

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
HEAD = """# The library's public names

Made from the docstrings by `make api`. `import analytics_core` is cheap; the numeric libraries
load when a function first needs them. Shapes are given as `float64 (recipes, k)`.
"""
LONGEST_SIGNATURE = 100


def page() -> str:
    """Return the whole page."""
    public = [name for name in analytics_core.__all__ if not name.startswith("_")]
    names = sorted(public, key=str.casefold)
    index = " · ".join(f"[{name}](#{name.lower()})" for name in names)
    return "\n".join([HEAD, index, *map(_section, names), ""])


def _section(name: str) -> str:
    thing = getattr(analytics_core, name)
    text = inspect.cleandoc(thing.__doc__ or "")
    return f"\n## {name}\n\n```python\n{_signature(name, thing)}\n```\n\n```text\n{text}\n```"


def _signature(name: str, thing: object) -> str:
    if not callable(thing) or (isinstance(thing, type) and not dataclasses.is_dataclass(thing)):
        bases = ", ".join(base.__name__ for base in getattr(thing, "__bases__", ()))
        return f"class {name}({bases})"
    # A default is shown by its type where its value is an object with an address or many fields.
    plain = str(inspect.signature(thing))
    plain = re.sub(r"<function (?:\w+\.)?<?(\w+)>? at 0x[0-9a-f]+>", r"\1", plain)
    plain = re.sub(r"= (\w+)\(.*?\)(?=[,)])", r"= \1()", plain).replace("'", "")
    plain = plain.removesuffix(" -> None") if isinstance(thing, type) else plain
    if len(name) + len(plain) <= LONGEST_SIGNATURE:
        return f"{name}{plain}"
    inside, _, after = plain.removeprefix("(").rpartition(")")
    return f"{name}(\n    " + re.sub(r", (?=\w+[:=]|\*)", ",\n    ", inside) + f",\n){after}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
