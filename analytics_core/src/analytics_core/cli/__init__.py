"""The command line: a thin shell around the library.

Nothing numeric is imported before a command needs it, so that ``--help`` answers at once.
Results go to standard output, progress and errors to standard error; the exit codes are
those of `analytics_core.errors`.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from analytics_core import __version__
from analytics_core.cli import databases, published, refreshing
from analytics_core.console.logs import JsonLog
from analytics_core.console.streams import (
    drop_stdout,
    flush_stdout,
    make_readable,
    unwritable,
)
from analytics_core.errors import EXIT_TRY_AGAIN, AnalyticsError, Interrupted, StorageError

app = typer.Typer(
    name="analytics-core",
    help="Exact similarity analytics for a cocktail recipe database.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (refreshing, databases, published):
    app.add_typer(part.commands)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; the entry point of ``analytics-core``."""
    make_readable()
    code: Any = 0
    try:
        app(prog_name="analytics-core")
    except SystemExit as leaving:
        code = leaving.code
    except Interrupted as error:  # between two commands' own ways of stopping
        code = _say(error)
    except OSError as error:  # a --help that found no place
        code = _say(unwritable(error))
    try:
        flush_stdout()
    except BrokenPipeError:
        drop_stdout()
    except StorageError as error:
        code = _say(error)
    if code == EXIT_TRY_AGAIN:
        sys.stderr.flush()
        os._exit(EXIT_TRY_AGAIN)  # do not wait for worker threads: time is running out
    sys.exit(code)


def _say(error: AnalyticsError | Interrupted) -> int:
    """Say in one line what went wrong outside of every command."""
    if sys.stderr.isatty():
        typer.echo(f"error: {error}", err=True)
    else:
        event = "interrupted" if isinstance(error, Interrupted) else "failed"
        JsonLog().failure(event, error, with_traceback=False)
    return error.exit_code
