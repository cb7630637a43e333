"""Coverage leads for seconds here, and for minutes in `make torture`."""

from __future__ import annotations

import pytest

from tests.end_to_end.guided import TARGETS, explore

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("target", TARGETS)
def test_readers_led_by_coverage(target: str) -> None:
    pytest.importorskip("atheris", reason="libFuzzer for Python: Linux on x86-64 alone has it")
    figures = explore(target, seconds=2)
    assert figures.faults == []
    assert figures.runs > 10
    assert figures.branches >= figures.branches_at_first > 50
