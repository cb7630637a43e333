"""The numbers that `docs/method.md` states, so that no test has to state them again."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "method.md"
WORDS = {
    "a twentieth": 1 / 20,
    "a quarter": 1 / 4,
    "a third": 1 / 3,
    "half": 1 / 2,
    "three quarters": 3 / 4,
    "two": 2,
    "twice": 2,
    "three": 3,
    "ten": 10,
}
_NUMBER = r"(10⁻³|\d+(?:\.\d+)?|" + "|".join(sorted(WORDS, key=len, reverse=True)) + ")"

# Name of a setting, and a sentence or formula that states it; `#` stands for the number.
SENTENCES = {
    "power": [r"`w_ri` proportional to `\(v_ri / V_r\)\^#`"],
    "prior": [r"\\text\{rest\} \+ #\\, V_\{\\text\{parent\}\}", r"\}\{n_b \+ #\}"],
    "floor": [
        r"`Z_i\(a\) = sqrt\(q_a \+ #\)",
        r"ln\(\(V_i\(a\) \+ #\)",
        r"/ \(q_a \+ #\)\)` says",
    ],
    "tree weight": [r"`c = T / \(# med T\)"],
    "context weight": [r"\+ X / \(# med X\)`"],
    "decay": [r"whose edges shrink by # from level to level"],
    "declared lines": [r"the mean context of the other as # lines"],
    "company": [r"these are at least # of the rest of both glasses"],
    "alone": [r"beside the same one, if it is #\)"],
    "recipes across": [r"Across families it takes # on either side"],
    "cost across": [r"a cost of at most # of the median"],
    "times as much": [r"one is at most # the other"],
    "voters": [r"each drink's # nearest, weight them"],
    "flows": [r"of each plan the # largest flows"],
    "smallest flow": [r"largest flows of at least #% of the largest"],
    "pseudo-counts": [r"`S = \(T \+ #\) / E`"],
    "rounds": [r"Up to # rounds"],
    "tolerance": [r"relative Frobenius change is below #"],
    "map neighbors": [r"near its # exact nearest neighbors"],
    "warm epochs": [r"# epochs at a tenth of the first rate"],
    "held back": [r"one that did not takes #,"],
    "margin": [r"comes to keep # less of the neighbors"],
    "enough known": [r"fewer than # of the drinks were on the earlier map"],
    "smallest map": [r"with fewer than # spots"],
    "same amount": [r"hold in the same amount, to #, stays"],
    "doubtful swap": [r"it must be cheap, at most # of the median"],
}


@cache
def stated() -> dict[str, float]:
    """Return every setting by its name; each of its sentences is there once and says the same."""
    text = re.sub(r"\s+", " ", DOCUMENT.read_text(encoding="utf-8"))
    found: dict[str, float] = {}
    for name, sentences in SENTENCES.items():
        said = {number for sentence in sentences for number in _numbers(text, sentence)}
        assert len(said) == 1, f"{DOCUMENT.name} says of {name}: {sorted(said)}"
        found[name] = said.pop()
    return found


def _numbers(text: str, sentence: str) -> list[float]:
    matched = re.findall(sentence.replace("#", _NUMBER), text)
    assert len(matched) == 1, f"{DOCUMENT.name} has {len(matched)} times: {sentence}"
    number = matched[0]
    if number == "10⁻³":
        return [1e-3]
    return [WORDS[number] if number in WORDS else float(number)]
