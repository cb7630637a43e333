"""What the commands share: places, what is read and how it is printed."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from analytics_core.console import options
from analytics_core.console.streams import escaped, shows_unicode
from analytics_core.errors import StorageError

if TYPE_CHECKING:
    from analytics_core.settings import RefreshSettings
    from analytics_core.store import Storage


def for_example(command: str) -> str:
    """Return the last line of a command's help."""
    return f"For example: analytics-core {command}"


def bucket_url(bucket: str | None) -> str | None:
    """Return a bucket's URL; what is one already stays."""
    if not bucket:
        return None
    return bucket if "://" in bucket else f"s3://{bucket}"


def open_place(location: str) -> Storage:
    """Open a folder or ``s3://bucket/prefix``."""
    from analytics_core.store import open_storage

    location = options.plain_scheme(location)
    if "://" in location and not location.startswith("s3://"):
        raise typer.BadParameter(f"{location}: use a folder or s3://bucket/prefix")
    return open_storage(location)


def published_in(source: str | None, bucket: str | None) -> Storage:
    """Open the place of a published set: the one named, the bucket, or the folder ``out``."""
    return open_place(source or bucket_url(bucket) or "out")


def documents_of(storage: Storage, needed: str, *welcome: str) -> dict[str, dict[str, Any]]:
    """Read some documents; refuse a set that an older version left without what is needed."""
    from analytics_core.store import read_published

    documents = read_published(storage, kinds=(needed, *welcome))
    if needed not in documents:
        raise StorageError(
            f"the set published at {storage.url} has no {needed}; run a refresh with this version"
        )
    return documents


def counted(number: int, noun: str) -> str:
    """Say how many of something there are."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def print_json(value: object) -> None:
    """Print JSON, in what characters standard output can show."""
    text = json.dumps(value, ensure_ascii=not shows_unicode(), indent=1)
    typer.echo(escaped(text))


Chosen = Callable[[], "RefreshSettings"]
"""Makes the settings that the options say; called when the command runs, for it loads numpy."""


def takes_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that settings are made of, in place of its parameter `settings`.

    Parameters
    ----------
    *names : str
        Of the options; by default all.
    """
    every = inspect.signature(_settings, eval_str=True).parameters.values()
    wanted = [option for option in every if not names or option.name in names]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        parameters = [
            option
            for parameter in own.parameters.values()
            for option in (wanted if parameter.name == "settings" else [parameter])
        ]

        @functools.wraps(command)
        def with_settings(**given: Any) -> None:
            chosen = {option.name: given.pop(option.name) for option in wanted}
            command(**given, settings=functools.partial(_settings, **chosen))

        # What Typer reads of a command.
        with_settings.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        with_settings.__annotations__ = {option.name: option.annotation for option in parameters}
        return with_settings

    return decorate


def _settings(
    layout: options.Layout = "auto",
    bar: options.Bar = None,
    cost: options.CostOption = options.Cost.learned,
    volumes: options.VolumesOption = None,
    neighbors: options.Neighbors = 10,
    seed: options.Seed = 42,
    threads: options.Threads = None,
    page: options.Page = True,
    keep_runs: options.KeepRuns = 10,
    force: options.Force = False,
) -> Any:  # RefreshSettings, which is not loaded when the options are read
    from analytics_core.settings import RefreshSettings

    return RefreshSettings(
        cost=cost.value,
        volumes=volumes.value if volumes else None,
        layout=layout,
        bar=bar or None,
        neighbors=neighbors,
        seed=seed,
        threads=threads,
        page=page,
        keep_runs=keep_runs,
        force=force,
    )
