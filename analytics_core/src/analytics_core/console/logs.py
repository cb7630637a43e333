"""What a run reports while it works: progress bars on a terminal, JSON lines otherwise.

The keys of a JSON line are a contract with whoever searches the logs: ``timestamp``,
``level``, ``event`` and ``run_id`` are in every line, ``job_id`` and ``attempt`` when AWS
Batch runs the job, and ``stage``, ``seconds``, ``done``, ``total``, ``detail``,
``message``, ``error``, ``figures``, ``traceback`` where they apply.

The names of the metrics are a contract with the dashboard and the alarms.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from analytics_core.console.streams import harmless
from analytics_core.errors import GateClosed

if TYPE_CHECKING:
    from analytics_core.stages import StageEvent

NAMESPACE = "CocktailAnalytics"
_PROGRESS_EVERY_SECONDS = 5.0


@dataclass(slots=True)
class JsonLog:
    """Writes one JSON object per line, keys in a fixed order.

    Parameters
    ----------
    stream
        Where the lines go, by default standard error as it is now.
    run_id
        Written into every line; may be set when it becomes known.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    run_id: str | None = None

    def write(self, event: str, *, level: str = "info", **fields: Any) -> None:
        """Write one line; a reader that went away does not stop the job."""
        line: dict[str, object] = {
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "level": level,
            "event": event,
            "run_id": self.run_id,
        }
        for key, variable in (("job_id", "AWS_BATCH_JOB_ID"), ("attempt", "AWS_BATCH_JOB_ATTEMPT")):
            if value := os.environ.get(variable):
                line[key] = value
        line.update(fields)
        self.write_object(line)

    def write_object(self, line: Mapping[str, object]) -> None:
        """Write any object as a line, such as one of `metric_lines`."""
        # ASCII escapes keep line and paragraph separators in names from splitting the line
        with contextlib.suppress(OSError, ValueError):  # broken pipe, closed stream
            self.stream.write(json.dumps(line, default=str) + "\n")
            self.stream.flush()

    def failure(self, event: str, error: BaseException, *, with_traceback: bool) -> None:
        """Write an error in one line; newlines of the traceback are escaped by JSON."""
        fields: dict[str, Any] = {"error": type(error).__name__, "message": one_line(error)}
        if isinstance(error, GateClosed):
            fields["figures"] = error.figures
        if with_traceback:
            fields["traceback"] = "".join(traceback.format_exception(error))
        self.write(event, level="error", **fields)

    def on_event(self, event: StageEvent) -> None:
        """Write a stage event; `throttled` keeps the number of progress lines small."""
        fields: dict[str, Any] = {"stage": event.stage}
        if event.state in {"finished", "reused"}:
            fields["seconds"] = round(event.seconds, 3)
        if event.total:
            fields |= {"done": event.done, "total": event.total}
        if event.detail:
            fields["detail"] = event.detail
        self.write(f"stage.{event.state}", **fields)


def one_line(error: BaseException) -> str:
    """Return the error's sentence without line breaks, or its type when it has none."""
    return " ".join(harmless(str(error)).split()) or type(error).__name__


def throttled(
    on_event: Callable[[StageEvent], None], *, seconds: float = _PROGRESS_EVERY_SECONDS
) -> Callable[[StageEvent], None]:
    """Pass on every event except progress that comes within `seconds` of the last line."""
    last = time.monotonic()

    def pass_on(event: StageEvent) -> None:
        nonlocal last
        now = time.monotonic()
        if event.state == "progress" and now - last < seconds:
            return
        last = now
        on_event(event)

    return pass_on


@contextlib.contextmanager
def progress_bars() -> Iterator[Callable[[StageEvent], None]]:
    """Show a bar per stage on the terminal (standard error); hand out the event handler."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    progress = Progress(
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=28),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[detail]}", markup=True),
        console=Console(stderr=True),
    )
    tasks: dict[str, Any] = {}

    def show(event: StageEvent) -> None:
        from rich.markup import escape

        if event.stage not in tasks:
            tasks[event.stage] = progress.add_task(event.stage, total=None, detail="")
        task = tasks[event.stage]
        detail = escape(event.detail)
        if event.state == "progress" and event.total:
            progress.update(task, total=event.total, completed=event.done, detail=detail)
        elif event.state in {"finished", "reused"}:
            kept = "from an earlier run" if event.state == "reused" else detail
            progress.update(task, total=1, completed=1, detail=kept)

    with progress:
        yield show


def metric_lines(
    *,
    succeeded: bool,
    seconds: float,
    recipes: int | None = None,
    warnings: int | None = None,
    stage_seconds: Iterable[tuple[str, float]] = (),
) -> list[dict[str, object]]:
    """Build a refresh's metrics in CloudWatch's embedded metric format.

    Written to the log as they are, CloudWatch makes metrics of them without any call. Each metric
    is billed, so only those are built that ``ANALYTICS_METRICS`` names, with commas; by default
    none.

    Parameters
    ----------
    succeeded
        Counts one ``RefreshSuccess`` or one ``RefreshFailure``.
    seconds
        The whole refresh, as ``RefreshDuration``.
    recipes, warnings
        Counts, as ``Recipes`` and ``Warnings``; left out when not known.
    stage_seconds
        Pairs of stage and seconds, as ``StageDuration`` with the dimension ``Stage``.
    """
    counts = {"RefreshSuccess" if succeeded else "RefreshFailure": 1}
    if recipes is not None:
        counts["Recipes"] = recipes
    if warnings is not None:
        counts["Warnings"] = warnings
    units = dict.fromkeys(counts, "Count") | {"RefreshDuration": "Seconds"}
    lines = [_metric_line({**counts, "RefreshDuration": round(seconds, 3)}, units)]
    lines += [
        _metric_line({"StageDuration": round(spent, 3)}, {"StageDuration": "Seconds"}, stage=stage)
        for stage, spent in stage_seconds
    ]
    return [line for line in lines if line is not None]


def _metric_line(
    values: Mapping[str, float], units: Mapping[str, str], *, stage: str | None = None
) -> dict[str, object] | None:
    watched = os.environ.get("ANALYTICS_METRICS", "").split(",")
    values = {name: value for name, value in values.items() if name in watched}
    if not values:
        return None
    dimensions = {"Environment": os.environ.get("ANALYTICS_ENVIRONMENT") or "local"}
    if stage is not None:
        dimensions["Stage"] = stage
    return {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": units[name]} for name in values],
                }
            ],
        },
        "event": "metrics",
        **dimensions,
        **values,
    }
