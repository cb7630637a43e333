"""The debounce as properties: nothing is lost, nothing starves, there is one schedule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigger.debounce import (
    GUARD,
    PRECISION,
    STALE_AFTER,
    Create,
    DebounceSettings,
    Keep,
    Move,
    Pending,
    SubmitNow,
    decide,
)

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEV = DebounceSettings(quiet=timedelta(minutes=5), maximum_wait=timedelta(minutes=30))


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_the_first_edit_waits_for_quiet() -> None:
    assert decide(at(0), None, DEV) == Create(pending=Pending(fires_at=at(5), since=at(0)))


def test_another_edit_puts_it_off() -> None:
    pending = Pending(fires_at=at(5), since=at(0))
    assert decide(at(2), pending, DEV) == Move(pending=Pending(fires_at=at(7), since=at(0)))


def test_the_maximum_wait_leaves_a_minute_for_the_firing() -> None:
    pending = Pending(fires_at=at(28), since=at(0))
    assert decide(at(26), pending, DEV) == Move(pending=Pending(fires_at=at(29), since=at(0)))
    pending = Pending(fires_at=at(29), since=at(0))
    assert decide(at(28), pending, DEV) == Keep(pending=pending)


def test_an_edit_in_the_same_second_changes_nothing() -> None:
    pending = Pending(fires_at=at(5), since=at(0))
    assert decide(at(0), pending, DEV) == Keep(pending=pending)


def test_an_edit_with_an_older_clock_does_not_bring_it_forward() -> None:
    pending = Pending(fires_at=at(7), since=at(2))
    assert decide(at(1.9), pending, DEV) == Keep(pending=pending)


@pytest.mark.parametrize("seconds", [-30, -1, 0, 1, 59, 300])
def test_an_edit_as_it_fires_is_served_at_once(seconds: int) -> None:
    pending = Pending(fires_at=at(5), since=at(0))
    now = pending.fires_at + timedelta(seconds=seconds)
    assert decide(now, pending, DEV) == SubmitNow(since=at(0), remove=False)


def test_a_schedule_that_outlived_its_firing_is_removed() -> None:
    pending = Pending(fires_at=at(5), since=at(0))
    late = pending.fires_at + STALE_AFTER + timedelta(seconds=1)
    assert decide(late, pending, DEV) == SubmitNow(since=at(0), remove=True)


def test_shortened_settings_bring_an_old_schedule_forward() -> None:
    pending = Pending(fires_at=at(60), since=at(0))
    assert decide(at(10), pending, DEV) == Move(pending=Pending(fires_at=at(29), since=at(0)))


@pytest.mark.parametrize(("quiet", "wait"), [(0, 5), (-1, 5), (6, 5)])
def test_senseless_settings_are_refused(quiet: int, wait: int) -> None:
    with pytest.raises(ValueError, match="quiet time"):
        DebounceSettings(quiet=timedelta(minutes=quiet), maximum_wait=timedelta(minutes=wait))


minutes = st.integers(1, 240).map(lambda n: timedelta(minutes=n))
debounces = st.tuples(minutes, minutes).map(
    lambda pair: DebounceSettings(quiet=min(pair), maximum_wait=max(pair))
)
moments = st.timedeltas(timedelta(0), timedelta(hours=12)).map(lambda passed: START + passed)
pendings = st.tuples(moments, moments).map(
    lambda pair: Pending(fires_at=max(pair).replace(microsecond=0), since=min(pair))
)


@given(moments, st.none() | pendings, debounces)
def test_any_decision_serves_the_edit_within_the_maximum_wait(
    now: datetime, state: Pending | None, debounce: DebounceSettings
) -> None:
    decision = decide(now, state, debounce)
    if isinstance(decision, SubmitNow):
        assert state is not None
        assert decision.since <= now
        return
    pending = decision.pending
    assert pending.fires_at.microsecond == 0  # the schedule has whole seconds
    assert pending.fires_at > now, "a job submitted then reads what was edited now"
    if state is None:
        assert pending.since == now
    elif isinstance(decision, Move):
        assert pending.since == min(state.since, now), "waiting edits keep their age"
    else:
        assert pending == state
    latest = pending.since + max(debounce.maximum_wait, debounce.quiet + PRECISION)
    if isinstance(decision, Create | Move) and pending.fires_at > now + GUARD + timedelta(
        seconds=1
    ):
        assert pending.fires_at <= latest - PRECISION + timedelta(seconds=1)


@dataclass
class World:
    """EventBridge and the function as they may behave at their worst.

    A schedule fires up to a minute late and is deleted up to three minutes after that, whatever
    was written to it in between: AWS does not say that an update as it fires would survive, so
    here it does not. Each edit reads, then up to 12 s pass until its write takes effect; other
    edits come in between.
    """

    debounce: DebounceSettings
    schedule: Pending | None = None
    fires: datetime | None = None
    dies: datetime | None = None
    submissions: list[datetime] = field(default_factory=list)

    def pass_until(self, now: datetime, lateness: Iterator[tuple[int, int]]) -> None:
        while True:
            if self.schedule is not None and self.fires is None and self.dies is None:
                late, lingering = next(lateness)
                self.fires = self.schedule.fires_at + timedelta(seconds=late)
                self._lingering = timedelta(seconds=lingering)
            if self.fires is not None and self.fires <= now:
                self.submissions.append(self.fires)
                self.dies = self.fires + self._lingering
                self.fires = None
            elif self.dies is not None and self.dies <= now:
                self.schedule, self.dies = None, None
            else:
                return

    def write(self, decision: object, now: datetime) -> bool:
        """Carry out a decision; False means that the edit has to read again."""
        match decision:
            case SubmitNow(remove=remove):
                if remove:
                    self.schedule, self.fires, self.dies = None, None, None
                self.submissions.append(now)
            case Create(pending=pending):
                if self.schedule is not None:
                    return False
                self.schedule = pending
            case Move(pending=pending):
                if self.schedule is None:
                    return False
                self.schedule = pending
                if self.dies is None:
                    self.fires = None  # drawn anew for the new time
        return True


@given(
    debounces,
    st.lists(
        st.tuples(
            st.integers(0, 400) | st.sampled_from([0, 1, 30, 59, 60, 61, 299, 300]),
            st.integers(0, 12),
        ),
        min_size=1,
        max_size=60,
    ),
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 180)), min_size=1, max_size=10),
)
@settings(max_examples=400, deadline=None)
def test_every_edit_is_followed_by_a_job_no_later_than_the_maximum_wait(
    debounce: DebounceSettings,
    edits: list[tuple[int, int]],
    lateness: list[tuple[int, int]],
) -> None:
    """Edits overlap: each reads at its time and writes up to 12 s later, in any interleaving."""
    world = World(debounce)
    endless = itertools.cycle(lateness)
    # Two kinds of step, in the order of time: an edit reads and decides; its write takes effect.
    steps: list[tuple[datetime, int, str]] = []
    now, came = START, []
    for number, (gap, stall) in enumerate(edits):
        now += timedelta(seconds=gap)
        came.append(now)
        steps += [(now, number, "read"), (now + timedelta(seconds=stall), number, "write")]
    decided: dict[int, object] = {}
    for when, number, step in sorted(steps, key=lambda s: (s[0], s[1], s[2])):
        world.pass_until(when, endless)
        if step == "read":
            decided[number] = decide(when, world.schedule, debounce)
        else:
            while not world.write(decided[number], when):
                decided[number] = decide(when, world.schedule, debounce)
    world.pass_until(now + timedelta(days=2), endless)

    assert world.schedule is None, "nothing is left behind"
    # A write may come 12 s late, and with quiet = maximum wait there is no room for the firing.
    wait = max(debounce.maximum_wait, debounce.quiet + PRECISION) + timedelta(seconds=13)
    for edit in came:
        later = [moment for moment in world.submissions if moment >= edit]
        assert later, f"the edit at {edit} was lost"
        assert min(later) <= edit + wait, f"the edit at {edit} waited for {min(later) - edit}"


@given(debounces, st.integers(1, 59))
@settings(max_examples=50, deadline=None)
def test_endless_edits_do_not_starve(debounce: DebounceSettings, every: int) -> None:
    world = World(debounce)
    lateness = itertools.repeat((59, 0))
    end = START + 3 * debounce.maximum_wait + timedelta(minutes=5)
    now = START
    while now < end:
        world.pass_until(now, lateness)
        decision = decide(now, world.schedule, debounce)
        assert world.write(decision, now)
        now += timedelta(seconds=every)
    gaps = [
        after - before
        for before, after in zip([START, *world.submissions], world.submissions, strict=False)
    ]
    wait = max(debounce.maximum_wait, debounce.quiet + PRECISION) + timedelta(seconds=every)
    assert gaps
    assert max(gaps) <= wait


def test_the_search_finds_a_debounce_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard an edit that meets the firing is lost: the property above can fail."""
    import sys

    module = sys.modules[decide.__module__]
    monkeypatch.setattr(module, "GUARD", timedelta(days=-1))
    monkeypatch.setattr(module, "STALE_AFTER", timedelta(days=2))
    world = World(DEV)
    lateness = itertools.repeat((0, 60))
    for edit in (at(0), at(5.5)):
        world.pass_until(edit, lateness)
        world.write(decide(edit, world.schedule, DEV), edit)
    world.pass_until(at(600), lateness)
    assert [moment for moment in world.submissions if moment >= at(5.5)] == []
