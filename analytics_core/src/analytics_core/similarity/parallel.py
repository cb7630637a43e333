"""Rows shared out among threads: compiled kernels release the interpreter's lock.

Chunks are short, so that a request to stop is heard soon and threads end together. Each chunk
writes its own part of the result: the number of threads never changes a bit of it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor


def ignore_progress(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def available_threads() -> int:
    """Threads to use where nobody says: NUMBA_NUM_THREADS, else the processors of this process.

    A container sees its host's processors, not its own share, so the variable comes first.

    Returns
    -------
    int
        At least 1.
    """
    variable = os.environ.get("NUMBA_NUM_THREADS", "")
    if variable.isdecimal() and int(variable):
        return int(variable)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def compiled_threads(threads: int | None) -> Iterator[None]:
    """Bound the threads that Numba's own parallel loops use inside the block.

    Parameters
    ----------
    threads : int or None
        None: `available_threads`.
    """
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(min(threads or available_threads(), before))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def for_chunks(
    start: int,
    stop: int,
    chunk: int,
    work: Callable[[int, int], None],
    *,
    threads: int | None = None,
    progress: Callable[[int, int], None] = ignore_progress,
) -> None:
    """Call ``work(first, last)`` for every chunk of ``range(start, stop)``.

    Parameters
    ----------
    start, stop, chunk : int
        The items, and how many go into one call.
    work : callable
        Runs in threads.
    threads : int, optional
        Default: `available_threads`.
    progress : callable, optional
        Called in the calling thread with (items done, items in all).
    """
    spans = [(first, min(first + chunk, stop)) for first in range(start, stop, chunk)]
    threads = min(threads or available_threads(), len(spans))
    if threads <= 1:
        for span in spans:
            work(*span)
            progress(span[1] - start, stop - start)
        return
    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(work, *span) for span in spans]
        try:
            for task, (_, last) in zip(tasks, spans, strict=True):
                task.result()
                progress(last - start, stop - start)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what has begun ends within a chunk
            raise
