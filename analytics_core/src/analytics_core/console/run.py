"""How a command runs and ends: progress while it works, one line and an exit code after."""

from __future__ import annotations

import contextlib
import errno
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from analytics_core.console.logs import JsonLog, metric_lines, one_line, progress_bars, throttled
from analytics_core.console.signals import Interruption, interruptible
from analytics_core.console.streams import drop_stdout, flush_stdout, harmless, unwritable
from analytics_core.errors import (
    EXIT_FAILURE,
    EXIT_TRY_AGAIN,
    AnalyticsError,
    Busy,
    Interrupted,
)
from analytics_core.provenance import new_run_id

if TYPE_CHECKING:
    from analytics_core.publishing import RefreshResult
    from analytics_core.stages import StageEvent
    from analytics_core.store import Storage

T = TypeVar("T")


class Run:
    """One command's log, way of showing progress, and readiness to stop."""

    def __init__(self, command: str, interruption: Interruption) -> None:
        self.command = command
        self.terminal = sys.stderr.isatty()
        self.log = JsonLog(run_id=None)
        self.keeps: str | None = None
        self._interruption = interruption

    def follow(
        self,
        work: Callable[[Callable[[StageEvent], None]], T],
        *,
        cache: Storage,
    ) -> T:
        """Do work that has stages, and show how it goes.

        Parameters
        ----------
        work
            Is given what it has to call with each `StageEvent`.
        cache
            Where finished stages are kept; named when the work is interrupted.
        """
        self.keeps = cache.url
        with self._progress() as show:

            def on_event(event: StageEvent) -> None:
                self._interruption.check()
                show(event)

            try:
                return work(on_event)
            except BrokenPipeError as error:  # not a reader of our output that went away
                raise AnalyticsError(
                    f"a connection broke during the {self.command}: {error}"
                ) from error

    def publish(
        self,
        work: Callable[[Callable[[StageEvent], None]], RefreshResult],
        *,
        cache: Storage,
    ) -> RefreshResult:
        """`follow` work that publishes, and write its metrics."""
        started = time.monotonic()
        try:
            result = self.follow(work, cache=cache)
        except Busy:  # tried again, as what is Interrupted
            raise
        except Exception:
            self._metrics(metric_lines(succeeded=False, seconds=time.monotonic() - started))
            raise
        self._metrics(
            metric_lines(
                succeeded=True,
                seconds=result.seconds,
                recipes=result.manifest["database"]["recipes"],
                warnings=sum(finding["count"] for finding in result.manifest["warnings"]),
                stage_seconds=[
                    (stage["name"], stage["seconds"])
                    for stage in result.timings
                    if not stage["reused"]
                ],
            )
        )
        return result

    def fail(self, error: BaseException, *, unexpected: bool = False) -> None:
        """Say in one line what went wrong."""
        if not self.terminal:
            event = "interrupted" if isinstance(error, Interrupted) else "failed"
            self.log.failure(f"{self.command}.{event}", error, with_traceback=unexpected)
            return
        from rich.console import Console
        from rich.text import Text

        line = Text("error: ", style="bold red").append(one_line(error), style="not bold default")
        Console(stderr=True, soft_wrap=True).print(line)

    def note(self, event: str, sentence: str) -> None:
        """Say what is worth knowing though nothing failed."""
        if self.terminal:
            typer.echo(f"note: {harmless(sentence)}", err=True)
        else:
            self.log.write(f"{self.command}.{event}", level="warning", message=sentence)

    def _progress(self) -> contextlib.AbstractContextManager[Any]:
        if self.terminal:
            return progress_bars()
        return contextlib.nullcontext(throttled(self.log.on_event))

    def _metrics(self, lines: list[dict[str, object]]) -> None:
        if not self.terminal:
            for line in lines:
                self.log.write_object(line)


@contextlib.contextmanager
def running(command: str) -> Iterator[Run]:
    """Run a command's body; turn how it ends into one line and an exit code."""
    with interruptible() as interruption:
        run = Run(command, interruption)
        try:
            yield run
            interruption.check()
            flush_stdout()
        except Interrupted as error:
            raise _stopped(run, error) from None
        except AnalyticsError as error:
            run.fail(error)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            drop_stdout()
        except Exception as error:
            if isinstance(error, (typer.Exit, typer.BadParameter)):
                raise
            if interruption.asked:  # an import, say, that made another error of it
                raise _stopped(run, interruption.error()) from None
            if isinstance(error, OSError) and _is_of_stdout(error):
                full = unwritable(error)
                run.fail(full)
                raise typer.Exit(full.exit_code) from None
            run.fail(_unexpected(run, error), unexpected=True)
            raise typer.Exit(EXIT_FAILURE) from None


def _stopped(run: Run, error: Interrupted) -> typer.Exit:
    """Say in one line that the command was stopped, and what is kept of its work."""
    kept = f"; finished stages are kept in {run.keeps}, run it again" if run.keeps else ""
    run.fail(Interrupted(f"{one_line(error)}{kept}"))
    return typer.Exit(EXIT_TRY_AGAIN)


def _is_of_stdout(error: OSError) -> bool:
    """Whether standard output takes nothing more, rather than some file."""
    # files are opened by name, and stores explain what happens to theirs
    return error.filename is None and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def _unexpected(run: Run, error: Exception) -> AnalyticsError:
    """Wrap an error nobody foresaw; on a terminal its traceback goes to a file."""
    run.log.run_id = run_id = run.log.run_id or new_run_id()
    where = ""
    if run.terminal:
        path = Path(tempfile.gettempdir()) / f"analytics-core-{run_id}.log"
        with contextlib.suppress(OSError):
            path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
            where = f"; the traceback is in {path}"
    wrapped = AnalyticsError(
        f"run {run_id}: unexpected {type(error).__name__}: {one_line(error)}{where}"
    )
    wrapped.__cause__ = error
    return wrapped
