"""What docstrings promise: examples that run, and every parameter of the numeric functions."""

from __future__ import annotations

import doctest
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from analytics_core import similarity

WITH_EXAMPLES = (
    "pipeline:refresh",
    "similarity.ground_cost:learn_cost",
    "similarity.hierarchy:IngredientTree.distance_matrix",
    "similarity.mixture:build_mixtures",
    "similarity.neighbors:nearest_neighbors",
    "similarity.transport:emd",
    "similarity.transport:emd_matrix",
    "similarity.transport:emd_pairs",
    "similarity.transport:transport_plan",
    "source.layouts:load_catalog",
    "store:open_storage",
)
"""What a library user calls first."""


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module, _, member = name.partition(":")
    tests = doctest.DocTestFinder().find(import_module(f"analytics_core.{module}"))
    (test,) = [test for test in tests if test.name == f"analytics_core.{module}.{member}"]
    assert test.examples
    printed: list[str] = []
    runner = doctest.DocTestRunner()
    runner.run(test, out=printed.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(printed)


def public_functions() -> Iterator[tuple[str, object]]:
    for found in pkgutil.iter_modules(similarity.__path__):
        if found.name.startswith("_"):
            continue
        module = import_module(f"{similarity.__name__}.{found.name}")
        for name, member in vars(module).items():
            if name.startswith("_") or getattr(member, "__module__", "") != module.__name__:
                continue
            if inspect.isfunction(member):
                yield f"{found.name}.{name}", member
            elif inspect.isclass(member):
                for inner, method in vars(member).items():
                    function = getattr(method, "__func__", method)
                    if inspect.isfunction(function) and not inner.startswith("_"):
                        yield f"{found.name}.{name}.{inner}", function


@pytest.mark.parametrize(("name", "function"), list(public_functions()))
def test_a_numeric_function_says_what_it_takes_and_gives(name: str, function: object) -> None:
    text = inspect.getdoc(function) or ""
    assert callable(function)
    names = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
    named = [p for p in names if not p.startswith("_")]
    if named:
        assert "Parameters\n----------" in text, name
        section = text.split("Parameters\n----------")[1].split("\n\n")[0]
        for parameter in named:
            assert parameter in section.replace(",", " ").split(), f"{name}: {parameter}"
        if function.__annotations__["return"] not in ("None", "Iterator[None]"):
            assert "Returns\n-------" in text, name
