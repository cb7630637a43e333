"""Each call of a refresh to its store fails in each way, in turn."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analytics_core.store import S3Storage, read_published
from analytics_core.store.publish import MANIFEST_KEY
from tests.end_to_end.faulty_store import FAULTS, PASSING, PATIENCE_SECONDS, Plan, faulty
from tests.end_to_end.running import forked
from tests.servers import AwsServer

FOR_EVER = 10**9


def ways(fault: str) -> tuple[int, ...]:
    """Return how often a fault follows on itself: what denies once denies always."""
    return (1, FOR_EVER) if fault in PASSING - {"slow", "hung"} else (1,)


@dataclass
class Figures:
    """What came of failing."""

    calls: int = 0
    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def fail_in_turn(
    server: AwsServer,
    bucket: str,
    database: Path,
    *,
    prefix: str = "out",
    each: int = 1,
    faults: Sequence[str] = FAULTS,
    go_on: Callable[[], bool] = lambda: True,
) -> Figures:
    """Let every `each`-th call fail once, and from there on for ever, in each way.

    What may pass once is passed over by another attempt (exit 0); what stays is exit 4, with a
    sentence; always what readers see is a whole set: the one before, or the new one.
    """
    figures = Figures()
    storage = S3Storage(bucket, prefix, server.client("s3"))
    kept = database.with_suffix(".kept")  # a folder: what the stages leave is no call to S3

    def go(plan: Plan) -> tuple[int, str]:
        with faulty(server, plan) as front:
            env = {**front.environment, "AWS_MAX_ATTEMPTS": "3"}
            words = ("refresh", "--db", database, "--output", storage.url, "--no-page")
            return forked(*words, "--workspace", kept, env=env, patience_seconds=PATIENCE_SECONDS)

    assert go(Plan())[0] == 0
    counted = Plan()
    assert go(counted)[0] == 0
    figures.calls = len(counted.calls)
    # the call that publishes; what follows copies the stable keys once more and removes old runs
    publishing = max(n for n, call in enumerate(counted.calls) if call == f"PUT {_stable(storage)}")
    cases = [
        (fault, first, times)
        for begin, fault in enumerate(faults, 1)  # different ways meet different calls
        for first in range(begin % each, figures.calls, each)
        for times in ways(fault)
    ]
    random.Random(1).shuffle(cases)  # where the time ends early, calls of all kinds have failed
    for fault, first, times in cases:
        if not go_on():
            break
        plan = Plan(fault, first, times)
        before = _published(storage)
        code, told = go(plan)
        _judge(figures, plan, code, told, before != _published(storage), publishing)
    return figures


def _published(storage: S3Storage) -> str:
    """Return what is published, each document compared with its checksum."""
    manifest: dict[str, Any] = read_published(storage)["manifest"]
    return str(manifest["run_id"])


def _stable(storage: S3Storage) -> str:
    """Return the path under which the published manifest is asked for."""
    return f"/{storage.bucket}/{storage.prefix}{MANIFEST_KEY}"


def _judge(
    figures: Figures, plan: Plan, code: int, told: str, published: bool, publishing: int
) -> None:
    call = plan.failed[0] if plan.failed else "none"
    what = f"{plan.fault} x {plan.times} at {call}: exit {code}: {told[-600:]}"
    figures.tried += 1
    passing = plan.fault in PASSING and plan.times == 1
    figures.outcomes[f"{plan.fault}{'' if plan.times == 1 else ' for ever'}: exit {code}"] += 1
    # a call that publishes and whose empty answer is cut has got its answer
    harmless = plan.first > publishing or (plan.first == publishing and plan.fault == "cut")
    if not plan.failed:
        figures.faults.append(f"nothing failed: {what}")
    if "Traceback" in told:
        figures.faults.append(f"no clear end: {what}")
    if passing and code != 0:
        figures.faults.append(f"another attempt would have helped: {what}")
    elif harmless and code != 0:
        figures.faults.append(f"the set was published: {what}")
    elif not passing and not harmless and code != 4:
        figures.faults.append(f"no error, though nothing would help: {what}")
    if code == 0 and not published:
        figures.faults.append(f"ended well, but nothing is published: {what}")
    # the answer to the call that publishes may be lost, though what it asks for is done
    if code == 4 and published and plan.first != publishing:
        figures.faults.append(f"an error, but the set was replaced: {what}")
