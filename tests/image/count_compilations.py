"""Run the command line in this process, then say what Numba had to compile on the way.

Numba announces each function that it compiles because no cache had it, whether or not the function
could have been cached at all.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from numba.core import event

compiled: list[tuple[str, float]] = []


class Listener(event.Listener):
    def on_start(self, event: Any) -> None:
        compiled.append((str(event.data["dispatcher"]), time.monotonic()))

    def on_end(self, event: Any) -> None:
        name, started = compiled[-1]
        sys.stderr.write(f"COMPILED {name} {time.monotonic() - started:.3f}\n")


event.register("numba:compile", Listener())  # type: ignore[no-untyped-call]

from analytics_core.cli import main  # noqa: E402

try:
    main()
finally:
    sys.stderr.write(f"COMPILATIONS {len(compiled)}\n")
