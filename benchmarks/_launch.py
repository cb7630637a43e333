"""Run a command and print, as JSON, how long it took and how much memory it had at most.

Kept free of large imports: a child's peak memory counts what its parent held when it was started.
"""

import json
import os
import sys
import time


def main(command: list[str]) -> None:
    """Start the command with its output on standard error and wait for it."""
    start = time.perf_counter()
    actions = [(os.POSIX_SPAWN_DUP2, 2, 1)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB elsewhere
    print(
        json.dumps(
            {
                "exit_code": os.waitstatus_to_exitcode(status),
                "wall_seconds": wall,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
                "peak_bytes": usage.ru_maxrss * unit,
            }
        )
    )


main(sys.argv[1:])
