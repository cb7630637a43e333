"""How much memory and disk there is, for work that has to know it before it begins.

The system ends a process that takes more memory than it may, without a word. A container sees its
host's memory; what it may have itself is in its control group, and in every group above that.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
MIB = 1 << 20
"""Bytes."""

_UNLIMITED_BYTES = 1 << 62
"""Version 1 of control groups writes about 2**63 where there is no limit."""
_MANY_BYTES = 10_000_000
"""From here on megabytes tell one size from another."""
_ESCAPES = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}

# The files of a group by version: its limit, what it uses, and which of that is the contents of
# files, which the system drops for whoever asks for memory.
_FILES = {
    2: ("memory.max", "memory.current", ("active_file", "inactive_file")),
    1: (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
}


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory that this process may have.

    Attributes
    ----------
    usable : int
        Bytes, what it has already included.
    limit : int
        Bytes of whatever leaves least: a container or the machine, which others use too.
    owner : str
        Which one that is.
    """

    usable: int
    limit: int
    owner: str


def find_memory(root: Path = ROOT) -> Memory | None:
    """Return what the machine and each control group leave to this process.

    Parameters
    ----------
    root : Path
        Where ``proc`` and the mounts are.

    Returns
    -------
    Memory or None
        Of whatever leaves least; None where the system does not say.
    """
    own = _own_bytes(root)
    found = [*_machine(root, own), *_groups(root, own)]
    return min(found, key=lambda memory: memory.usable, default=None)


def free_disk(folder: Path) -> tuple[int, int] | None:
    """Return the bytes free to a plain user where a folder is or will be, and all there are.

    None where the system does not say.
    """
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        usage = shutil.disk_usage(place)
    except OSError:
        return None
    return usage.free, usage.total


def sized(size: int) -> str:
    """Write bytes as megabytes, small ones as kilobytes, rounded up."""
    unit, name = (1_000_000, "MB") if size >= _MANY_BYTES else (1_000, "kB")
    return f"{-(-size // unit):,} {name}"


def _own_bytes(root: Path) -> int:
    """Return what this process holds, without the contents of files; 0 where nothing says so."""
    return _field(root / "proc/self/status", "RssAnon:") * 1024


def _machine(root: Path, own: int) -> Iterator[Memory]:
    free = _field(root / "proc/meminfo", "MemAvailable:") * 1024
    if free:
        free += _field(root / "proc/meminfo", "SwapFree:") * 1024  # slow, but it fits
        whole = _field(root / "proc/meminfo", "MemTotal:") * 1024
        yield Memory(free + own, whole or free + own, "the machine")


def _groups(root: Path, own: int) -> Iterator[Memory]:
    for version, folder, top in _own_groups(root):
        limit_file, used_file, of_files = _FILES[version]
        while True:
            with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
                limit = int(_read(folder / limit_file))
                used = int(_read(folder / used_file))
                dropped = sum(_field(folder / "memory.stat", name) for name in of_files)
                if limit < _UNLIMITED_BYTES:
                    usable = limit - max(0, used - dropped) + own
                    yield Memory(min(limit, usable), limit, "the job's container")
            if folder == top:
                break
            folder = folder.parent


def _own_groups(root: Path) -> Iterator[tuple[int, Path, Path]]:
    """Yield version, folder and topmost visible folder of each group that counts our memory."""
    paths: dict[int, str] = {}
    for line in _read_or_nothing(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            paths[2] = path
        elif "memory" in controllers.split(","):
            paths[1] = path
    for line in _read_or_nothing(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, told = left.split(" "), right.split(" ")
        version = {"cgroup2": 2, "cgroup": 1}.get(told[0])
        if version not in paths or len(fields) < 5:
            continue
        if version == 1 and "memory" not in told[-1].split(","):
            continue
        top = root / _plain(fields[4]).lstrip("/")
        # What is mounted may be a part of the tree, such as the container's own group.
        own, mounted = Path(paths[version]), Path(_plain(fields[3]))
        inside = own.relative_to(mounted) if own.is_relative_to(mounted) else Path()
        yield version, (top if ".." in inside.parts else top / inside), top


def _plain(field: str) -> str:
    """Return a path of mountinfo without its escapes."""
    for escaped, character in _ESCAPES.items():
        field = field.replace(escaped, character)
    return field


def _field(path: Path, name: str) -> int:
    """Return the number behind a name in a file of lines; 0 where there is none."""
    for line in _read_or_nothing(path).splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name and words[1].isdecimal():
            return int(words[1])
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _read_or_nothing(path: Path) -> str:
    try:
        return _read(path)
    except OSError:
        return ""
