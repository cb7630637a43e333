"""Ctrl-C at any moment, also while modules are imported, is one line and exit code 75."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from analytics_core import analysis
from analytics_core.errors import Interrupted
from tests.analytics_core.test_cli import environment, log_lines

# In the order in which they come: while the command line loads, while the libraries do.
MOMENTS = [
    ("typer.core", signal.SIGTERM),
    *(
        (module, signal.SIGINT)
        for module in ("typer.core", "numpy.linalg", "numba.core.types", "botocore.session")
    ),
]


@pytest.mark.parametrize(("moment", "number"), MOMENTS)
def test_stopping_while_modules_are_imported(moment: str, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "analytics_core", "health"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("import time:") and line.split("|")[-1].strip() == moment:
                break
        else:
            pytest.fail(f"{moment} was never imported")
        process.send_signal(number)
        rest = process.stderr.read()
        code = process.wait(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
    said = [line for line in rest.splitlines() if not line.startswith("import time:")]
    assert code == 75, said
    (told,) = log_lines("\n".join(said))
    assert told["message"] == f"stopped by {number.name}"
    assert told["level"] == "error"


@pytest.mark.skipif(sys.platform != "linux", reason="the image's way of starting is GNU's")
def test_a_stop_before_python_has_begun_is_kept_for_the_program() -> None:
    image = (Path(__file__).parents[3] / "analytics_core" / "Dockerfile").read_text(
        encoding="utf-8"
    )
    (entry,) = re.findall(r"^ENTRYPOINT (.*)$", image, re.MULTILINE)
    command = [*json.loads(entry), sys.executable, "-m", "analytics_core", "health"]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        blocked = 0
        while not blocked & 1 << signal.SIGTERM - 1:
            assert process.poll() is None
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            blocked = int(re.findall(r"^SigBlk:\s+(\w+)$", status, re.MULTILINE)[0], 16)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 75, told
    (line,) = log_lines(told)
    assert line["message"] == "stopped by SIGTERM"


def test_a_stop_that_an_import_makes_another_error_of() -> None:
    code = (
        "import os, signal\n"
        "from analytics_core import cli\n"
        "from analytics_core.console import health\n"
        "class Odd:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGINT); [0 for _ in range(99)]\n"
        "def swallowing():\n"
        "    Odd()\n"
        "    try: os.kill(os.getpid(), signal.SIGINT) if HOW == 'error' else None\n"
        "    except BaseException: raise ImportError('partly initialized') from None\n"
        "    return []\n"
        "health.check = swallowing\n"
        "import sys; HOW = sys.argv.pop(1)\n"
        "if HOW == 'error': Odd.__del__ = lambda self: None\n"
        "cli.main()\n"
    )
    for how in ("callback", "error"):
        done = subprocess.run(
            [sys.executable, "-c", code, how, "health"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 75, done.stderr
        (line,) = log_lines(done.stderr)
        assert line["message"] == "stopped by SIGINT"


def test_a_stop_waits_for_no_thread() -> None:
    code = (
        "import sys, threading, time\n"
        "from analytics_core import __main__, cli\n"
        "def stopped():\n"
        "    threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "    print('told')\n"
        "    sys.exit(75)\n"
        "cli.main = stopped\n"
        "__main__.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (75, "told\n", "")


def test_a_stop_of_the_maps_does_not_wait_for_compiled_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled, ended, begun = threading.Event(), [], threading.Barrier(3)

    def place(*_: object, progress: Callable[[int, int], None], **__: object) -> None:
        begun.wait(60)
        compiled.wait(60)
        try:
            progress(1, 2)
        finally:
            ended.append(True)

    def report(_done: int, _total: int) -> None:
        begun.wait(60)
        raise Interrupted("stopped by SIGTERM")

    mixtures = SimpleNamespace(
        recipe_ids=np.arange(1),
        fractions=np.ones(1),
        columns=np.zeros(1, dtype=np.int32),
        indptr=np.array([0, 1]),
    )
    for name, stands_in in (("place", place), ("changed_rows", lambda *_: None)):
        monkeypatch.setattr(analysis, name, stands_in)
    with pytest.raises(Interrupted):
        analysis._draw_maps(
            SimpleNamespace(mixtures=mixtures, contents=None),  # type: ignore[arg-type]
            {"plain": None, "learned": None},  # type: ignore[dict-item]
            SimpleNamespace(threads=2, map=None),  # type: ignore[arg-type]
            SimpleNamespace(maps={}),  # type: ignore[arg-type]
            SimpleNamespace(progress=lambda _: report),  # type: ignore[arg-type]
        )
    assert ended == []
    compiled.set()
