"""Work shared among copies of the process: in order, whatever becomes of a copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from analytics_core.forks import in_order

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux")


def child(program: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of one thread, which the tests' own is not."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_results_come_in_order_from_other_processes() -> None:
    done = child(
        """
        import os
        from analytics_core.forks import in_order
        for processes in (1, 2, 3, 50):
            found = list(in_order(lambda n: (n * n, os.getpid()), range(20), processes=processes))
            assert [square for square, _ in found] == [n * n for n in range(20)]
            others = {process for _, process in found} - {os.getpid()}
            print(len(others))
        assert list(in_order(len, [], processes=2)) == []
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "2", "3", "20"]


def test_what_a_dead_copy_leaves_is_done_here() -> None:
    done = child(
        """
        import os, signal
        from analytics_core.forks import in_order
        first = os.getpid()
        def work(n):
            if n == 7 and os.getpid() != first:
                os.kill(os.getpid(), signal.SIGKILL)
            return n, b"x" * 300_000, os.getpid()
        found = list(in_order(work, range(20), processes=2))
        assert [n for n, *_ in found] == list(range(20))
        print([n for n, _, process in found if process == first])
        """
    )
    assert done.returncode == 0, done.stderr
    here = json.loads(done.stdout)
    # what it had ready but had not handed over is lost with it
    assert here == list(range(here[0], 20, 2))
    assert here[0] in {1, 3, 5, 7}


def test_what_cannot_be_copied_is_done_here_and_copies_may_be_reaped_by_others() -> None:
    done = child(
        """
        import os, signal
        from analytics_core import forks

        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps every child
        copy, made = os.fork, []

        def once():
            if made:
                raise BlockingIOError(11, "no more processes")
            made.append(True)
            return copy()

        os.fork = once
        open_before = len(os.listdir("/proc/self/fd"))
        first = os.getpid()
        work = lambda n: (n, os.getpid() == first)
        rows = list(forks.in_order(work, list(range(9)), processes=3))
        assert [n for n, _ in rows] == list(range(9))
        assert [here for _, here in rows] == [False, True, True] * 3
        assert len(os.listdir("/proc/self/fd")) == open_before
        """
    )
    assert done.returncode == 0, done.stderr


def test_an_error_is_raised_here() -> None:
    done = child(
        """
        from analytics_core.forks import in_order
        def work(n):
            if n == 5:
                raise ValueError(f"{n} is too many")
            return n
        got = []
        try:
            for n in in_order(work, range(20), processes=2):
                got.append(n)
        except ValueError as error:
            print(got, error)
        """
    )
    assert done.stdout.strip() == "[0, 1, 2, 3, 4] 5 is too many", done.stderr


def test_nothing_runs_on_when_nobody_wants_more() -> None:
    done = child(
        """
        import os, time
        from analytics_core.forks import in_order
        def work(n):
            time.sleep(0 if n < 2 else 600)
            return os.getpid()
        results = in_order(work, range(4), processes=2)
        print(next(results), next(results))
        results.close()
        """
    )
    assert done.returncode == 0, done.stderr
    for process in done.stdout.split():
        assert not Path(f"/proc/{process}").exists()


def test_copies_end_with_a_process_that_is_killed() -> None:
    done = child(
        """
        import os, signal
        from analytics_core.forks import in_order
        def work(n):
            return os.getpid(), b"x" * 3_000_000
        results = in_order(work, range(40), processes=2)
        print(next(results)[0], next(results)[0], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    until = time.monotonic() + 60
    left = set(done.stdout.split())
    assert len(left) == 2
    while left and time.monotonic() < until:
        left = {process for process in left if _lives(int(process))}
        time.sleep(0.05)
    assert not left


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_beside_other_threads_nothing_is_copied() -> None:
    done = child(
        """
        import os, threading
        from analytics_core.forks import in_order
        end = threading.Event()
        other = threading.Thread(target=end.wait)
        other.start()
        found = set(in_order(lambda n: os.getpid(), range(20), processes=2))
        end.set()
        print(found == {os.getpid()})
        """
    )
    assert done.stdout.strip() == "True", done.stderr


def test_documents_and_page_do_not_depend_on_processes(tmp_path: Path) -> None:
    done = child(
        """
        import re, sys
        from pathlib import Path
        import analytics_core.publishing as publishing
        import analytics_core.forks as forks
        from analytics_core import LocalStorage, RefreshSettings, refresh
        from analytics_core.sample import write_sample_database
        folder = Path(sys.argv[1])
        write_sample_database(folder / "bar.db", recipes=120, overwrite=True)
        publishing.SHARED_FROM = 1
        publishing.ROWS_PLANNED = 16
        copied = []
        copy = forks._copy
        forks._copy = lambda *given: copied.append(1) or copy(*given)
        texts = []
        for threads in (1, 2, 3):
            refresh(
                folder / "bar.db", LocalStorage(folder / str(threads)),
                settings=RefreshSettings(threads=threads), run_id="r",
            )
            texts.append({
                path.name: re.sub(
                    r'"(generated_at|seconds|reused)":("[^"]*"|[^,}]*)', "", path.read_text()
                )
                for path in (folder / str(threads) / "analytics" / "v1").iterdir()
                if path.is_file() and path.name != "manifest.json"
            })
        print(len(copied), [text == texts[0] for text in texts], len(texts[0]))
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "5 [True, True, True] 12"


def test_this_process_has_threads_or_not_and_results_are_the_same() -> None:
    assert list(in_order(str, range(5), processes=os.cpu_count() or 1)) == list("01234")
