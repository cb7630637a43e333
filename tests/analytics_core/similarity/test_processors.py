"""The map is the same on every processor: with numpy's and Numba's abilities taken away in turn."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

JOB = """
import sys
from pathlib import Path
from analytics_core import LocalStorage, RefreshSettings, refresh
refresh(sys.argv[1], LocalStorage(sys.argv[2]), settings=RefreshSettings(page=False))
"""

LAYOUT = """
import hashlib
import numpy as np
from analytics_core.similarity.embedding import MapSettings
from analytics_core.similarity.neighbors import KnnGraph
from analytics_core.similarity.placing import EarlierMap, place

state = 12345
def draw():
    global state
    state = state * 1103515245 + 12345 & 0x7FFFFFFF
    return state % 1000
places = [(draw(), draw(), draw()) for _ in range(150)]
apart = np.array([[sum(abs(a - b) for a, b in zip(p, q)) for q in places] for p in places]) / 1024
np.fill_diagonal(apart, np.inf)
near = np.argsort(apart, axis=1, kind="stable")[:, :14].astype(np.int32)
graph = KnnGraph(near, np.take_along_axis(apart, near.astype(np.int64), axis=1))
ids, twins = np.arange(150), np.arange(150)
cold = place(graph, ids, twins, MapSettings())
earlier = EarlierMap(ids[:-5], cold.points[:-5], "", cold.kept_anew)
warm = place(graph, ids, twins, MapSettings(), earlier=earlier, changed=ids % 10 == 0)
print(warm.began, hashlib.sha256(cold.points.tobytes() + warm.points.tobytes()).hexdigest())
"""


def dispatched() -> list[str]:
    """Groups of instructions beyond its baseline that numpy uses here, the least first."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return list(found)


def child(program: str, *words: object, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def maps(folder: Path) -> str:
    digest = hashlib.sha256()
    for kind in ("cocktail-space", "cocktail-space-em"):
        text = (folder / "analytics" / "v1" / f"{kind}.json").read_text()
        digest.update(text.partition('"metadata"')[0].encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from analytics_core.sample import write_sample_database

    path = tmp_path_factory.mktemp("sample") / "sample.db"
    write_sample_database(path)
    return path


@pytest.fixture(scope="module")
def here(database: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Digest of the maps with all that this processor has."""
    folder = tmp_path_factory.mktemp("here")
    child(JOB, database, folder)
    return maps(folder)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["AVX512_SPR", "AVX512_ICL", "X86_V4", "X86_V3"])
def test_maps_are_the_same_without_instructions_of_numpys(
    group: str, database: Path, here: str, tmp_path: Path
) -> None:
    """A group is switched off together with those above it, which build on it."""
    groups = dispatched()
    if group not in groups:
        pytest.skip(f"numpy does not use {group} on this {platform.machine()}; it has {groups}")
    off = " ".join(groups[groups.index(group) :])
    child(JOB, database, tmp_path, NPY_DISABLE_CPU_FEATURES=off)
    assert maps(tmp_path) == here


TARGETS = {
    "x86_64": {"generic": "", "x86-64-v2": "", "x86-64-v3": "", "x86-64-v4": ""},
    "aarch64": {"generic": "", "neoverse-n1": ""},
}


@pytest.mark.slow
def test_maps_are_the_same_for_every_target_of_the_compiler(tmp_path: Path) -> None:
    """Without fused multiply-add (x86-64-v2) and with it (x86-64-v3), cold and warm."""
    targets = TARGETS.get(platform.machine())
    if targets is None:
        pytest.skip(f"no other targets are known for {platform.machine()}")
    if "X86_V4" not in dispatched():
        targets.pop("x86-64-v4", None)
        print("this processor cannot run x86-64-v4: not compared")
    found = {"as it is": child(LAYOUT)}
    for name in targets:
        found[name] = child(
            LAYOUT,
            NUMBA_CPU_NAME=name,
            NUMBA_CPU_FEATURES="",
            NUMBA_CACHE_DIR=str(tmp_path / name),
        )
    assert all(answer.startswith("from the earlier map ") for answer in found.values()), found
    assert len(set(found.values())) == 1, found
