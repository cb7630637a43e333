"""Rows shared out among threads: compiled kernels release the interpreter's lock.

Chunks are short, so that a request to stop is heard soon and threads end together. Each chunk
writes its own part of the result: the number of threads never changes a bit of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def ignore_progress(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def for_chunks(
    count: int,
    chunk: int,
    work: Callable[[int, int], None],
    progress: Callable[[int, int], None] = ignore_progress,
) -> None:
    """Call ``work(start, stop)`` for every chunk of ``range(count)``.

    Parameters
    ----------
    count, chunk : int
        Items in all and items a call.
    work : callable
        Runs in threads, as many as `numba.get_num_threads` says.
    progress : callable, optional
        Told (items done, items in all) in the calling thread.
    """
    import numba

    spans = [(start, min(start + chunk, count)) for start in range(0, count, chunk)]
    threads = min(numba.get_num_threads(), len(spans))
    if threads <= 1:
        for start, stop in spans:
            work(start, stop)
            progress(stop, count)
        return
    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(work, *span) for span in spans]
        try:
            for task, (_, stop) in zip(tasks, spans, strict=True):
                task.result()
                progress(stop, count)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what has begun ends within a chunk
            raise
