"""When a requested refresh runs: a pure function of the time, the one schedule and two settings.

Edits come in bursts. Each edit puts the refresh off until nothing was edited for the quiet time,
but never beyond the maximum wait after the first edit that still waits.

What must hold, and why it does:

- *No edit is lost.* Every decision leads to a job that is submitted, or joined while it still
  waits, after the edit. Creating and moving forward put the schedule after `now`; a schedule
  that is due (or so near that an update could meet its firing) is not touched: the edit is
  served by submitting at once. Whoever removes a schedule submits afterwards, so whatever the
  schedule stood for is covered too.
- *No starvation.* The schedule never moves beyond `pending_since + maximum_wait`, less the
  minute within which EventBridge Scheduler fires.
- *Never two schedules.* There is one name; creating it twice is refused by the service.

`tests/trigger/test_debounce.py` states these as properties and searches for counterexamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PRECISION = timedelta(seconds=60)
"""EventBridge Scheduler fires within a minute after the time asked for."""

GUARD = timedelta(seconds=30)
"""A schedule that fires within this time is not changed any more. Longer than the slowest
write of `trigger.schedule` (two tries of 2 s to connect and 4 s to answer)."""

STALE_AFTER = timedelta(minutes=10)
"""A schedule still there so long after its time has failed to fire or to be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebounceSettings:
    """How long to wait for quiet, and how long at most.

    Attributes
    ----------
    quiet
        Time without an edit after which the refresh runs.
    maximum_wait
        Longest time from an edit to the submission; at least `quiet`.
    """

    quiet: timedelta
    maximum_wait: timedelta

    def __post_init__(self) -> None:
        """Refuse settings under which no schedule makes sense."""
        if not timedelta(0) < self.quiet <= self.maximum_wait:
            raise ValueError(
                f"the quiet time ({self.quiet}) must be positive and at most the maximum wait "
                f"({self.maximum_wait})"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What the schedule says.

    Attributes
    ----------
    fires_at
        When it invokes the refresh; whole seconds, UTC.
    since
        When the first edit came that it stands for.
    """

    fires_at: datetime
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make the schedule."""

    pending: Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Put the schedule off."""

    pending: Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The schedule stands as it should."""

    pending: Pending


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitNow:
    """Submit or join at once.

    Attributes
    ----------
    since
        The first edit that is served.
    remove
        The schedule is beyond hope: delete it first, then submit. In this order, because an
        edit that made a new schedule in between is then covered by the submission.
    """

    since: datetime
    remove: bool


Decision = Create | Move | Keep | SubmitNow


def decide(now: datetime, state: Pending | None, settings: DebounceSettings) -> Decision:
    """Decide what an edit at `now` does to the schedule.

    Parameters
    ----------
    now
        Time of the edit, UTC.
    state
        The schedule as it was just read; None when there is none.
    settings
        Quiet time and maximum wait.
    """
    if state is None:
        return Create(pending=Pending(fires_at=_fires_at(now, now, settings), since=now))
    if state.fires_at < now - STALE_AFTER:
        return SubmitNow(since=min(state.since, now), remove=True)
    since = min(state.since, now)  # clocks of two invocations may differ by a little
    if state.fires_at <= now + GUARD:
        return SubmitNow(since=since, remove=False)
    # Never earlier: a slower invocation with an older `now` must not undo a later edit's quiet.
    fires_at = max(state.fires_at, _fires_at(now, since, settings))
    latest = _latest(since, settings)
    # A deployment may have shortened the settings; then an old schedule is brought forward.
    fires_at = min(fires_at, max(latest, _whole_second_after(now + GUARD)))
    if fires_at == state.fires_at:
        return Keep(pending=state)
    return Move(pending=Pending(fires_at=fires_at, since=since))


def _fires_at(now: datetime, since: datetime, settings: DebounceSettings) -> datetime:
    return min(_whole_second_after(now + settings.quiet), _latest(since, settings))


def _latest(since: datetime, settings: DebounceSettings) -> datetime:
    # The firing may take PRECISION; where the wait leaves no room for it, quiet comes first.
    wait = max(settings.maximum_wait - PRECISION, min(settings.quiet, settings.maximum_wait))
    return (since + wait).replace(microsecond=0)


def _whole_second_after(moment: datetime) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
