"""Lets Numba use, in a read-only image, what was compiled while the image was built.

Numba takes a cache folder only when it can write to it, and a compilation that cannot be saved
ends the program. In a container whose root is read-only, both would mean: no cache, no start.
This locator takes the folder as it is. A function that is missing from it is compiled in memory,
as without a cache.

The image names it in ``NUMBA_CACHE_LOCATOR_CLASSES``. Numba recognizes an entry by the content
of the source file, the signature, the processor it is told to compile for, and its own version,
so a cache that does not fit is passed over and never wrong.
"""

# ruff: noqa: T201 - what it prints is for the terminal of the build

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from numba.core import caching

_CANNOT_WRITE = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT)
"""The last where the folder of a module that was not compiled at build could not be made."""

_REPORTS = "ANALYTICS_REPORT_COMPILATIONS"
"""Set to anything, each function that the cache lacks is named on standard error."""

_save_overload = caching.Cache.save_overload


class BakedCacheLocator(caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """The folder in ``NUMBA_CACHE_DIR``, writable or not."""

    def ensure_cache_path(self) -> None:
        """Make the folder while the image is built; later it is there or it is not."""
        try:
            os.makedirs(self.get_cache_path(), exist_ok=True)  # noqa: PTH103 - as Numba does
        except OSError as error:
            if error.errno not in _CANNOT_WRITE:
                raise


def _save_if_possible(self: Any, sig: Any, data: Any) -> None:
    if os.environ.get(_REPORTS):
        print(f"compiled {self._name} {sig}", file=sys.stderr)
    try:
        _save_overload(self, sig, data)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise


caching.Cache.save_overload = _save_if_possible
