"""What `docs/method.md` states is what runs; the independent computation runs on the document's."""

from __future__ import annotations

import pytest

from analytics_core import swaps
from analytics_core.similarity import context_cost, embedding, evidence, placing, reference_cost
from analytics_core.similarity.embedding import MapSettings
from analytics_core.similarity.ground_cost import LEARNED
from tests.method import stated

CODE = {
    "power": LEARNED.power,
    "decay": LEARNED.decay,
    "prior": context_cost.PRIOR_LINES,
    "floor": context_cost.FLOOR,
    "declared lines": context_cost.DECLARED_LINES,
    "company": evidence.COMPANY,
    "alone": evidence.ALONE,
    "recipes across": evidence.RECIPES_ACROSS,
    "cost across": evidence.COST_ACROSS,
    "times as much": evidence.TIMES_AS_MUCH,
    "voters": reference_cost.VOTERS,
    "flows": reference_cost.FLOWS,
    "smallest flow": reference_cost.SMALLEST_FLOW * 100,
    "pseudo-counts": reference_cost.PSEUDO_COUNTS,
    "rounds": reference_cost.ROUNDS,
    "tolerance": reference_cost.TOLERANCE,
    "map neighbors": MapSettings().neighbors - 1,  # each drink is one of its own
    "warm epochs": embedding.WARM[0],
    "held back": placing.HELD_BACK,
    "margin": placing.MARGIN,
    "enough known": placing.ENOUGH_KNOWN,
    "smallest map": embedding.SMALLEST,
    "same amount": swaps.SAME_WITHIN,
    "doubtful swap": swaps._ALIKE,
}


@pytest.mark.parametrize("name", CODE)
def test_the_document_states_what_runs(name: str) -> None:
    assert stated()[name] == pytest.approx(CODE[name], rel=1e-12)
