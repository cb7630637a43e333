"""Whether there is memory for a cost between all ingredients, before the work begins.

The cost is a square: 6,500 ingredients make 322 MiB of it, and several such squares are held at
once. The system ends a process that takes more than it may without a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analytics_core.errors import DataError

if TYPE_CHECKING:
    from analytics_core.similarity.mixture import Mixtures

SQUARES = 5.0
"""Squares of the ingredients in play that a refresh holds at once: 3.2 while it learns and 4.3
while it publishes were measured, and some room."""
SMALL_BYTES = 1 << 29
"""What is less than this is not asked about."""

_MIB = 1 << 20
_MEMINFO = "/proc/meminfo"
# Of a container: the limit and what is used of it, by version 2 and by version 1 of cgroups.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def require_memory(mixtures: Mixtures, *, free_bytes: int | None = None) -> None:
    """Refuse ingredients whose squares find no room.

    Parameters
    ----------
    mixtures : Mixtures
    free_bytes : int, optional
        What may be used; default: what the system and the container leave. Where nothing says so,
        nothing is refused.

    Raises
    ------
    DataError
        With what it would need, what there is, and what to do.
    """
    count = mixtures.in_play.size
    needed = int(SQUARES * 8 * count * count)
    free = find_free_bytes() if free_bytes is None else free_bytes
    if needed <= SMALL_BYTES or free is None or needed <= free:
        return
    raise DataError(
        f"The database has {count:,} ingredients in use, and what each stands for beside each other"
        f" one needs {needed // _MIB:,} MiB of memory, of which {free // _MIB:,} MiB are free. Give"
        " the job more memory, or fold ingredients that are alike into one: give them a parent and"
        " allow_substitution = 1."
    )


def find_free_bytes() -> int | None:
    """Return how much memory this process may still take; None where the system does not say."""
    found = [_available_bytes()]
    for limit, used in _GROUPS:
        try:
            found.append(int(_read(limit)) - int(_read(used)))
        except (OSError, ValueError):  # not such a system, or "max"
            continue
    return min((free for free in found if free is not None), default=None)


def _read(path: str) -> str:
    return Path(path).read_text(encoding="ascii")


def _available_bytes() -> int | None:
    """Return what the machine can give, swapping nothing; None where it does not say."""
    try:
        text = _read(_MEMINFO)
        return int(text.partition("MemAvailable:")[2].split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None
