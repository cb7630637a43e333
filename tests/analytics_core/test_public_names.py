"""The package's front door: every public name is there, and opening it is cheap."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import analytics_core


def test_all_is_sorted_and_complete() -> None:
    assert analytics_core.__all__ == sorted(analytics_core.__all__)
    assert len(set(analytics_core.__all__)) == len(analytics_core.__all__)
    assert set(analytics_core._LAZY) <= set(analytics_core.__all__)
    assert dir(analytics_core) == analytics_core.__all__


@pytest.mark.parametrize("name", analytics_core.__all__)
def test_every_public_name_resolves(name: str) -> None:
    value = getattr(analytics_core, name)
    if name in analytics_core._LAZY:
        assert value.__module__ == f"analytics_core.{analytics_core._LAZY[name]}"
        assert value.__name__ == name
        assert value.__doc__, f"{name} has no docstring"


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="barback"):
        _ = analytics_core.barback


def test_importing_the_package_imports_nothing_numeric() -> None:
    heavy = ("numpy", "numba", "scipy", "ot", "umap", "sklearn", "boto3", "typer", "rich")
    code = (
        "import sys, analytics_core; analytics_core.DataError; dir(analytics_core)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.strip() == "[]"


def test_no_module_is_named_as_one_of_the_standard_library() -> None:
    package = Path(analytics_core.__file__).parent
    sources = [path.relative_to(package) for path in package.rglob("*.py")]
    names = {part for path in sources for part in path.with_suffix("").parts}
    assert {"store", "website", "publish"} <= names, "folders count as well as files"
    assert names & sys.stdlib_module_names == set()


def test_compiled_functions_call_those_of_their_own_file_alone() -> None:
    """Numba's cache is out of date by one file: that of the function, not of those it inlines.

    The search calls the solver; what makes that sound is tested in `test_kernel_cache`.
    """
    sources = sorted(Path(analytics_core.__file__).parent.rglob("*.py"))
    compiled = [path for path in sources if "@njit" in path.read_text()]
    names = [path.name for path in compiled]
    assert names == ["_communities.py", "_kernels.py", "_layout.py", "_search.py"]
    for path in compiled:
        lines = path.read_text().splitlines()
        imports = {line for line in lines if re.match(r"(from|import) analytics_core", line)}
        if path.name == "_search.py":
            imports -= {
                "from analytics_core.similarity import _kernels",
                "from analytics_core.similarity._kernels import DISTANCE_GRID, solve, workspace",
            }
        assert imports == set()
