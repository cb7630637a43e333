"""Run the command line in this process, then say what Numba had to compile on the way.

Numba announces each function that it compiles because no cache had it, whether or not the function
could have been cached at all.
"""

import sys
import time

from numba.core import event

compiled = []


class Listener(event.Listener):
    def on_start(self, event):
        compiled.append([str(event.data["dispatcher"]), time.monotonic()])

    def on_end(self, event):
        name, started = compiled[-1]
        sys.stderr.write(f"COMPILED {name} {time.monotonic() - started:.3f}\n")


event.register("numba:compile", Listener())

from analytics_core.cli import main  # noqa: E402

try:
    main()
finally:
    sys.stderr.write(f"COMPILATIONS {len(compiled)}\n")
