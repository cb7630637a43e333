"""The layer of compiled kernels is made from a few files of the package; they must be enough."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from image.tools import CONTEXT

SITE = "/opt/analytics/lib/python3.13/site-packages/"

# A package that lies whole in another folder would hide the few files, so that folder leaves.
WARM = """
import pathlib, runpy, sys
here, program = sys.argv[1:]
hides = "analytics_core/__init__.py"
sys.path[:] = [here, *(path for path in sys.path if not pathlib.Path(path, hides).exists())]
warm = runpy.run_path(program)
warm["_map"]()
warm["_kernels"]()
loaded = [module.__file__ for name, module in sys.modules.items()
          if name.startswith("analytics_core") and module.__file__]
assert all(file.startswith(here) for file in loaded), loaded
print(len(loaded))
"""


def copied() -> Iterator[tuple[Path, str]]:
    """Yield (source in the context, folder below site-packages) of the stage that compiles."""
    text = (CONTEXT / "Dockerfile").read_text().replace("\\\n", " ")
    stage = re.search(r"^FROM libraries AS compiled\n(.*?)^RUN", text, re.MULTILINE | re.DOTALL)
    assert stage is not None
    for line in stage[1].splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and words[-1].startswith(SITE):
            for source in words[1:-1]:
                yield CONTEXT / source, words[-1].removeprefix(SITE)


def test_the_copied_files_are_all_that_compiling_imports(tmp_path: Path) -> None:
    files = list(copied())
    assert len(files) >= 8
    for source, folder in files:
        target = tmp_path / folder / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", WARM, tmp_path, CONTEXT / "container/warm.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"NUMBA_DISABLE_JIT": "1"},  # what is compiled does not matter here
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(files)  # none is copied for nothing
