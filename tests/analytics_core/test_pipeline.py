"""The whole job on real files: documents, edge cases, order of rows, repetition."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

from analytics_core import cli, pipeline
from analytics_core.errors import AnalyticsError, DataError, StorageError
from analytics_core.pipeline import RefreshResult, RefreshSettings, refresh
from analytics_core.report import render
from analytics_core.similarity.ground_cost import PRESETS
from analytics_core.source.assembly import MOST_NAME_LETTERS
from analytics_core.source.findings import advice
from analytics_core.source.snapshot import take_snapshot
from analytics_core.stages import StageEvent
from analytics_core.store import (
    LocalStorage,
    publish,
    read_manifest,
    read_published,
    read_recipe,
)
from tests.analytics_core.databases import (
    EACH,
    LINES,
    LOOSE_SCHEMA,
    OUNCE,
    RECIPES,
    cut_down_sample,
    write_database,
)
from tests.oracle import Oracle, Variant

STAGES = [
    "snapshot",
    "catalog",
    "mixture",
    "statistics",
    "cost",
    "neighbors",
    "map",
    "quality",
    "doctor",
    "publish",
    "prune",
]


# The contract's documents, field by field.
def rows_of(**fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": exactly(**fields)}


def exactly(**fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


INTEGER, TEXT, FLAG = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
NUMBER, POSITIVE = {"type": "number"}, {"type": "number", "minimum": 0}
SHARE = {"type": "number", "minimum": 0, "maximum": 1 + 1e-9}
HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
MAP = rows_of(
    recipe_id=INTEGER,
    recipe_name=TEXT,
    x=NUMBER,
    y=NUMBER,
    ingredients={"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
)
FLOW = rows_of(
    from_ingredient_id=INTEGER,
    from_ingredient_name=TEXT,
    to_ingredient_id=INTEGER,
    to_ingredient_name=TEXT,
    mass=SHARE,
)
POUR: dict[str, Any] = {
    "ingredient_id": INTEGER,
    "ingredient_name": TEXT,
    "ml": POSITIVE,
    "amount": {"type": ["number", "null"], "minimum": 0},
    "unit": {"type": ["string", "null"]},
}
STEPS = {
    "type": "array",
    "items": {
        "oneOf": [
            exactly(kind={"enum": ["pour_more", "pour_less", "add", "leave_out", "stays"]}, **POUR),
            exactly(
                kind={"const": "swap"},
                **{
                    "from": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "oneOf": [exactly(**POUR), exactly(**POUR, part={"const": True})]
                        },
                    },
                    "to": {"type": "array", "minItems": 1, "items": exactly(**POUR)},
                },
            ),
        ]
    },
}
NODE = exactly(
    id=TEXT,
    name=TEXT,
    recipe_count=COUNT,
    hierarchical_recipe_count=COUNT,
    edge_weight=NUMBER,
    allow_substitution=FLAG,
    strength={"type": ["number", "null"], "minimum": 0, "maximum": 100},
    made_of=rows_of(id=TEXT, name=TEXT),
    children={"type": "array", "items": {"$ref": "#/$defs/node"}},
)
NAMED = exactly(recipe_id=INTEGER, recipe_name=TEXT)
INGREDIENT: dict[str, Any] = {"ingredient_id": INTEGER, "ingredient_name": TEXT}
WORD = {"enum": ["substitute", "variant"]}
LINES_OF = rows_of(
    **INGREDIENT,
    rolled_id=INTEGER,
    rolled_name=TEXT,
    amount={"type": ["number", "null"]},
    unit={"type": ["string", "null"]},
    volume_ml=POSITIVE,
    fraction=SHARE,
)
DATA: dict[str, dict[str, Any]] = {
    "ingredient-usage": rows_of(
        ingredient_id=INTEGER,
        ingredient_name=TEXT,
        path={"type": "string", "pattern": "^/[0-9]+/$"},
        parent_id={"type": "null"},
        allow_substitution=FLAG,
        direct_usage=COUNT,
        hierarchical_usage=COUNT,
        has_children=FLAG,
    ),
    "recipe-complexity": rows_of(
        ingredient_count={"type": "integer", "minimum": 1},
        recipe_count={"type": "integer", "minimum": 1},
    ),
    "ingredient-tree": {
        **NODE,
        "properties": {**NODE["properties"], "id": {"const": "root"}},
    },
    "cocktail-space": MAP,
    "cocktail-space-em": MAP,
    "recipe-similar": rows_of(
        recipe_id=INTEGER,
        recipe_name=TEXT,
        neighbors=rows_of(
            neighbor_recipe_id=INTEGER,
            neighbor_name=TEXT,
            distance=POSITIVE,
            transport_plan=FLOW,
            steps=STEPS,
            words={"type": "string", "minLength": 1},
        ),
    ),
    "ingredient-substitutes": {
        "type": "array",
        "items": {
            "oneOf": [
                exactly(
                    ingredient_id=INTEGER,
                    ingredient_name=TEXT,
                    note={"enum": [None, "too little evidence"]},
                    substitutes={
                        "type": "array",
                        "items": {
                            "oneOf": [
                                exactly(
                                    **INGREDIENT,
                                    cost=POSITIVE,
                                    recipes={"type": "integer", "minimum": 2},
                                    declared={"type": "null"},
                                ),
                                exactly(**INGREDIENT, cost=POSITIVE, recipes=COUNT, declared=WORD),
                            ]
                        },
                    },
                ),
                exactly(
                    ingredient_id=INTEGER,
                    ingredient_name=TEXT,
                    substitutes=rows_of(
                        **INGREDIENT,
                        cost=POSITIVE,
                        declared={"oneOf": [WORD, {"type": "null"}]},
                    ),
                ),
            ]
        },
    },
    "recipe-details": rows_of(
        recipe_id=INTEGER,
        recipe_name=TEXT,
        base_ingredient_id=INTEGER,
        base_ingredient_name=TEXT,
        abv={"type": ["number", "null"], "minimum": 0, "maximum": 100},
        method={"type": ["string", "null"]},
        dilution={"type": ["number", "null"], "minimum": 0},
        variant_of={"oneOf": [NAMED, {"type": "null"}]},
        lines=LINES_OF,
        optional=LINES_OF,
    ),
}
SOME = {"type": "array", "items": NAMED, "maxItems": 100}
MAP_BEGAN: dict[str, Any] = {
    "began": {"enum": ["anew", "from the earlier map", "unchanged"]},
    "why": TEXT,
}
MAP_CHANGE = {
    "oneOf": [
        exactly(**MAP_BEGAN),
        exactly(**MAP_BEGAN, drinks=COUNT, median=POSITIVE, p95=POSITIVE, far=SHARE),
    ]
}
EITHER = {"oneOf": [NAMED, {"type": "null"}]}
DATA["recipe-digests"] = rows_of(
    recipe_id=INTEGER,
    content={"type": "string", "pattern": "^[0-9a-f]{16}$"},
    nearest={"type": "array", "items": INTEGER},
)
DATA["recipe-similar.index"] = exactly(
    document={"const": "recipe-similar"},
    recipe_id={"type": "array", "items": INTEGER},
    start={"type": "array", "items": COUNT},
    length={"type": "array", "items": COUNT},
    sha256={"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{16}$"}},
)
DATA["what-changed"] = exactly(
    since={"oneOf": [exactly(run_id=TEXT, generated_at=TEXT), {"type": "null"}]},
    why_not=TEXT,
    words=TEXT,
    method={"type": "array", "items": {"enum": ["code", "settings"]}},
    counts=exactly(new=COUNT, gone=COUNT, changed=COUNT, unchanged=COUNT, nearest=COUNT),
    new=SOME,
    gone=SOME,
    changed=SOME,
    nearest={
        "type": "array",
        "maxItems": 100,
        "items": exactly(recipe_id=INTEGER, recipe_name=TEXT, before=EITHER, now=EITHER),
    },
    maps=exactly(**{"cocktail-space": MAP_CHANGE, "cocktail-space-em": MAP_CHANGE}),
)
METADATA = exactly(
    generated_at={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$"},
    storage_version={"const": "v1"},
    analytics_type=TEXT,
    run_id=TEXT,
    database_fingerprint=HASH,
    code_version=TEXT,
)
MANIFEST = exactly(
    run_id=TEXT,
    generated_at=METADATA["properties"]["generated_at"],
    storage_version={"const": "v1"},
    code_version=TEXT,
    code=HASH,
    seed=COUNT,
    maps={
        "type": "object",
        "additionalProperties": exactly(**MAP_BEGAN, graph=HASH, neighbors_kept_anew=SHARE),
    },
    compared=exactly(
        method={"type": "array", "items": TEXT},
        forced={"type": "array", "items": TEXT},
        figures={"type": "object", "additionalProperties": NUMBER},
        words=TEXT,
    ),
    settings={"type": "object", "required": ["cost", "neighbors"]},
    database=exactly(
        layout=TEXT,
        bar={"type": ["string", "null"]},
        fingerprint=HASH,
        recipes=COUNT,
        ingredients=COUNT,
        lines=COUNT,
    ),
    counts={"type": "object", "additionalProperties": COUNT},
    warnings=rows_of(
        code={"type": "string", "pattern": "^[a-z0-9-]+$"},
        count={"type": "integer", "minimum": 1},
        message={"type": "string", "pattern": r"\.$"},
        advice={"type": "string", "pattern": r"\.$"},
        examples={"type": "array", "items": TEXT},
    ),
    suggestions=rows_of(
        code={"type": "string", "pattern": "^[a-z0-9-]+$"},
        count={"type": "integer", "minimum": 1},
        message={"type": "string", "pattern": r"\.$"},
        advice={"type": "string", "pattern": r"\.$"},
        examples={"type": "array", "items": TEXT},
    ),
    quality={"type": "object", "additionalProperties": NUMBER},
    stages=rows_of(name=TEXT, seconds=POSITIVE, reused=FLAG),
    documents={
        "type": "object",
        "properties": {kind: exactly(key=TEXT, bytes=COUNT, sha256=HASH) for kind in DATA},
        "required": list(DATA),
        "additionalProperties": False,
    },
)

PLAIN = RefreshSettings(page=False)


def hold_against_schema(documents: dict[str, Any]) -> None:
    """Fail where a published set is not what the contract says."""
    jsonschema.validate(documents["manifest"], MANIFEST)
    assert documents.keys() - {"manifest"} == DATA.keys()
    for kind, data in DATA.items():
        schema = {**exactly(data=data, metadata=METADATA), "$defs": {"node": NODE}}
        jsonschema.validate(documents[kind], schema)
        assert documents[kind]["metadata"]["analytics_type"] == kind
        assert documents[kind]["metadata"]["run_id"] == documents["manifest"]["run_id"]


def run(
    database: Path, folder: Path, settings: RefreshSettings = PLAIN, **more: Any
) -> dict[str, Any]:
    """Refresh into a folder; every document is held against its schema. Returns the documents."""
    refresh(database, LocalStorage(folder), settings=settings, **more)
    documents = read_published(LocalStorage(folder))
    hold_against_schema(documents)
    return documents


def published_bytes(folder: Path) -> dict[str, str]:
    """Every document's text without what differs from run to run."""
    texts = {}
    for kind in DATA.keys() - {"what-changed"}:  # which depends on the set before
        text = (folder / "analytics" / "v1" / f"{kind}.json").read_text()
        texts[kind] = re.sub(r'"(generated_at|run_id)":"[^"]*"', "", text)
    return texts


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cut_down_sample(tmp_path_factory.mktemp("sample") / "sample.db", 50)


@pytest.fixture(scope="module")
def oracle(sample: Path) -> Oracle:
    return Oracle(sample)


@pytest.fixture(scope="module")
def published(
    sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Folder of one default run over the sample, and its documents."""
    folder = tmp_path_factory.mktemp("published")
    return folder, run(sample, folder)


@pytest.fixture(scope="module", params=["reference", "tree"])
def both(
    request: pytest.FixtureRequest,
    sample: Path,
    oracle: Oracle,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """What the oracle says, and the documents."""
    variant = {"reference": Variant(), "tree": Variant(rounds=0)}[request.param]
    settings = RefreshSettings(cost=request.param, page=False)
    return oracle.learn(variant), run(sample, tmp_path_factory.mktemp("out"), settings)


def test_similar_recipes_are_the_oracles(both: Any, oracle: Oracle) -> None:
    expected, documents = both
    rows = documents["recipe-similar"]["data"]
    assert [row["recipe_id"] for row in rows] == expected.recipes
    for row in rows:
        near = expected.neighbors[row["recipe_id"]]
        found = row["neighbors"]
        assert [n["neighbor_recipe_id"] for n in found] == [other for other, _ in near]
        np.testing.assert_allclose(
            [n["distance"] for n in found], [d for _, d in near], rtol=0, atol=1e-9
        )
        for n in found:
            ids, other_ids, flow, _ = oracle.plan(
                row["recipe_id"], n["neighbor_recipe_id"], expected.last_cost, 1.0, unique=True
            )
            moved = {
                (ids[i], other_ids[j]): flow[i, j]
                for i, j in np.argwhere(flow > 1e-8)
                if ids[i] != other_ids[j]
            }
            told = {
                (f["from_ingredient_id"], f["to_ingredient_id"]): f["mass"]
                for f in n["transport_plan"]
            }
            assert told.keys() >= moved.keys()
            for pair, mass in told.items():
                assert mass == pytest.approx(moved.get(pair, 0.0), abs=1e-8)


def test_substitutes_are_the_used_ingredients_of_least_cost(both: Any, oracle: Oracle) -> None:
    expected, documents = both
    used = {i for own in oracle.mixture.values() for i in own}
    rows = documents["ingredient-substitutes"]["data"]
    assert [row["ingredient_id"] for row in rows] == expected.ingredients
    for row in rows:
        at = oracle.column[row["ingredient_id"]]
        others = used - {row["ingredient_id"]}
        least = sorted(expected.cost[at, oracle.column[i]] for i in others)[:10]
        costs = [entry["cost"] for entry in row["substitutes"]]
        np.testing.assert_allclose(costs, least, rtol=0, atol=2e-9)
        for entry in row["substitutes"]:
            assert entry["ingredient_id"] in others
            cost = expected.cost[at, oracle.column[entry["ingredient_id"]]]
            assert entry["cost"] == pytest.approx(cost, abs=2e-9)


def test_every_stage_is_told_timed_and_in_order(sample: Path, tmp_path: Path) -> None:
    events: list[Any] = []
    documents = run(sample, tmp_path, on_event=events.append)
    assert [event.stage for event in events if event.state == "started"] == STAGES
    assert [event.stage for event in events if event.state == "finished"] == STAGES
    moving = {event.stage for event in events if event.state == "progress"}
    assert moving - {"map"} == {"cost", "neighbors"}  # a map is not always slow enough to be told
    assert [stage["name"] for stage in documents["manifest"]["stages"]] == STAGES[:-2]
    again: list[Any] = []
    refresh(sample, LocalStorage(tmp_path), settings=PLAIN, on_event=again.append)
    assert [e.stage for e in again if e.state == "reused"] == ["cost", "neighbors"]


def test_the_same_run_twice_gives_the_same_bytes(
    sample: Path, published: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder, _ = published
    before = published_bytes(folder)
    run(sample, tmp_path)
    assert published_bytes(tmp_path) == before
    # once more over its own result, so that the maps are registered to themselves
    run(sample, tmp_path, cache=LocalStorage(tmp_path / "fresh"))
    assert published_bytes(tmp_path) == before


def test_neither_row_order_nor_line_ids_reach_the_documents(
    sample: Path, published: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    with closing(sqlite3.connect(sample)) as connection:
        content = {
            "ingredients": "SELECT id, name, parent_id, path, allow_substitution FROM ingredients",
            "units": "SELECT id, name, abbreviation, conversion_to_ml FROM units",
            "recipes": "SELECT id, name FROM recipes",
            "lines": "SELECT recipe_id, ingredient_id, unit_id, amount FROM recipe_ingredients",
        }
        tables = {name: connection.execute(query).fetchall() for name, query in content.items()}
    # without primary keys, rows really lie in the order in which they were written
    other = write_database(tmp_path / "o.db", **tables, schema=LOOSE_SCHEMA, shuffle=5)
    run(other, tmp_path / "out")
    assert published_bytes(tmp_path / "out") == published_bytes(published[0])


def test_threads_do_not_reach_the_documents(
    sample: Path, published: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run(sample, tmp_path, RefreshSettings(page=False, threads=1))
    assert published_bytes(tmp_path) == published_bytes(published[0])


def test_another_seed_gives_another_map_and_nothing_else(
    sample: Path, published: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    run(sample, tmp_path, RefreshSettings(page=False, seed=7))
    first, second = published_bytes(published[0]), published_bytes(tmp_path)
    differing = {kind for kind in first if first[kind] != second[kind]}
    assert differing == {"cocktail-space", "cocktail-space-em"}


def test_documents_agree_with_each_other(published: tuple[Path, dict[str, Any]]) -> None:
    _, documents = published
    manifest = documents["manifest"]
    recipes = {row["recipe_id"]: row["recipe_name"] for row in documents["recipe-details"]["data"]}
    assert manifest["database"]["recipes"] == len(recipes) == manifest["counts"]["recipes"]
    for kind in ("cocktail-space", "cocktail-space-em", "recipe-similar"):
        found = {row["recipe_id"]: row["recipe_name"] for row in documents[kind]["data"]}
        assert found == recipes
    for row in documents["recipe-similar"]["data"]:
        assert len(row["neighbors"]) == 10 == manifest["counts"]["neighbors"]
        distances = [n["distance"] for n in row["neighbors"]]
        assert distances == sorted(distances)
        for n in row["neighbors"]:
            assert n["neighbor_recipe_id"] != row["recipe_id"]
            assert recipes[n["neighbor_recipe_id"]] == n["neighbor_name"]
            flows = n["transport_plan"]
            assert all(f["from_ingredient_id"] != f["to_ingredient_id"] for f in flows)
            assert sum(f["mass"] for f in flows) <= 1 + 1e-6

    nodes = {}

    def walk(node: Any, above: Any) -> Any:
        assert node["id"] not in nodes
        nodes[node["id"]] = node
        for child in node["children"]:
            walk(child, node)
            assert child["hierarchical_recipe_count"] <= node["hierarchical_recipe_count"]

    walk(documents["ingredient-tree"]["data"], None)
    assert nodes.pop("root")["name"] == "All Ingredients"
    assert len(nodes) == manifest["database"]["ingredients"]  # every one, used or not
    for row in documents["ingredient-usage"]["data"]:
        node = nodes[str(row["ingredient_id"])]
        assert row["hierarchical_usage"] == node["hierarchical_recipe_count"]
        assert row["direct_usage"] == node["recipe_count"]
        assert row["has_children"] == bool(node["children"])
    usage = [row["hierarchical_usage"] for row in documents["ingredient-usage"]["data"]]
    assert usage == sorted(usage, reverse=True)
    complexity = documents["recipe-complexity"]["data"]
    assert sum(row["recipe_count"] for row in complexity) == len(recipes)
    for row in documents["recipe-details"]["data"]:
        assert sum(line["fraction"] for line in row["lines"]) == pytest.approx(1.0, abs=1e-6)
    for kind, entry in manifest["documents"].items():
        assert entry["key"] == f"analytics/v1/runs/{manifest['run_id']}/{kind}.json"


@pytest.mark.parametrize("cost", ["learned", "reference", "tree"])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_handful_of_recipes(count: int, cost: Any, tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        recipes=RECIPES[:count],
        lines=[line for line in LINES if line[0] < 100 + count],
    )
    documents = run(path, tmp_path / "out", RefreshSettings(cost=cost, page=False))
    for kind in ("cocktail-space", "cocktail-space-em", "recipe-similar", "recipe-details"):
        assert len(documents[kind]["data"]) == count
    for row in documents["recipe-similar"]["data"]:
        assert len(row["neighbors"]) == max(0, count - 1)
    assert documents["ingredient-tree"]["data"]["hierarchical_recipe_count"] == count
    assert len(documents["ingredient-usage"]["data"]) == 7
    codes = [warning["code"] for warning in documents["manifest"]["warnings"]]
    assert codes == (["no-usable-recipe"] if count == 0 else [])
    if cost == "learned":
        again = run(path, tmp_path / "out")
        assert again["cocktail-space"]["data"] == documents["cocktail-space"]["data"]


@pytest.mark.parametrize("count", [11, 12, 14, 16])
def test_around_the_sizes_where_maps_and_neighbors_change_their_ways(
    count: int, tmp_path: Path
) -> None:
    path = cut_down_sample(tmp_path / "bar.db", count)
    settings = RefreshSettings(neighbors=count + 3, page=False)
    documents = run(path, tmp_path / "out", settings)
    for row in documents["recipe-similar"]["data"]:
        assert len(row["neighbors"]) == count - 1
    for kind in ("cocktail-space", "cocktail-space-em"):
        points = {(row["x"], row["y"]) for row in documents[kind]["data"]}
        assert len(points) > count // 2


def test_no_neighbors_at_all_may_be_asked_for(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    documents = run(path, tmp_path / "out", RefreshSettings(neighbors=0, page=False))
    assert [row["neighbors"] for row in documents["recipe-similar"]["data"]] == [[]] * 5


def test_twenty_copies_of_one_drink(tmp_path: Path) -> None:
    """All distances are 0: nothing to learn, nothing to spread on a map, and no crash."""
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(r, f"Martini {r}") for r in range(1, 21)],
        lines=[(r, i, OUNCE, 1.0) for r in range(1, 21) for i in (18, 22)],
    )
    documents = run(path, tmp_path / "out")
    for row in documents["recipe-similar"]["data"]:
        ids = [n["neighbor_recipe_id"] for n in row["neighbors"]]
        assert ids == [r for r in range(1, 21) if r != row["recipe_id"]][:10]
        assert {n["distance"] for n in row["neighbors"]} == {0.0}
        assert all(n["transport_plan"] == [] for n in row["neighbors"])
        assert {n["words"] for n in row["neighbors"]} == {"the same mix"}


def test_twenty_drinks_that_have_nothing_in_common(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=[(i, f"Bottle {i}", None, f"/{i}/", 0) for i in range(1, 21)],
        recipes=[(r, f"Neat {r}") for r in range(1, 21)],
        lines=[(r, r, OUNCE, 2.0) for r in range(1, 21)],
    )
    documents = run(path, tmp_path / "out")
    assert len(documents["cocktail-space"]["data"]) == 20


def test_nothing_but_bad_recipes(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        recipes=[(1, "Nothing in it"), (2, "Antimatter"), (3, "Dry Air")],
        lines=[(2, 17, OUNCE, -1.0), (3, 5, OUNCE, 0.0), (99, 17, OUNCE, 1.0)],
    )
    documents = run(path, tmp_path / "out")
    codes = {w["code"]: w for w in documents["manifest"]["warnings"]}
    assert codes.keys() == {
        "recipe-without-lines",
        "bad-amount",
        "recipe-without-volume",
        "dangling-line",
        "no-usable-recipe",
    }
    assert "Antimatter" in codes["bad-amount"]["examples"][0]
    for kind in ("cocktail-space", "recipe-similar", "recipe-details", "recipe-complexity"):
        assert documents[kind]["data"] == []


HOSTILE = [
    "</script><script>alert(1)</script>",
    "\"'`;--\\",
    "🍸🏴\u200d☠️ Grog",
    "\u202eינורגנ\u202c",
    "Piña Colada\tNo. 2\n(frozen)",
    "\u2028\u0000between",
    "x" * MOST_NAME_LETTERS,
]


def test_hostile_names_come_out_intact(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=[(i, name, None, f"/{i}/", 0) for i, name in enumerate(HOSTILE, 1)],
        recipes=list(enumerate(HOSTILE, 1)),
        lines=[(r, r, OUNCE, 1.0) for r in range(1, len(HOSTILE) + 1)]
        + [(r, 1, OUNCE, 0.5) for r in range(2, len(HOSTILE) + 1)],
    )
    documents = run(path, tmp_path / "out")
    for kind in ("cocktail-space", "recipe-similar", "recipe-details"):
        assert [row["recipe_name"] for row in documents[kind]["data"]] == HOSTILE
    tree = documents["ingredient-tree"]["data"]
    assert [node["name"] for node in tree["children"]] == HOSTILE
    listed = {row["ingredient_name"] for row in documents["ingredient-usage"]["data"]}
    assert listed == set(HOSTILE)


def test_a_database_that_cannot_be_used_publishes_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    good = write_database(tmp_path / "good.db")
    before = run(good, tmp_path / "out")
    for path in (broken, tmp_path / "absent.db"):
        with pytest.raises(DataError, match=path.name):
            refresh(path, LocalStorage(tmp_path / "out"), settings=PLAIN)
    assert read_published(LocalStorage(tmp_path / "out")) == before
    with pytest.raises(DataError):
        refresh(broken, LocalStorage(tmp_path / "new"), settings=PLAIN)
    assert not (tmp_path / "new" / "analytics").exists()


def test_a_published_map_that_means_nothing_is_no_hindrance(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    fresh = run(path, tmp_path / "out")
    stable = tmp_path / "out" / "analytics" / "v1"
    (stable / "manifest.json").write_text("{}")
    assert run(path, tmp_path / "out")["cocktail-space"]["data"] == fresh["cocktail-space"]["data"]


def test_drinks_stay_where_they_were_when_one_is_added(tmp_path: Path) -> None:
    """The published maps are turned and mirrored, as no map begun anew would lie."""
    storage = LocalStorage(tmp_path / "out")
    first = run(cut_down_sample(tmp_path / "a.db", 40), storage.folder)
    manifest = first.pop("manifest")
    for kind in ("cocktail-space", "cocktail-space-em"):
        for row in first[kind]["data"]:
            row["x"], row["y"] = row["y"], row["x"]
    publish(
        storage,
        run_id="turned",
        documents={kind: json.dumps(document).encode() for kind, document in first.items()},
        manifest={k: v for k, v in manifest.items() if k not in {"documents", "extras"}},
    )
    second = run(cut_down_sample(tmp_path / "b.db", 41), storage.folder)
    alone = run(tmp_path / "b.db", tmp_path / "alone")

    def moved(documents: Any, kind: str) -> Any:
        at = {row["recipe_id"]: (row["x"], row["y"]) for row in documents[kind]["data"]}
        old = {row["recipe_id"]: (row["x"], row["y"]) for row in first[kind]["data"]}
        return np.mean([np.square(np.subtract(at[r], old[r])).sum() for r in old])

    for kind in ("cocktail-space", "cocktail-space-em"):
        assert moved(second, kind) < 0.5 * moved(alone, kind)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": "dear"},
        {"volumes": "guessed"},
        {"neighbors": -1},
        {"neighbors": 1001},
        {"seed": -1},
        {"threads": 0},
        {"keep_runs": 1},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RefreshSettings(**wrong)


def test_volumes_go_with_the_cost_unless_told_otherwise() -> None:
    rules = {cost: RefreshSettings(cost=cost).volume_rule for cost in PRESETS}  # type: ignore[arg-type]
    assert rules == {"learned": "poured", "reference": "site", "tree": "site"}
    assert RefreshSettings(volumes="site").volume_rule == "site"
    assert RefreshSettings(cost="tree", volumes="poured").volume_rule == "poured"


@pytest.mark.parametrize(("volumes", "milliliters"), [("poured", 30.0), ("site", 1.0)])
def test_every_document_tells_volumes_by_the_same_rule(
    tmp_path: Path, volumes: Any, milliliters: float
) -> None:
    path = tmp_path / "bar.db"
    write_database(
        path,
        ingredients=[(1, "Gin", None, "/1/", 0), (2, "Egg White", None, "/2/", 0)],
        recipes=[(1, "Gin"), (2, "Foam")],
        lines=[(1, 1, OUNCE, 2.0), (2, 1, OUNCE, 2.0), (2, 2, EACH, 1.0)],
    )
    documents = run(path, tmp_path / "out", RefreshSettings(volumes=volumes, page=False))
    foam = documents["recipe-details"]["data"][1]
    assert [line["volume_ml"] for line in foam["lines"]] == [59.147, milliliters]
    assert foam["lines"][1]["fraction"] == pytest.approx(milliliters / (59.147 + milliliters))
    (near,) = documents["recipe-similar"]["data"][0]["neighbors"]
    (added,) = (step for step in near["steps"] if step["kind"] == "add")
    assert (added["ml"], added["amount"], added["unit"]) == (milliliters, 1.0, "Each")
    assert near["words"] == "add 1 Egg White; Gin stays"
    assert documents["manifest"]["settings"]["volumes"] == volumes


ROUNDING_S = 0.0005  # every time is given to the millisecond


def test_the_result_times_every_stage_and_the_manifest_those_before_it(tmp_path: Path) -> None:
    result = refresh(write_database(tmp_path / "bar.db"), LocalStorage(tmp_path / "out"))
    assert [timing["name"] for timing in result.timings] == STAGES
    assert result.manifest["stages"] == result.timings[:-2]
    stages = sum(timing["seconds"] for timing in result.timings)
    assert result.seconds >= stages - ROUNDING_S * (len(STAGES) + 1)


def test_of_the_earlier_set_only_what_is_compared_is_read(tmp_path: Path) -> None:
    reads = []

    class Watched(LocalStorage):
        def read(self, key: str) -> bytes:
            reads.append(key)
            return super().read(key)

    path = write_database(tmp_path / "bar.db")
    refresh(path, LocalStorage(tmp_path / "out"), settings=PLAIN, run_id="monday")
    refresh(path, Watched(tmp_path / "out"), settings=PLAIN, run_id="tuesday")
    earlier = [key.rpartition("/")[2] for key in reads if "/runs/monday/" in key]
    assert [name for name in earlier if name != "manifest.json"] == [
        "cocktail-space.json",
        "cocktail-space-em.json",
        "recipe-digests.json",
    ]


def test_one_recipe_is_read_by_one_range(sample: Path, tmp_path: Path) -> None:
    asked: list[tuple[str, int, int]] = []

    class Watched(LocalStorage):
        def read_range(self, key: str, start: int, length: int) -> bytes:
            asked.append((key, start, length))
            return super().read_range(key, start, length)

    documents = run(sample, tmp_path)
    storage = Watched(tmp_path)
    for row in documents["recipe-similar"]["data"]:
        assert read_recipe(storage, row["recipe_id"]) == row
    assert len(asked) == len(documents["recipe-similar"]["data"]) == 50
    whole = documents["manifest"]["documents"]["recipe-similar"]
    assert {key for key, *_ in asked} == {whole["key"]}
    assert sum(length for *_, length in asked) < whole["bytes"]


def test_the_page_is_that_of_the_published_documents(tmp_path: Path) -> None:
    path = write_database(
        tmp_path / "bar.db",
        ingredients=[(i, name, None, f"/{i}/", 0) for i, name in enumerate(HOSTILE, 1)],
        recipes=list(enumerate(HOSTILE, 1)),
        lines=[(r, r, OUNCE, 1.0) for r in range(1, len(HOSTILE) + 1)]
        + [(r, 1, OUNCE, 0.5) for r in range(2, len(HOSTILE) + 1)],
    )
    refresh(path, LocalStorage(tmp_path / "out"))
    documents = read_published(LocalStorage(tmp_path / "out"))
    manifest = documents["manifest"]
    for told_by_publishing in ("documents", "extras"):
        manifest.pop(told_by_publishing)
    page = (tmp_path / "out" / "analytics" / "v1" / "report.html").read_bytes()
    assert page == render(documents).encode()


def test_the_run_id_may_be_chosen_but_not_reused_for_other_content(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    storage = LocalStorage(tmp_path / "out")
    result = refresh(path, storage, settings=PLAIN, run_id="friday")
    assert result.run_id == result.manifest["run_id"] == "friday"
    assert json.loads((storage.folder / "analytics/v1/manifest.json").read_text()) == (
        result.manifest
    )
    with pytest.raises(AnalyticsError, match="friday"):
        refresh(path, storage, settings=RefreshSettings(page=False, neighbors=1), run_id="friday")


def test_of_two_runs_that_begin_within_a_second_the_later_stays(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    storage = LocalStorage(tmp_path / "out")
    later: list[RefreshResult] = []

    def once(_: StageEvent) -> None:
        if not later:
            later.append(refresh(path, storage, settings=PLAIN, run_id="later"))

    earlier = refresh(path, storage, settings=PLAIN, run_id="earlier", on_event=once)
    assert earlier.manifest["superseded_by"] == "later"
    assert read_manifest(storage)["run_id"] == "later"


def test_old_runs_are_removed_once_the_new_one_is_published(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    folder = tmp_path / "out"
    told: list[list[Any]] = []
    for run_id in ("monday", "tuesday", "wednesday"):
        settings = RefreshSettings(page=False, keep_runs=2)
        told.append([])
        run(path, folder, settings, run_id=run_id, on_event=told[-1].append)
    assert {p.name for p in (folder / "analytics/v1/runs").iterdir()} == {"tuesday", "wednesday"}
    details = [events[-1].detail for events in told]
    assert details == ["", "", "removed 1 older than the last 2"]


def test_a_run_that_cannot_remove_old_ones_is_published_all_the_same(tmp_path: Path) -> None:
    class Stubborn(LocalStorage):
        def delete(self, key: str) -> None:
            raise StorageError(f"cannot delete {key}: not allowed")

    path = write_database(tmp_path / "bar.db")
    folder = tmp_path / "out"
    events: list[Any] = []
    for run_id in ("monday", "tuesday", "wednesday"):
        settings = RefreshSettings(page=False, keep_runs=2)
        refresh(path, Stubborn(folder), settings=settings, run_id=run_id, on_event=events.append)
    assert read_published(LocalStorage(folder))["manifest"]["run_id"] == "wednesday"
    assert re.fullmatch(r"old runs stay for now: cannot delete .*monday.*", events[-1].detail)


def test_stable_keys_that_could_not_be_settled_are_told_by_the_stage(tmp_path: Path) -> None:
    class Stubborn(LocalStorage):
        published = False

        def write_if(self, key: str, data: bytes, version: str | None) -> bool:
            self.published = super().write_if(key, data, version)
            return self.published

        def copy(self, source: str, target: str, *, content_type: str = "") -> None:
            if self.published:
                raise StorageError(f"cannot write {target}: not allowed")
            super().copy(source, target)

    path = write_database(tmp_path / "bar.db")
    events: list[Any] = []
    result = refresh(path, Stubborn(tmp_path / "out"), settings=PLAIN, on_event=events.append)
    (told,) = {event.detail for event in events if event.stage == "publish" and event.detail}
    assert re.fullmatch(r"stable keys may be those of another .*: cannot write analytics/.*", told)
    assert read_manifest(LocalStorage(tmp_path / "out"))["run_id"] == result.run_id


def test_without_a_page_no_page_of_an_earlier_set_stays(tmp_path: Path) -> None:
    path = write_database(tmp_path / "bar.db")
    storage = LocalStorage(tmp_path / "out")
    page = storage.folder / "analytics/v1/report.html"
    for wanted in (True, False, True):
        refresh(path, storage, settings=RefreshSettings(page=wanted, neighbors=1))
        assert page.exists() == wanted


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where each snapshot lay."""
    made: list[Path] = []

    def watched(*arguments: Any, **options: Any) -> Path:
        made.append(take_snapshot(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("analytics_core.source.layouts.take_snapshot", watched)
    return made


@pytest.mark.parametrize("command", ["refresh", "plan", "validate"])
def test_the_snapshot_lies_in_the_given_folder(
    command: str, tmp_path: Path, copies: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_database(tmp_path / "bar.db")
    scratch = tmp_path / "scratch"
    places = [] if command == "validate" else ["--output", str(tmp_path / "out")]
    arguments = [command, "--db", str(path), "--scratch", str(scratch), *places]
    monkeypatch.setenv("ANALYTICS_PAGE", "0")
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0, result.output
    (copy,) = copies
    assert copy.is_relative_to(scratch)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("command", ["refresh", "plan", "validate", "convert"])
@pytest.mark.parametrize("there", ["/proc", "a file", "a file/below"])
def test_a_scratch_folder_that_cannot_be_written_is_named(
    command: str, there: str, tmp_path: Path
) -> None:
    path = write_database(tmp_path / "bar.db")
    (tmp_path / "a file").touch()
    scratch = tmp_path / there  # which an absolute path replaces
    output = ["--output", str(tmp_path / "out")]
    arguments = {
        "convert": [str(path), str(tmp_path / "converted.db")],
        "validate": ["--db", str(path)],
    }.get(command, ["--db", str(path), *output])
    result = CliRunner().invoke(cli.app, [command, *arguments, "--scratch", str(scratch)])
    assert result.exit_code == StorageError.exit_code, result.output
    assert f'"The snapshot cannot be written to {scratch}: ' in result.stderr


def test_the_snapshot_lies_in_the_given_folder_of_a_library_call(
    tmp_path: Path, copies: list[Path]
) -> None:
    path = write_database(tmp_path / "bar.db")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    refresh(path, LocalStorage(tmp_path / "out"), settings=PLAIN, scratch=scratch)
    pipeline.plan(path, LocalStorage(tmp_path / "work"), settings=PLAIN, scratch=scratch)
    assert [copy.is_relative_to(scratch) for copy in copies] == [True, True]
    assert list(scratch.iterdir()) == []


GUIDE = Path(__file__).parents[2] / "docs" / "data.md"


def test_the_guides_examples_are_documents(published: tuple[Path, dict[str, Any]]) -> None:
    text = GUIDE.read_text()
    sections = re.split(r"^### ", text, flags=re.MULTILINE)
    shown = set()
    for section in sections:
        kinds = [
            kind for kind in re.findall(r"`([a-z.-]+)`", section.split("\n")[0]) if kind in DATA
        ]
        for example in re.findall(r"```json\n(.*?)```", section, flags=re.DOTALL):
            entry = json.loads(example)
            if not kinds:
                jsonschema.validate(entry["metadata"], METADATA)
                continue
            shown.update(kinds)
            whole = {"ingredient-tree": NODE} | {
                kind: DATA[kind] for kind in ("what-changed", "recipe-similar.index")
            }
            schema = whole.get(kinds[0]) or DATA[kinds[0]]["items"]
            jsonschema.validate(entry, {**schema, "$defs": {"node": NODE}})
    assert shown == DATA.keys()


def test_the_guide_knows_every_figure_field_and_warning(
    published: tuple[Path, dict[str, Any]],
) -> None:
    text = GUIDE.read_text()
    named = set(re.findall(r"`([A-Za-z_-]+)`", text))
    manifest = published[1]["manifest"]
    assert manifest["quality"].keys() <= named
    assert manifest.keys() <= named
    assert advice().keys() <= set(re.findall(r"`([a-z0-9-]+)`", text))  # each finding has advice
