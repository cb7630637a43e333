"""Spot takes instances away: how long a shared refresh takes, and what it costs, by shard size.

A model, seeded: ``python -m benchmarks.reclaims``. Hours are calm or stormy, and how long each kind
lasts is drawn. An instance is taken away at a rate that belongs to the hour, and in a storm another
one is waited for longer. A shard that loses its instance goes on from the rows that were kept, on
another instance, and after so many attempts the whole refresh has failed and is begun again, which
is what an owner does who gets the mail.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from bisect import bisect_right
from dataclasses import dataclass, replace

from rich.table import Table

from benchmarks._common import console

SEED = 20_260_301
ROUNDS = 100
MINUTES = (1, 2, 5, 10, 15, 30, 60, 120)
"""Shard sizes that are compared, in minutes of search."""

NEAR = 0.02
"""Sizes within this share of the lowest bill and of the shortest time are as good as the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How Spot behaves.

    Attributes
    ----------
    calm_rate, stormy_rate
        Reclaims an instance and hour.
    calm_hours, stormy_hours
        Mean lengths of the two kinds of time.
    calm_wait, stormy_wait
        Mean minutes until another instance is there, boot and image included.
    """

    calm_rate: float = 0.01
    stormy_rate: float = 0.5
    calm_hours: float = 36.0
    stormy_hours: float = 4.0
    calm_wait: float = 2.0
    stormy_wait: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What there is to do.

    Attributes
    ----------
    search_minutes
        Of one machine for all rows.
    overhead_minutes
        Each attempt of a shard: container, imports, inputs and cost from the bucket.
    kept_minutes
        Between two moments at which rows are kept.
    alone_minutes
        Plan and finish, on one machine each, one after the other.
    machines
        That may run at once.
    attempts
        Of each shard.
    idle_minutes
        An instance is paid for so long after its last job.
    dollars_hour
        One instance.
    """

    search_minutes: float
    overhead_minutes: float = 0.25
    kept_minutes: float = 0.5
    alone_minutes: float = 20.0
    machines: int = 32
    attempts: int = 3
    idle_minutes: float = 5.0
    dollars_hour: float = 0.0389


NEVER_MINUTES = 60 * 24 * 365
"""What is taken later than this counts as never taken: no run lasts for a year."""


class Sky:
    """The weather of one run, hour by hour as it is asked for."""

    def __init__(self, weather: Weather, draw: random.Random) -> None:
        self._weather, self._draw = weather, draw
        share = weather.stormy_hours / (weather.calm_hours + weather.stormy_hours)
        self._changes, self._stormy = [0.0], draw.random() < share

    def stormy(self, minute: float) -> bool:
        """Whether it is stormy at a minute."""
        while self._changes[-1] <= minute:
            now = self._stormy == (len(self._changes) % 2 == 1)
            mean = self._weather.stormy_hours if now else self._weather.calm_hours
            self._changes.append(self._changes[-1] + 60 * self._draw.expovariate(1 / mean))
        before = bisect_right(self._changes, minute)
        return self._stormy == (before % 2 == 1)

    def wait(self, minute: float) -> float:
        """Minutes until an instance that is asked for is there."""
        mean = self._weather.stormy_wait if self.stormy(minute) else self._weather.calm_wait
        return self._draw.expovariate(1 / mean) if mean else 0.0

    def taken(self, minute: float) -> float:
        """Return the minute at which an instance that is there now is taken away."""
        highest = max(self._weather.calm_rate, self._weather.stormy_rate) / 60
        if not highest:
            return math.inf
        while True:
            minute += self._draw.expovariate(highest)
            if minute > NEVER_MINUTES:
                return math.inf
            stormy = self.stormy(minute)
            rate = self._weather.stormy_rate if stormy else self._weather.calm_rate
            if self._draw.random() < rate / 60 / highest:
                return minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one refresh went: minutes to the end, dollars, and how often it was begun again."""

    minutes: float
    dollars: float
    begun_again: int


def search(work: Work, shard_minutes: float, sky: Sky, start: float) -> tuple[float, float, bool]:
    """Run the array once: when it is over, the machine minutes paid, and whether all succeeded."""
    count = max(1, math.ceil(work.search_minutes / shard_minutes))
    each = work.search_minutes / count
    waiting = [(start, index, each, 1) for index in range(count)]  # (ready, shard, left, attempt)
    machines = [start + sky.wait(start) for _ in range(min(work.machines, count))]
    gone = {index: sky.taken(begun) for index, begun in enumerate(machines)}
    free = [(begun, index) for index, begun in enumerate(machines)]
    began = dict(enumerate(machines))
    heapq.heapify(free)
    heapq.heapify(waiting)
    paid, end, failed = 0.0, start, False
    while waiting:
        _, index, left, attempt = heapq.heappop(waiting)
        now, machine = heapq.heappop(free)
        if gone[machine] <= now:  # taken away while it had nothing to do
            paid += gone[machine] - began[machine]
            begun = now + sky.wait(now)
            began[machine], gone[machine] = begun, sky.taken(begun)
            heapq.heappush(free, (begun, machine))
            heapq.heappush(waiting, (now, index, left, attempt))
            continue
        done = now + work.overhead_minutes + left
        if done <= gone[machine]:
            heapq.heappush(free, (done, machine))
            end = max(end, done)
            continue
        lost_at = gone[machine]
        searched = max(0.0, lost_at - now - work.overhead_minutes)
        left -= min(left, searched // work.kept_minutes * work.kept_minutes)
        paid += lost_at - began[machine]
        begun = lost_at + sky.wait(lost_at)
        began[machine], gone[machine] = begun, sky.taken(begun)
        heapq.heappush(free, (begun, machine))
        if attempt == work.attempts:
            failed = True
            end = max(end, lost_at)
        else:
            heapq.heappush(waiting, (lost_at, index, left, attempt + 1))
    for now, machine in free:
        if began[machine] < end:  # else it was still on its way
            paid += max(0.0, min(now, gone[machine]) - began[machine]) + work.idle_minutes
    return end, paid, not failed


def run_once(work: Work, shard_minutes: float, weather: Weather, seed: int) -> Outcome:
    """Run a refresh to its end, begun again as often as it fails."""
    sky = Sky(weather, random.Random(seed))
    minute, paid, again = 0.0, 0.0, 0
    while True:
        paid += work.alone_minutes
        minute, machine_minutes, succeeded = search(
            work, shard_minutes, sky, minute + work.alone_minutes / 2
        )
        paid += machine_minutes
        minute += work.alone_minutes / 2
        if succeeded or again == 20:
            break
        again += 1
    return Outcome(minutes=minute, dollars=paid / 60 * work.dollars_hour, begun_again=again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a shard size leads to, over many seeds."""

    shard_minutes: float
    shards: int
    minutes: float
    late_minutes: float
    dollars: float
    begun_again: float


def compare(work: Work, weather: Weather, *, rounds: int = ROUNDS) -> list[Size]:
    """Compare shard sizes under the same seeds."""
    found = []
    for minutes in MINUTES:
        runs = [run_once(work, minutes, weather, SEED + n) for n in range(rounds)]
        times = sorted(run.minutes for run in runs)
        found.append(
            Size(
                shard_minutes=minutes,
                shards=max(1, math.ceil(work.search_minutes / minutes)),
                minutes=statistics.median(times),
                late_minutes=times[math.ceil(0.95 * len(times)) - 1],
                dollars=statistics.fmean(run.dollars for run in runs),
                begun_again=statistics.fmean(run.begun_again > 0 for run in runs),
            )
        )
    return found


def chosen(sizes: list[Size]) -> float:
    """Return the largest size that is as good as the best in bill, usual time and bad time.

    The largest, since each shard is a job that somebody may have to look at, and an answer of
    `status` reads each one.
    """
    best = [min(getattr(size, name) for size in sizes) for name in _JUDGED]
    near = NEAR
    while True:
        good = [
            size.shard_minutes
            for size in sizes
            if all(
                getattr(size, name) <= least * (1 + near)
                for name, least in zip(_JUDGED, best, strict=True)
            )
        ]
        if good:
            return max(good)
        near *= 1.25


_JUDGED = ("minutes", "late_minutes", "dollars")

HOURS = (8.0, 150.0)
"""Machine hours of search the default is chosen for; `docs/scale.md` tells of how many recipes."""


def cases() -> dict[str, tuple[Work, Weather]]:
    """Return what is simulated: how much there is to do, in usual and in bad weather."""
    usual = Weather()
    bad = replace(usual, calm_hours=6.0, stormy_rate=1.0)
    return {
        f"{hours:g} machine hours of search, {kind}": (Work(search_minutes=60 * hours), weather)
        for hours in HOURS
        for kind, weather in (("usual weather", usual), ("bad weather", bad))
    }


def default() -> float:
    """Return the size that every case can live with: the smallest of those chosen."""
    return min(chosen(compare(work, weather)) for work, weather in cases().values())


def main() -> None:
    """Print what each shard size leads to."""
    out = console()
    found = []
    for name, (work, weather) in cases().items():
        sizes = compare(work, weather)
        found.append(chosen(sizes))
        table = Table(title=f"{name}, {work.machines} machines", title_justify="left")
        for head in ("shard, min", "shards", "median, min", "95%, min", "bill, USD", "begun again"):
            table.add_column(head, justify="right")
        for size in sizes:
            table.add_row(
                f"{size.shard_minutes:g}",
                f"{size.shards}",
                f"{size.minutes:.0f}",
                f"{size.late_minutes:.0f}",
                f"{size.dollars:.2f}",
                f"{size.begun_again:.1%}",
            )
        out.print(table)
        out.print(f"chosen: {found[-1]:g} min\n")
    out.print(f"default: {min(found):g} min, the smallest of those chosen")
    work, weather = list(cases().values())[-1]
    for attempts in (3, 10):
        runs = [
            run_once(replace(work, attempts=attempts), min(found), weather, SEED + n)
            for n in range(ROUNDS)
        ]
        again = statistics.fmean(run.begun_again > 0 for run in runs)
        out.print(f"with {attempts} attempts a shard, {again:.0%} of the last case are begun again")


if __name__ == "__main__":
    main()
