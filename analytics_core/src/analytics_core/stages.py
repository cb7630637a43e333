"""Stages that remember: each leaves its result in the cache under a fingerprint of its inputs.

A retry goes on from the last finished stage; machines that share a cache share results.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

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


def fingerprint_of(*parts: object) -> str:
    """SHA-256 (hex) of values that JSON can write."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def pack(arrays: Arrays) -> bytes:
    """Arrays as bytes (npz)."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Inverse of `pack`; never runs code that the data brings."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


class Stages:
    """Runs stages one by one, tells a listener, keeps times, reuses finished results."""

    def __init__(self, cache: Cache, on_event: Callable[[StageEvent], None]) -> None:
        self._cache = cache
        self._on_event = on_event
        self.timings: list[dict[str, Any]] = []

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

    def cached(
        self,
        stage: str,
        fingerprint: str,
        work: Callable[[], Arrays],
    ) -> Arrays:
        """Do a stage's work, or take what an earlier run has left under the same fingerprint."""
        self._on_event(StageEvent(stage, "started"))
        start = time.perf_counter()
        data = self._cache.load(stage, fingerprint)
        if data is not None:
            arrays: Arrays = unpack(data)
        else:
            arrays = work()
            self._cache.save(stage, fingerprint, pack(arrays))
        self._finish(stage, start, reused=data is not None)
        return arrays

    def _finish(self, stage: str, start: float, *, reused: bool, detail: str = "") -> None:
        seconds = round(time.perf_counter() - start, 3)
        self.timings.append({"name": stage, "seconds": seconds, "reused": reused})
        self._on_event(
            StageEvent(stage, "reused" if reused else "finished", seconds, detail=detail)
        )
