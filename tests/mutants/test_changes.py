"""What `make mutants` changes, and what it leaves alone."""

from __future__ import annotations

import pytest

from mutants.changes import Change, find_changes, sample


def described(source: str) -> set[str]:
    return {str(change) for change in find_changes(source.encode())}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", {"< -> <="}),
        ("x = a <= b == c", {"<= -> <", "== -> !="}),
        ("x = a is not b", {"is not -> is"}),
        ("x = a  not   in b", {"not in -> in"}),
        ("x = (a) + (b)", {"+ -> -"}),
        ("x = (a # - or +\n - b)", {"- -> +"}),
        ("x //= y", {"//= -> *="}),
        ("x = a and b and c", {"and -> or"}),
        ("x = not a", {"not a -> a"}),
        ("x = -a", {"-a -> a"}),
        ("x = True", {"True -> False"}),
        ("x = 3", {"3 -> 4"}),
        ("x = 0.5", {"0.5 -> 2.0"}),
        ("if a:\n  b()", {"a -> (not (a))", "b() -> pass"}),
        ("x = [a for a in b if a]", {"a -> (not (a))"}),
        ("def f():\n  return a", {"return a -> return None"}),
        ("for a in b:\n  break", {"break -> continue"}),
        ("raise ValueError", {"raise ValueError -> pass"}),
        ("def f(a=1): ...", {"1 -> 2"}),
    ],
)
def test_each_kind_of_place_has_its_change(source: str, expected: set[str]) -> None:
    assert described(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "x: int | None = None",
        "def f(a: int | None) -> int | str: ...",
        "@dataclass(frozen=True)\nclass A: ...",
        "@cache(1)\ndef f(): ...",
        "if TYPE_CHECKING:\n  f()",
        "import a",
        'x = f"{a + 1}"',
        'x = "a" % b',
        "def f():\n  return None",
    ],
)
def test_types_texts_and_decorators_stay(source: str) -> None:
    assert described(source) == set()


def test_change_is_made_at_its_place_and_nowhere_else() -> None:
    source = "é = '<'; x = a < b\ny = a < b\n"
    first, second = find_changes(source.encode())
    assert first.apply(source.encode()).decode() == "é = '<'; x = a <= b\ny = a < b\n"
    assert second.apply(source.encode()).decode() == "é = '<'; x = a < b\ny = a <= b\n"
    assert (second.line, second.text) == (2, "y = a < b")


def test_sample_is_the_same_for_the_same_seed_and_takes_a_line_once() -> None:
    changes = find_changes("\n".join(f"x{n} = a + {n}" for n in range(50)).encode())
    assert len(changes) == 100
    drawn = sample(changes, 8, seed="1:module")
    assert drawn == sample(list(changes), 8, seed="1:module")
    assert drawn != sample(changes, 8, seed="2:module")
    assert len({change.line for change in drawn}) == 8
    assert len(sample(changes, 1000, seed="1")) == 50


def test_sample_of_nothing_is_empty() -> None:
    nothing: list[Change] = []
    assert sample(nothing, 3, seed="1") == []
