"""What the image publishes: that of the source tree, and on ARM64 that of x86-64."""

from __future__ import annotations

import json

import pytest

from image.compare import compare, without_time
from tests.image.conftest import Run

from .conftest import HOST, record

pytestmark = pytest.mark.image

# Both architectures were seen to publish the same numbers; this leaves room for rounding only, so
# that an optimizer that takes another course is noticed.
COST = 1e-9
MAP_KEPT = 0.99
"""Share of each drink's ten nearest on the map that the other architecture's map has too."""
MAP_RESIDUAL = 0.001
"""Of the map's spread, left after laying one map over the other."""


def test_job_publishes_every_document_and_the_page_under_hard_limits(host_run: Run) -> None:
    told = json.loads(host_run.documents["manifest"])
    assert set(host_run.documents) == {*told["documents"], "manifest"}
    page = host_run.folder / "analytics" / "v1" / "report.html"
    assert b"<html" in page.read_bytes()


def test_documents_are_those_of_the_source_tree_byte_for_byte(
    host_run: Run, source_run: Run
) -> None:
    assert set(host_run.documents) == set(source_run.documents)
    for name in set(source_run.documents) - {"manifest"}:  # its timings differ between any two runs
        image = without_time(name, host_run.documents[name])
        source = without_time(name, source_run.documents[name])
        assert image == source, f"{name} differs"
    parts = ("database", "counts", "quality", "warnings")
    manifests = [json.loads(run.documents["manifest"]) for run in (host_run, source_run)]
    assert [manifests[0][p] for p in parts] == [manifests[1][p] for p in parts]


def test_arm64_publishes_what_the_host_does_within_tolerances(host_run: Run, arm_run: Run) -> None:
    difference = compare(host_run.documents, arm_run.documents)
    record(
        f"arm64 against {HOST}",
        neighbor_lists=difference.neighbor_lists,
        ties_swapped=difference.swapped,
        cost=difference.cost,
        map_kept=difference.map_kept,
        map_residual=difference.map_residual,
        counts=difference.counts,
    )
    assert difference.counts == ()
    assert difference.cost <= COST
    assert difference.neighbor_lists == 0
    for name, kept in difference.map_kept.items():
        assert kept >= MAP_KEPT, f"{name} keeps {kept:.0%} of its neighbors"
        residual = difference.map_residual[name]
        assert residual <= MAP_RESIDUAL, f"{name} is {residual:.2%} of its spread off"
