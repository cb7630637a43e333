"""The ``analytics-core`` command: ready to be stopped before anything else is loaded.

Whoever presses Ctrl-C gets one line, also while modules are imported, before the first command
has its own way of stopping (`analytics_core.console.signals`). Whoever starts it with the signals
blocked, as the image does, has those kept that come before Python is here.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType

_TRY_AGAIN = 75  # EX_TEMPFAIL, as in `analytics_core.errors`, which may not be loaded yet


def _leave(number: int, _frame: FrameType | None) -> None:
    """End at once: nothing has begun, or all is done."""
    name = signal.Signals(number).name
    if os.isatty(2):
        line = f"error: stopped by {name}\n"
    else:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime())
        line = (
            f'{{"timestamp": "{now}", "level": "error", "event": "interrupted", "run_id": null,'
            f' "error": "Interrupted", "message": "stopped by {name}"}}\n'
        )
    try:
        os.write(2, line.encode())
    finally:
        os._exit(_TRY_AGAIN)


def main() -> None:
    """Run the command line; the entry point of ``analytics-core``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # such as under nohup
            signal.signal(number, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    from analytics_core.cli import main as run

    try:
        run()
    except SystemExit as ended:
        if ended.code == _TRY_AGAIN and threading.active_count() > 1:
            # all is told and tidied up; Python would wait for threads that are in compiled calls
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_TRY_AGAIN)
        raise
    finally:
        # Python takes its own ways of stopping down at the end, not this one: without it a late
        # signal would kill a process that has published.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
