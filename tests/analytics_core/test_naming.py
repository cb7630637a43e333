"""Names: one form for every way of writing them, the same here and on the page."""

from __future__ import annotations

import json
import re
import unicodedata
import urllib.parse
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_core import naming
from analytics_core.naming import fold, in_address, near_names, same_words, words_of

RULES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "name_folding.json").read_text(encoding="utf-8")
)


def test_the_rules_are_those_that_the_page_is_tested_on() -> None:
    assert RULES["removed"] == naming.REMOVED
    assert RULES["dashes"] == naming.DASHES
    assert RULES["letters"] == naming.LETTERS
    assert [ord(mark) for mark in RULES["marks"]] == list(naming.MARKS)


@pytest.mark.parametrize(("name", "folded"), RULES["folded"].items())
def test_names_are_folded(name: str, folded: str) -> None:
    assert fold(name) == folded


@pytest.mark.parametrize(("name", "address"), RULES["addresses"].items())
def test_names_in_addresses(name: str, address: str) -> None:
    assert urllib.parse.unquote(in_address(name)) == address
    assert re.fullmatch("[a-z0-9%A-F-]*", in_address(name))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Corpse Reviver #2, please_!", ["corpse", "reviver", "2", "please"]),
        ("नेग्रोनी, नीम्बू", ["नेग्रोनी", "नीम्बू"]),
        ("น้ำ นำ", [unicodedata.normalize("NFKD", word) for word in ("น้ำ", "นำ")]),
    ],
)
def test_words_keep_the_marks_of_their_letters(name: str, words: list[str]) -> None:
    assert words_of(name) == words


@pytest.mark.parametrize(("one", "other"), RULES["different"])
def test_what_is_different_stays_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=12))
def test_what_is_folded_stays_as_it_is(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text(st.characters(codec="latin-1"), max_size=12), st.sampled_from(["NFC", "NFD"]))
def test_neither_composition_nor_blanks_count(name: str, form: Any) -> None:
    assert fold(f"\u00a0 {unicodedata.normalize(form, name)}\t") == fold(name)


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ("Mint Leaves", "Mint leaf", 0),
        ("Cherries", "Cherry", 0),
        ("Brownies", "Brownie", 0),
        ("Gin Fizzes", "Gin Fizz", 0),
        ("Vermouth, Dry", "Dry Vermouth", 1),
    ],
)
def test_plurals_and_the_order_of_words(one: str, other: str, key: int) -> None:
    keys = [same_words(name) for name in (one, other)]
    assert keys[0][key] == keys[1][key]
    assert keys[0][1 - key] != keys[1][1 - key]


@pytest.mark.parametrize(
    ("one", "other"), [("Orange Bitters", "Bitter Orange"), ("Bitter", "Bitters"), ("Gin", "Rum")]
)
def test_other_things_have_other_words(one: str, other: str) -> None:
    assert not set(same_words(one)) & set(same_words(other))


def test_near_names_are_spelled_alike_or_hold_the_words() -> None:
    names = ["Negroni", "White Negroni", "Negroski", "Mojito", "Corner Negroni", "Côte d'Azur"]
    assert near_names("negrony", names)[0] == "Negroni"
    assert "Mojito" not in near_names("negrony", names)
    assert set(near_names("NEGRONI", names)) == {name for name in names if "Negro" in name}
    assert near_names("cote dazure", names) == ["Côte d'Azur"]
    assert near_names("", names) == near_names("zzzz", names) == []
    assert len(near_names("negroni", names, most=2)) == 2
