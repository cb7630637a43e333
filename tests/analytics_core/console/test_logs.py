"""Log lines have stable keys; metrics have the names the dashboard reads."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import time
from typing import Any

import pytest

from analytics_core.console.logs import JsonLog, metric_lines, one_line, progress_bars, throttled
from analytics_core.stages import StageEvent


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_begins_with_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_BATCH_JOB_ID", raising=False)
    stream = io.StringIO()
    JsonLog(stream, "run-1").write("refresh.finished", seconds=1.5)
    (line,) = lines(stream)
    assert list(line) == ["timestamp", "level", "event", "run_id", "seconds"]
    assert line["run_id"] == "run-1"
    assert line["timestamp"].endswith("+00:00")


def test_a_batch_job_is_named_in_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BATCH_JOB_ID", "job-1")
    monkeypatch.setenv("AWS_BATCH_JOB_ATTEMPT", "2")
    stream = io.StringIO()
    JsonLog(stream).write("x")
    assert lines(stream)[0]["job_id"] == "job-1"
    assert lines(stream)[0]["attempt"] == "2"


def test_stage_events_become_lines() -> None:
    stream = io.StringIO()
    log = JsonLog(stream)
    log.on_event(StageEvent("cost", "started"))
    log.on_event(StageEvent("cost", "progress", done=2, total=5))
    log.on_event(StageEvent("cost", "finished", seconds=1.23456, detail="5 rounds"))
    started, progress, finished = lines(stream)
    assert (started["event"], started["stage"]) == ("stage.started", "cost")
    assert (progress["done"], progress["total"]) == (2, 5)
    assert (finished["seconds"], finished["detail"]) == (1.235, "5 rounds")


def fail() -> None:
    raise RuntimeError("first line\nsecond\u2028line")


def test_an_error_with_its_traceback_is_one_line() -> None:
    stream = io.StringIO()
    with pytest.raises(RuntimeError) as caught:
        fail()
    JsonLog(stream).failure("refresh.failed", caught.value, with_traceback=True)
    assert stream.getvalue().count("\n") == 1
    (line,) = lines(stream)
    assert line["message"] == "first line second line"
    assert "in fail" in line["traceback"]
    assert line["level"] == "error"


def test_an_error_without_words_is_named_by_its_type() -> None:
    assert one_line(KeyError()) == "KeyError"


def test_a_reader_that_went_away_does_not_stop_the_job() -> None:
    read, write = os.pipe()
    os.close(read)
    stream = os.fdopen(write, "w")
    log = JsonLog(stream)
    log.write("x")  # the pipe is broken
    with contextlib.suppress(BrokenPipeError):
        stream.close()
    closed = io.StringIO()
    closed.close()
    JsonLog(closed).write("x")


def test_progress_is_throttled_and_nothing_else() -> None:
    seen: list[StageEvent] = []
    pass_on = throttled(seen.append, seconds=math.inf)
    for event in (
        StageEvent("cost", "started"),
        StageEvent("cost", "progress", done=1, total=2),
        StageEvent("cost", "finished"),
        StageEvent("map", "reused"),
    ):
        pass_on(event)
    assert [event.state for event in seen] == ["started", "finished", "reused"]
    eager = throttled(seen.append, seconds=0)
    eager(StageEvent("cost", "progress", done=1, total=2))
    assert seen[-1].state == "progress"


def test_progress_bars_name_every_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with progress_bars() as show:
        show(StageEvent("cost", "started"))
        show(StageEvent("cost", "progress", done=1, total=2, detail="[red]round 1"))
        show(StageEvent("cost", "finished", seconds=1))
        show(StageEvent("map", "reused"))
    text = capsys.readouterr()
    assert text.out == ""
    assert "cost" in text.err
    assert "from an earlier run" in text.err
    assert "\x1b[3" not in text.err


def metrics_of(line: dict[str, Any]) -> dict[str, tuple[str, float]]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "CocktailAnalytics"
    for names in directive["Dimensions"]:
        assert all(isinstance(line[name], str) for name in names)
    return {m["Name"]: (m["Unit"], line[m["Name"]]) for m in directive["Metrics"]}


ALL = "RefreshSuccess,RefreshFailure,RefreshDuration,Recipes,Warnings,StageDuration"


def test_only_metrics_that_somebody_watches_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def written() -> list[set[str]]:
        lines = metric_lines(succeeded=True, seconds=1, recipes=2, stage_seconds=[("cost", 1)])
        return [set(metrics_of(line)) for line in lines]

    monkeypatch.delenv("ANALYTICS_METRICS", raising=False)
    assert written() == []
    monkeypatch.setenv("ANALYTICS_METRICS", "RefreshSuccess")
    assert written() == [{"RefreshSuccess"}]
    monkeypatch.setenv("ANALYTICS_METRICS", ALL)
    assert written() == [{"RefreshSuccess", "RefreshDuration", "Recipes"}, {"StageDuration"}]


def test_a_success_has_the_dashboards_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_ENVIRONMENT", "prod")
    monkeypatch.setenv("ANALYTICS_METRICS", ALL)
    lines: list[dict[str, Any]] = metric_lines(
        succeeded=True, seconds=12.3456, recipes=238, warnings=0, stage_seconds=[("cost", 1.5)]
    )
    whole, stage = lines
    assert whole["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Environment"]]
    assert whole["Environment"] == "prod"
    assert metrics_of(whole) == {
        "RefreshSuccess": ("Count", 1),
        "Recipes": ("Count", 238),
        "Warnings": ("Count", 0),
        "RefreshDuration": ("Seconds", 12.346),
    }
    assert stage["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Environment", "Stage"]]
    assert stage["Stage"] == "cost"
    assert metrics_of(stage) == {"StageDuration": ("Seconds", 1.5)}
    assert isinstance(whole["_aws"]["Timestamp"], int)


def test_a_failure_counts_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_METRICS", ALL)
    (line,) = metric_lines(succeeded=False, seconds=1)
    assert metrics_of(line) == {"RefreshFailure": ("Count", 1), "RefreshDuration": ("Seconds", 1)}


def test_metrics_carry_the_present_time_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYTICS_METRICS", ALL)
    before = time.time() * 1000
    lines: list[dict[str, Any]] = metric_lines(
        succeeded=True, seconds=1.0, stage_seconds=[("cost", 0.5)]
    )
    after = time.time() * 1000
    assert len(lines) == 2
    for line in lines:
        assert int(before) <= line["_aws"]["Timestamp"] <= after


def test_without_an_environment_it_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYTICS_ENVIRONMENT", raising=False)
    monkeypatch.setenv("ANALYTICS_METRICS", ALL)
    assert metric_lines(succeeded=False, seconds=1)[0]["Environment"] == "local"
