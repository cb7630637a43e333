"""Pre-flight rules on texts: what each service accepts in names, descriptions and tags.

A value may be put together at deployment (`Ref`, `Fn::Join`, `Fn::Sub`, ...). What is literal in
it is checked: its characters each by themselves, its length as the least it can be, and its shape
where nothing is left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from infra.environments import Environment
from infra.facts_text import COUNTS, LAMBDA_ENVIRONMENT_BYTES, TEMPLATE, TEXTS, Text
from infra.rules_common import Rule, Trouble, trouble
from infra.templates import Json, Resource, StackTemplates

STEP = re.compile(r"(?P<name>[^{}\[\]]+)(?P<kind>\[\]|\{keys\}|\{values\})?")

Pieces = list[str | None]
"""A text in order: what is literal, and None for what only the deployment knows."""


def texts(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 23: every name, description and tag is one that its service accepts."""
    for where, kind, body in _bodies(stack):
        for path, text in TEXTS.get(kind, {}).items():
            for found, value in reach(body, path):
                for pieces in readings(value):
                    fault = refused(text, pieces)
                    if fault is not None:
                        yield trouble(
                            "text",
                            where,
                            f"{found} {_shown(pieces)} {fault} ({text.source}). "
                            "The service refuses it and the stack rolls back. Write it otherwise.",
                        )


def counts(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Lists and mappings have no more entries than their service takes."""
    for where, kind, body in _bodies(stack):
        for path, count in COUNTS.get(kind, {}).items():
            for found, value in reach(body, path):
                if isinstance(value, list | dict) and len(value) > count.most:
                    yield trouble(
                        "count",
                        where,
                        f"{found} has {len(value)} entries; {count.most} are accepted "
                        f"({count.source}). Drop some.",
                    )


def function_variables(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """The variables of a function are few enough, all names and values together."""
    for function in stack.resources("AWS::Lambda::Function"):
        variables = function.properties.get("Environment", {}).get("Variables", {})
        size = sum(
            len(name.encode()) + min(map(least, readings(value)), default=0)
            for name, value in variables.items()
        )
        if size > LAMBDA_ENVIRONMENT_BYTES:
            yield trouble(
                "function-variables",
                function,
                f"its variables take {size} bytes or more, and Lambda accepts "
                f"{LAMBDA_ENVIRONMENT_BYTES}. Move some to SSM or S3.",
            )


def _bodies(stack: StackTemplates) -> Iterator[tuple[Resource | str, str, Json]]:
    for name, template in stack.templates.items():
        yield name, TEMPLATE, template
    for resource in stack.resources():
        yield resource, resource.type, resource.properties


def reach(body: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Find what a path of `TEXTS` means in a body.

    Parameters
    ----------
    body
        A resource's properties, or a template.
    path
        Names with dots between; `[]` is each entry of a list, `{keys}` and `{values}` those of a
        mapping.

    Yields
    ------
    tuple
        The place, with the entry's number or key, and the value there.
    """
    head, _, rest = path.partition(".")
    step = STEP.fullmatch(head)
    assert step is not None, path  # noqa: S101 - the table is ours, and tested
    name, kind = step["name"], step["kind"]
    for branch in _branches(body):
        if not isinstance(branch, dict) or name not in branch:
            continue
        for place, value in _entries(name, kind, branch[name]):
            if not rest:
                yield place, value
                continue
            yield from ((f"{place}.{below}", found) for below, found in reach(value, rest))


def _entries(name: str, kind: str | None, value: Any) -> Iterator[tuple[str, Any]]:
    if kind is None:
        yield name, value
        return
    for branch in _branches(value):
        if kind == "[]":
            # IAM's documents may have one statement where others have a list.
            entries = branch if isinstance(branch, list) else [branch]
            yield from ((f"{name}[{number}]", entry) for number, entry in enumerate(entries))
        elif isinstance(branch, dict) and not _is_function(branch):
            for key, entry in branch.items():
                yield f"{name}.{key}", key if kind == "{keys}" else entry


def _branches(value: Any) -> Iterator[Any]:
    """Yield a value, or both sides of an `Fn::If`."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        for side in value["Fn::If"][1:]:
            yield from _branches(side)
    else:
        yield value


def _is_function(value: dict[str, Any]) -> bool:
    return len(value) == 1 and (next(iter(value)) == "Ref" or next(iter(value)).startswith("Fn::"))


def readings(value: Any) -> Iterator[Pieces]:
    """Yield what a value can become: its literal pieces, with None for what is open."""
    for branch in _branches(value):
        if isinstance(branch, bool):
            yield [str(branch).lower()]
        elif isinstance(branch, str | int | float):
            yield [str(branch)]
        elif isinstance(branch, dict) and "Fn::Join" in branch:
            yield from _joined(*branch["Fn::Join"])
        elif isinstance(branch, dict) and "Fn::Sub" in branch:
            template = branch["Fn::Sub"]
            yield _substituted(template if isinstance(template, str) else template[0])
        elif not (isinstance(branch, dict) and branch.get("Ref") == "AWS::NoValue"):
            yield [None]


def _joined(delimiter: str, parts: Any) -> Iterator[Pieces]:
    if not isinstance(parts, list):  # a list that only the deployment knows
        yield [None]
        return
    found: list[Pieces] = [[]]
    for number, part in enumerate(parts):
        between: Pieces = [delimiter] if number and delimiter else []
        found = [[*sofar, *between, *more] for sofar in found for more in readings(part)]
    yield from found


def _substituted(template: str) -> Pieces:
    pieces: Pieces = []
    for part in re.split(r"(\$\{[^}]*\})", template):
        if part.startswith("${!"):
            pieces.append(f"${{{part[3:]}")
        elif part.startswith("${"):
            pieces.append(None)
        elif part:
            pieces.append(part)
    return pieces


def refused(text: Text, pieces: Pieces) -> str | None:
    """Say what a service would refuse in what is literal of a text, None when nothing."""
    if None not in pieces:
        return text.fault("".join(filter(None, pieces)))
    for piece in filter(None, pieces):
        stray = text.stray(piece)
        if stray is not None:
            return stray
    if sum(len(piece) for piece in filter(None, pieces)) > text.longest:
        return f"is longer than the {text.longest} that are accepted"
    return None


def least(pieces: Pieces) -> int:
    """Return the least size a text can have, in bytes."""
    return sum(len(piece.encode()) for piece in filter(None, pieces))


def _shown(pieces: Pieces) -> str:
    text = "".join("…" if piece is None else piece for piece in pieces)
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


TEXT_RULES: tuple[Rule, ...] = (texts, counts, function_variables)
