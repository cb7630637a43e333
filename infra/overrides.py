"""What an owner changes of the environments: single fields, in `cdk.json`.

::

    "context": {"environments": {"prod": {"vpc": {...}, "alarm_email": "bar@example.org"}}}
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping

from infra.environments import DEFAULTS, SMOKE, Environment, InvalidEnvironment, NetworkMode


def environments_from(context: object) -> dict[str, Environment]:
    """Apply the overrides of `cdk.json` to the defaults.

    Parameters
    ----------
    context
        The context value `environments`: None, or a mapping from environment name to a mapping
        of field to value.

    Returns
    -------
    dict
        Environment by name, `dev` and `prod`.

    Raises
    ------
    InvalidEnvironment
        For an unknown environment or field, a value of the wrong kind, or one out of range.
    """
    context = _object("environments", context)
    for name in context:
        if name not in DEFAULTS:
            known = " and ".join(DEFAULTS)
            raise InvalidEnvironment(f"context 'environments' names {name!r}; there are {known}.")
    found = {
        name: _overridden(default, context.get(name, {})) for name, default in DEFAULTS.items()
    }
    dev, prod = found["dev"], found["prod"]
    if dev.bucket_name is not None and (
        (dev.bucket_name, dev.bucket_prefix) == (prod.bucket_name, prod.bucket_prefix)
    ):
        raise InvalidEnvironment(
            f"dev and prod both publish to the bucket {dev.bucket_name!r}"
            f"{f' below {dev.bucket_prefix!r}' if dev.bucket_prefix else ''}: each refresh would "
            "overwrite the other's documents. Give one of them a bucket_prefix of its own."
        )
    return found


def smoke_from(context: object) -> Environment:
    """Apply the context value `smoke`, a mapping of field to value, to the throwaway's defaults."""
    return _overridden(SMOKE, _object("smoke", context))


def _object(name: str, context: object) -> Mapping[str, typing.Any]:
    """Return a context value as a mapping; `cdk -c name='{...}'` hands it over as text."""
    if isinstance(context, str):
        try:
            context = json.loads(context)
        except json.JSONDecodeError as error:
            raise InvalidEnvironment(f"context {name!r} is no JSON: {error}.") from None
    if context is None:
        return {}
    if not isinstance(context, Mapping):
        raise InvalidEnvironment(f"context {name!r} must be an object of names and values.")
    return context


def _overridden(default: Environment, overrides: object) -> Environment:
    where = f"environment {default.name!r}"
    changes = _typed_fields(Environment, overrides, where)
    for fixed in ("name", "stack_name"):
        if fixed in changes:
            raise InvalidEnvironment(f"{where}: {fixed} cannot be changed; it names what is there.")
    return dataclasses.replace(default, **changes)


def _typed_fields(cls: type, values: object, where: str) -> dict[str, typing.Any]:
    """Return `values` as constructor arguments of dataclass `cls`, each converted to its type."""
    if not isinstance(values, Mapping):
        raise InvalidEnvironment(f"{where} must be an object of field names and values.")
    hints = typing.get_type_hints(cls)
    result = {}
    for field, value in values.items():
        if field not in hints:
            raise InvalidEnvironment(f"{where}: there is no field {field!r}; see environments.py.")
        result[field] = _typed(hints[field], value, f"{where}: {field}")
    return result


def _typed(hint: typing.Any, value: object, where: str) -> object:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
        hint = next((part for part in parts if type(value) is part), parts[0])
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        given = _typed_fields(hint, value, where)
        missing = [f.name for f in dataclasses.fields(hint) if f.name not in given]
        if missing:
            raise InvalidEnvironment(f"{where} lacks {', '.join(missing)}.")
        return hint(**given)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise InvalidEnvironment(f"{where} must be a list of strings, not {value!r}.")
        return tuple(value)
    if hint is NetworkMode:
        try:
            return NetworkMode(str(value))
        except ValueError:
            modes = ", ".join(NetworkMode)
            raise InvalidEnvironment(f"{where} is {value!r}; give one of {modes}.") from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # The context comes from JSON, or from `cdk -c` as text: True is an int to Python, not to us.
    if type(value) is int and hint is int:
        return value
    if isinstance(value, float) and value.is_integer() and hint is int:
        return int(value)  # jsii hands every JSON number over as a float
    if type(value) is not hint:
        kinds = {int: "a whole number", bool: "true or false", str: "text", float: "a number"}
        raise InvalidEnvironment(f"{where} must be {kinds.get(hint, hint)}, not {value!r}.")
    return value
