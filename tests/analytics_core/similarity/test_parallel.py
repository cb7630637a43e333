"""Threads are an argument: nothing global is changed for longer than a call."""

from __future__ import annotations

import os
import threading

import numba
import pytest

from analytics_core.similarity.parallel import available_threads, compiled_threads, for_chunks


def test_the_variable_comes_before_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    assert available_threads() == 3
    for useless in ("", "0", "many"):
        monkeypatch.setenv("NUMBA_NUM_THREADS", useless)
        assert available_threads() == len(os.sched_getaffinity(0))


def test_work_runs_in_as_many_threads_as_told() -> None:
    """Two calls wait for each other, so they must be in two threads; one thread takes turns."""
    both = threading.Barrier(2, timeout=60)

    def wait(*_: int) -> None:
        both.wait()

    for_chunks(0, 2, 1, wait, threads=2)
    names: set[threading.Thread] = set()
    for_chunks(0, 9, 1, lambda *_: names.add(threading.current_thread()), threads=1)
    assert names == {threading.current_thread()}


@pytest.mark.parametrize("threads", [1, 3])
def test_every_item_comes_once(threads: int) -> None:
    seen: list[int] = []
    told: list[tuple[int, ...]] = []
    for_chunks(
        5,
        30,
        4,
        lambda a, b: seen.extend(range(a, b)),
        threads=threads,
        progress=lambda *now: told.append(now),
    )
    assert sorted(seen) == list(range(5, 30))
    assert told == [(done, 25) for done in (4, 8, 12, 16, 20, 24, 25)]


def test_a_failure_ends_the_rest() -> None:
    def divide(by: int, _: int) -> None:
        1 // by

    with pytest.raises(ZeroDivisionError):
        for_chunks(0, 50, 1, divide, threads=2)


def test_numbas_own_setting_is_put_back() -> None:
    before = numba.get_num_threads()
    with compiled_threads(1):
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before

    def fail() -> None:
        with compiled_threads(10**6):  # more than there are: as many as there are
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert numba.get_num_threads() == before
