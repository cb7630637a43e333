"""Stopping within seconds: SIGTERM and SIGINT become `Interrupted` in the main thread."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from analytics_core.errors import EXIT_TRY_AGAIN, Interrupted


class Interruption:
    """Remembers whether the process was asked to stop."""

    def __init__(self) -> None:
        self._signal: str | None = None

    def check(self) -> None:
        """Raise `Interrupted` when asked to stop.

        The handler raises it too, but code with a broad ``except`` of its own may have
        swallowed that. Every stage event comes through here, so it is raised again.
        """
        if self._signal is not None:
            raise Interrupted(f"stopped by {self._signal}")

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise at the next bytecode of the main thread; at the second signal, leave at once."""
        del frame
        if self._signal is not None:
            os._exit(EXIT_TRY_AGAIN)  # writes are atomic, so nothing is left half done
        self._signal = signal.Signals(number).name
        self.check()


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle both signals inside the block; in other threads than the main one, do nothing."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, interruption.handle) for number in numbers]
    try:
        yield interruption
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
