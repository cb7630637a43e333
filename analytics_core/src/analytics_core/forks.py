"""Work in Python shared out among copies of this process, where it can be copied without harm.

Compiled loops hold no lock and run in threads; what is made of dictionaries and text holds the
interpreter's lock, and only another process can do it side by side.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import BinaryIO, TypeVar, cast

AHEAD = 16
"""Results that a copy has ready at most before they are asked for."""

A = TypeVar("A")
B = TypeVar("B")


def can_fork() -> bool:
    """Whether this process may be copied: on Linux, and while no other thread may hold a lock.

    Returns
    -------
    bool
    """
    return sys.platform == "linux" and threading.active_count() == 1


@contextmanager
def uncollected() -> Iterator[None]:
    """Do not look for circles of garbage inside the block, nor in copies made there.

    Where rows are made by the hundred thousand, looking for circles takes a third of the time and
    finds none. What is in no circle is freed all the same, as soon as nothing refers to it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def in_order(work: Callable[[A], B], items: Sequence[A], *, processes: int) -> Iterator[B]:
    """Give ``work(item)`` of each item, in order; the number of processes changes nothing else.

    Copies of the process begin at once, and work ahead of what is asked for.

    Parameters
    ----------
    work : callable
        Its results are pickled. What it changes in a copy of the process, is gone with it.
    items : sequence
        Known beforehand: copies are made once, and each has its share of the items.
    processes : int
        With 1, and where the process cannot be copied, all is done here, when it is asked for.

    Returns
    -------
    iterator of object
    """
    processes = min(processes, len(items)) if can_fork() else 1
    if processes <= 1:
        return map(work, items)
    results = _of_copies(work, items, processes)
    next(results)  # begins
    return cast("Iterator[B]", results)


def _of_copies(
    work: Callable[[A], B], items: Sequence[A], processes: int
) -> Generator[B | None, None, None]:
    """Yield None when the copies are made, then each result; ends them when it is closed."""
    copies: list[tuple[int, BinaryIO]] = []
    try:
        for first in range(processes):
            try:
                copies.append(_copy(work, items[first::processes]))
            except OSError:  # no memory or number for another process: the rest is done here
                break
        yield None
        lost = set(range(len(copies), processes))
        for number, item in enumerate(items):
            of = number % processes
            result: list[B] = []
            if of not in lost:
                with suppress(EOFError, OSError, pickle.UnpicklingError):
                    result.append(pickle.load(copies[of][1]))  # noqa: S301 - from a copy of us
            if not result:  # it died: by lack of memory, or by an error, which is then raised here
                lost.add(of)
                result.append(work(item))
            yield result[0]
    finally:
        for process, pipe in copies:
            pipe.close()
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)  # it has ended, or nobody wants what it does
            with suppress(ChildProcessError):  # whoever started us had it reaped
                os.waitpid(process, 0)


def _copy(work: Callable[[A], B], items: Sequence[A]) -> tuple[int, BinaryIO]:
    """Copy the process, have the copy work through its items, and return what to read them from."""
    reading, writing = os.pipe()
    try:
        process = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if process:
        os.close(writing)
        return process, os.fdopen(reading, "rb", buffering=1 << 20)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.close(reading)
        with os.fdopen(writing, "wb", buffering=0) as pipe, ThreadPoolExecutor(1) as writer:
            written: deque[Future[None]] = deque()
            for item in items:
                data = pickle.dumps(work(item), protocol=pickle.HIGHEST_PROTOCOL)
                written.append(writer.submit(_write, pipe, data))
                if len(written) > AHEAD:
                    written.popleft().result()  # or an error, if nobody reads any more
    finally:
        os._exit(0)  # whatever happened: nothing of the first process is cleaned up here


def _write(pipe: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[pipe.write(rest) :]
