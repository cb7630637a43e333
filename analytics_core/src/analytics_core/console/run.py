"""How a command runs and ends: progress while it works, one line and an exit code after."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from analytics_core.console.logs import JsonLog, metric_lines, one_line, progress_bars, throttled
from analytics_core.console.signals import Interruption, interruptible
from analytics_core.errors import (
    EXIT_FAILURE,
    EXIT_TRY_AGAIN,
    AnalyticsError,
    Interrupted,
    StorageError,
)

if TYPE_CHECKING:
    from analytics_core.pipeline import RefreshResult, RefreshSettings
    from analytics_core.stages import StageEvent
    from analytics_core.store import Storage


class Run:
    """One command's log, way of showing progress, and readiness to stop."""

    def __init__(self, command: str, interruption: Interruption) -> None:
        self.command = command
        self.terminal = sys.stderr.isatty()
        self.log = JsonLog(run_id=None)
        self.keeps: str | None = None
        self.timings: list[dict[str, Any]] = []
        self._interruption = interruption

    def refresh(
        self,
        database: str,
        storage: Storage,
        settings: RefreshSettings,
        *,
        cache: Storage | None = None,
        scratch: Path | None = None,
    ) -> RefreshResult:
        """Run the pipeline, telling about it as it goes."""
        from analytics_core import pipeline

        self.log.run_id = _new_run_id()
        self.keeps = (cache or storage).url
        if scratch is not None:
            make_folder(scratch)
        started = time.monotonic()
        try:
            with self._progress() as show:

                def on_event(event: StageEvent) -> None:
                    self._interruption.check()
                    if event.state in {"finished", "reused"}:
                        self._note(event)
                    show(event)

                result = pipeline.refresh(
                    database,
                    storage,
                    settings=settings,
                    cache=cache,
                    scratch=scratch,
                    on_event=on_event,
                    run_id=self.log.run_id,
                )
        except Interrupted:
            raise  # neither a success nor a failure: it is tried again
        except Exception as error:
            self._metrics(metric_lines(succeeded=False, seconds=time.monotonic() - started))
            if isinstance(error, BrokenPipeError):  # not a reader of our output that went away
                raise AnalyticsError(f"a connection broke during the refresh: {error}") from error
            raise
        self._metrics(
            metric_lines(
                succeeded=True,
                seconds=result.seconds,
                recipes=result.manifest["database"]["recipes"],
                warnings=sum(warning["count"] for warning in result.manifest["warnings"]),
                stage_seconds=[(s["name"], s["seconds"]) for s in self.timings if not s["reused"]],
            )
        )
        return result

    def _note(self, event: StageEvent) -> None:
        # the manifest cannot tell how long it took to publish it; the events can
        reused = event.state == "reused"
        self.timings.append({"name": event.stage, "seconds": event.seconds, "reused": reused})

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
        except Interrupted as error:
            kept = f"; finished stages are kept in {run.keeps}, run it again" if run.keeps else ""
            run.fail(Interrupted(f"{one_line(error)}{kept}"))
            raise typer.Exit(EXIT_TRY_AGAIN) from None
        except AnalyticsError as error:
            run.fail(error)
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            drop_stdout()
        except Exception as error:
            if isinstance(error, (typer.Exit, typer.BadParameter)):
                raise
            run.fail(_unexpected(run, error), unexpected=True)
            raise typer.Exit(EXIT_FAILURE) from None


def _unexpected(run: Run, error: Exception) -> AnalyticsError:
    """Wrap an error nobody foresaw; on a terminal its traceback goes to a file."""
    run.log.run_id = run_id = run.log.run_id or _new_run_id()
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


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def make_folder(folder: Path) -> None:
    """Make a scratch folder, or say that it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the scratch folder {folder}: {error.strerror};"
            " name another with --scratch"
        ) from error


def drop_stdout() -> None:
    """Let the interpreter's last flush succeed after the reader of a pipe went away."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
