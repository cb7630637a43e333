"""The model of Spot that the default shard size is chosen by."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.reclaims import Sky, Weather, Work, default, run_once, search
from infra.environments import DEV, PROD

STILL = Weather(calm_rate=0, stormy_rate=0, calm_wait=0, stormy_wait=0)


@pytest.mark.parametrize(
    ("minutes", "machines", "shard"), [(60, 4, 5), (60, 100, 5), (61, 3, 7), (1, 1, 30)]
)
def test_where_nothing_is_taken_the_time_and_the_bill_are_plain_sums(
    minutes: float, machines: int, shard: float
) -> None:
    work = Work(search_minutes=minutes, machines=machines, idle_minutes=0)
    count = math.ceil(minutes / shard)
    outcome = run_once(work, shard, STILL, seed=1)
    each = minutes / count + work.overhead_minutes
    rounds = math.ceil(count / machines)
    assert outcome.minutes == pytest.approx(work.alone_minutes + rounds * each)
    paid = work.alone_minutes + count * each
    assert outcome.dollars == pytest.approx(paid / 60 * work.dollars_hour)
    assert outcome.begun_again == 0


@settings(max_examples=60, deadline=None)
@example(seed=1, minutes=10.0, shard=5.0, rate=1e-12, attempts=1)  # taken long after it is over
@given(
    seed=st.integers(0, 2**32),
    minutes=st.floats(1, 300),
    shard=st.floats(1, 120),
    rate=st.floats(0, 4),
    attempts=st.integers(1, 10),
)
def test_all_that_was_searched_is_paid_for_and_no_machine_works_twice_at_once(
    seed: int, minutes: float, shard: float, rate: float, attempts: int
) -> None:
    work = Work(search_minutes=minutes, machines=8, attempts=attempts)
    weather = Weather(calm_rate=rate, stormy_rate=rate)
    end, paid, succeeded = search(work, shard, Sky(weather, random.Random(seed)), 0.0)
    if succeeded:
        count = max(1, math.ceil(minutes / shard))
        needed = minutes + count * work.overhead_minutes
        assert paid >= needed * (1 - 1e-9)
        assert end >= needed / work.machines * (1 - 1e-9)
    assert paid <= 8 * (end + work.idle_minutes) * (1 + 1e-9)
    again = search(work, shard, Sky(weather, random.Random(seed)), 0.0)
    assert again == (end, paid, succeeded)


@pytest.mark.slow
def test_the_default_shard_size_is_the_one_that_the_model_chooses() -> None:
    assert default() == DEV.shard_minutes == PROD.shard_minutes
