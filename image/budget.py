"""How large the image may be, and what makes it so."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from image.tools import ImageError

BUDGET_MB = 250
"""Of the image, compressed, above its base; 1 MB is 1,000,000 bytes."""

REST_MB = 40
"""Of that, for byte code, our package, the page and what Numba compiled; 33 were seen."""


class _Counter:
    """A file that keeps nothing but how much was written."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""


def compressed_sizes(site: Path) -> dict[str, float]:
    """Return the size of each entry of a folder of packages in MB, compressed as layers are."""
    sizes = {}
    for path in sorted(site.iterdir()):
        counter = _Counter()
        with (
            gzip.GzipFile(fileobj=counter, mode="wb", compresslevel=6) as packed,
            tarfile.open(fileobj=packed, mode="w|") as archive,
        ):
            archive.add(path, arcname=path.name)
        sizes[path.name] = counter.size / 1e6
    return sizes


def hold(megabytes: float, *, what: str, budget: float, largest: Callable[[], str]) -> None:
    """Check a size.

    Parameters
    ----------
    megabytes
        Compressed.
    what
        Whose size it is.
    budget
        What it may be, in MB.
    largest
        Tells what takes most room; called for the message alone.

    Raises
    ------
    ImageError
        If it is larger.
    """
    if megabytes > budget:
        raise ImageError(
            f"{what} is {megabytes:.0f} MB, over the budget of {budget:.0f} MB;"
            f" the largest packages:\n{largest()}"
        )


def table(sizes: Mapping[str, float], *, count: int = 12) -> str:
    """Return the largest of `sizes` (in MB), a line each."""
    rows = sorted(((size, name) for name, size in sizes.items()), reverse=True)
    return "\n".join(f"{size:8.1f} MB  {name}" for size, name in rows[:count])
