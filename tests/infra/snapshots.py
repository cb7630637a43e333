"""Snapshots of the templates, with what changes at every edit of the code masked.

`python -m tests.infra.snapshots` (or `make snapshots`) shows the difference and writes it.
"""

import difflib
import json
import re
import sys
import tempfile
from pathlib import Path

from infra.templates import StackTemplates

FOLDER = Path(__file__).parent / "snapshots"
HASH = re.compile(r"\b[0-9a-f]{64}\b")


def texts(stack: StackTemplates) -> dict[str, str]:
    """Return the masked text of each template by the name of its nested stack."""
    result = {}
    for name, template in stack.templates.items():
        nested = re.sub(r"[0-9A-F]{8}\.nested\.template\.json$", "", name.removeprefix(stack.name))
        text = json.dumps(template, indent=1, sort_keys=True)
        label = stack.name if nested == ".template.json" else f"{stack.name}.{nested}"
        result[f"{label}.json"] = HASH.sub("HASH", text) + "\n"
    return result


def difference(stacks: dict[str, StackTemplates]) -> str:
    """Return a unified diff from the stored snapshots to the given stacks."""
    new = {name: text for stack in stacks.values() for name, text in texts(stack).items()}
    old = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    lines: list[str] = []
    for name in sorted(old | new):
        before, after = old.get(name, ""), new.get(name, "")
        lines += difflib.unified_diff(
            before.splitlines(True), after.splitlines(True), f"stored/{name}", f"now/{name}"
        )
    return "".join(lines)


def store(stacks: dict[str, StackTemplates]) -> None:
    """Replace the stored snapshots."""
    FOLDER.mkdir(exist_ok=True)
    new = {name: text for stack in stacks.values() for name, text in texts(stack).items()}
    for path in FOLDER.glob("*.json"):
        if path.name not in new:
            path.unlink()
    for name, text in new.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Show what changed, then store it."""
    from tests.infra.conftest import synthesize

    with tempfile.TemporaryDirectory() as folder:
        stacks = synthesize(Path(folder)).stacks
        changed = difference(stacks)
        sys.stdout.write(changed or "nothing changed\n")
        store(stacks)


if __name__ == "__main__":
    main()
