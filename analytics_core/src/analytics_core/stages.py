"""Stages whose results are kept: each under a fingerprint of everything that decides it.

A retry goes on from the last finished stage; machines that share a cache share results.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from analytics_core.errors import NotFound

if TYPE_CHECKING:
    from analytics_core.store.cache import Cache

T = TypeVar("T")
Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class StageEvent:
    """Something that a listener may want to show: a stage began, moved on, ended or was reused."""

    stage: str
    state: Literal["started", "progress", "finished", "reused"]
    seconds: float = 0.0
    done: int = 0
    total: int = 0
    detail: str = ""


def pack(arrays: Arrays) -> bytes:
    """Arrays as bytes (npz)."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Inverse of `pack`; never runs code that the data brings."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


class MissingParts(NotFound):
    """Parts of a stage that others were to leave are not in the cache.

    Attributes
    ----------
    parts : list of int
        Their numbers, from 0.
    """

    def __init__(self, stage: str, parts: list[int]) -> None:
        super().__init__(f"{len(parts)} parts of the stage {stage} are not in the cache")
        self.parts = parts


class Stages:
    """Runs stages one by one, tells a listener, keeps times, reuses finished results.

    Parameters
    ----------
    cache : Cache
    on_event : callable
        Called with each `StageEvent`.
    elsewhere : collection of str
        Stages whose results others have to leave in the cache; nothing of them is computed here.
    """

    def __init__(
        self,
        cache: Cache,
        on_event: Callable[[StageEvent], None],
        *,
        elsewhere: Collection[str] = (),
    ) -> None:
        self.cache = cache
        self._elsewhere = elsewhere
        self.timings: list[dict[str, Any]] = []
        self._on_event = on_event

    def progress(self, stage: str) -> Callable[[int, int], None]:
        """Return a callback for (done, total) within a stage."""
        return lambda done, total: self._on_event(
            StageEvent(stage, "progress", done=done, total=total)
        )

    def run(
        self, stage: str, work: Callable[[], T], detail: Callable[[T], str] = lambda _: ""
    ) -> T:
        """Do a stage's work and note how long it took."""
        self._on_event(StageEvent(stage, "started"))
        start = time.perf_counter()
        result = work()
        self._finish(stage, start, reused=False, detail=detail(result))
        return result

    def cached(self, stage: str, fingerprint: str, work: Callable[[], Arrays]) -> Arrays:
        """Do a stage's work, or take what an earlier run has left under the same fingerprint."""
        (arrays,) = self.cached_parts(stage, [(fingerprint, work)])
        return arrays

    def cached_parts(
        self, stage: str, parts: Sequence[tuple[str, Callable[[], Arrays]]]
    ) -> list[Arrays]:
        """Do the same for each part of a stage; each is kept as soon as it is done.

        Raises
        ------
        MissingParts
            The stage is done elsewhere, and not every part is there.
        """
        self._on_event(StageEvent(stage, "started"))
        start = time.perf_counter()
        results: list[Arrays] = []
        missing = 0
        absent = []
        for number, (fingerprint, work) in enumerate(parts):
            data = self.cache.load(stage, fingerprint)
            if data is not None:
                results.append(unpack(data))
                continue
            if stage in self._elsewhere:
                absent.append(number)
                continue
            missing += 1
            results.append(work())
            self.cache.save(stage, fingerprint, pack(results[-1]))
        if absent:
            raise MissingParts(stage, absent)
        some = 0 < missing < len(parts)
        detail = f"{len(parts) - missing} of {len(parts)} parts were there" if some else ""
        self._finish(stage, start, reused=missing == 0, detail=detail)
        return results

    def _finish(self, stage: str, start: float, *, reused: bool, detail: str = "") -> None:
        seconds = round(time.perf_counter() - start, 3)
        self.timings.append({"name": stage, "seconds": seconds, "reused": reused})
        self._on_event(
            StageEvent(stage, "reused" if reused else "finished", seconds, detail=detail)
        )
