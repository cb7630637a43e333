"""Stopping within seconds: SIGTERM and SIGINT become `Interrupted` in the main thread."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from analytics_core.errors import EXIT_TRY_AGAIN, Interrupted


class Interruption:
    """Remembers whether the process was asked to stop."""

    def __init__(self) -> None:
        self._signal: str | None = None

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._signal is not None

    def error(self) -> Interrupted:
        """Return what stops the work."""
        return Interrupted(f"stopped by {self._signal}")

    def check(self) -> None:
        """Raise `Interrupted` when asked to stop.

        The handler raises it too, but code with a broad ``except`` of its own may have
        swallowed that. Every stage event comes through here, so it is raised again.
        """
        if self._signal is not None:
            raise self.error()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Raise at the next bytecode of the main thread; at the second signal, leave at once."""
        del frame
        if self._signal is not None:
            os._exit(EXIT_TRY_AGAIN)  # writes are atomic, so nothing is left half done
        self._signal = signal.Signals(number).name
        self.check()


def _without_interruptions(unraisable: sys.UnraisableHookArgs) -> None:
    """Show no traceback where a callback could not pass a stop on; `check` raises it again."""
    if not issubclass(unraisable.exc_type, Interrupted):
        sys.__unraisablehook__(unraisable)


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle both signals inside the block; in other threads than the main one, do nothing."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, interruption.handle) for number in numbers]
    unraisable, sys.unraisablehook = sys.unraisablehook, _without_interruptions
    try:
        yield interruption
    finally:
        sys.unraisablehook = unraisable
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
