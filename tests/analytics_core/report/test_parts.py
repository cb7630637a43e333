"""The page without a browser: its columns, its families' marks, and what may stand in a script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import re
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import html5lib
import pytest

from analytics_core.errors import AnalyticsError
from analytics_core.report import page
from analytics_core.report.packing import unpack
from analytics_core.report.page import Bundle, Site, load_bundle, render, site_block
from analytics_core.report.payload import NEEDED, compact
from tests.analytics_core.report.documents import IngredientRow, LineRow, documents_from

OUNCE_ML = 29.5735
INGREDIENTS: list[IngredientRow] = [
    (1, "Gin", None, 0),
    (2, "London Dry Gin", 1, 1),
    (3, "Lime Juice", None, 0),
    (4, "Rum", None, 0),
    (5, "Mint", None, 0),
]
LINES: list[LineRow] = [
    (10, "Gimlet", 2, 2.0, "Ounce", OUNCE_ML),
    (10, "Gimlet", 3, 0.75, "Ounce", OUNCE_ML),
    (20, "Daiquiri", 4, 2.0, "Ounce", OUNCE_ML),
    (20, "Daiquiri", 3, 1.0, "Ounce", OUNCE_ML),
    (30, "Mint Leaf", 5, None, None, None),
]


@pytest.fixture
def documents() -> dict[str, Any]:
    return documents_from(INGREDIENTS, LINES)


def blocks(documents: dict[str, Any]) -> Any:
    """Both blocks as the page reads them."""
    return json.loads(json.dumps(compact(documents), default=list))


def test_lines_are_columns(documents: dict[str, Any]) -> None:
    core, _ = blocks(documents)
    names = core["ingredients"]["name"]
    lines = core["lines"]
    assert core["recipes"]["name"] == ["Gimlet", "Daiquiri", "Mint Leaf"]
    assert core["recipes"]["id"] == [10, 20, 30]
    assert core["recipes"]["start"] == [0, 2, 4, 5]
    assert [names[i] for i in unpack(lines["ingredient"])] == [
        "London Dry Gin",
        "Lime Juice",
        "Rum",
        "Lime Juice",
        "Mint",
    ]
    assert [names[i] for i in unpack(lines["rolled"])][:2] == ["Gin", "Lime Juice"]
    assert lines["amount"] == [2, 0.75, 2, 1, None]
    assert [core["units"][u] if u >= 0 else None for u in lines["unit"]] == ["Ounce"] * 4 + [None]
    assert lines["ml"] == [59.147, 22.18, 59.147, 29.573, 1]
    assert unpack(lines["fraction"]) == [7273, 2727, 6667, 3333, 10000]
    base = core["recipes"]["base"]
    assert [names[i] if i >= 0 else None for i in base] == ["Gin", "Rum", None]


def test_the_tree_lies_flat_with_parents_first(documents: dict[str, Any]) -> None:
    tree = blocks(documents)[0]["ingredients"]
    assert tree["name"] == ["Gin", "London Dry Gin", "Lime Juice", "Rum", "Mint"]
    assert tree["id"] == [1, 2, 3, 4, 5]
    assert tree["parent"] == [-1, 0, -1, -1, -1]
    assert tree["substitution"] == [0, 1, 0, 0, 0]
    assert tree["own"] == [0, 1, 2, 1, 1]
    assert tree["total"] == [1, 1, 2, 1, 1]


def test_an_ingredient_that_the_tree_lacks_joins_as_a_root(documents: dict[str, Any]) -> None:
    line = documents["recipe-details"]["data"][0]["lines"][0]
    line |= {"ingredient_id": 77, "ingredient_name": "Sloe Gin"}
    core, _ = blocks(documents)
    at = unpack(core["lines"]["ingredient"])[0]
    assert (core["ingredients"]["id"][at], core["ingredients"]["name"][at]) == (77, "Sloe Gin")
    assert core["ingredients"]["parent"][at] == -1


def test_places_keep_their_shape_and_count_downwards(documents: dict[str, Any]) -> None:
    rows = documents["cocktail-space"]["data"]
    for row, (x, y) in zip(rows, [(-2.0, 0.0), (2.0, 1.0), (0.0, -1.0)], strict=True):
        row |= {"x": x, "y": y}
    plain = blocks(documents)[0]["recipes"]["plain"]
    assert plain == {"x": [0, 10000, 5000], "y": [5000, 2500, 7500]}
    rows[2]["x"] = math.nan
    del rows[0]
    plain = blocks(documents)[0]["recipes"]["plain"]
    assert plain == {"x": [5000, 5000, 5000], "y": [5000, 5000, 5000]}


def test_the_two_maps_are_not_mixed_up(documents: dict[str, Any]) -> None:
    documents["cocktail-space-em"] = {
        "data": [
            {**row, "x": float(at), "y": 0.0}
            for at, row in enumerate(documents["cocktail-space"]["data"])
        ]
    }
    recipes = blocks(documents)[0]["recipes"]
    assert recipes["learned"]["x"] == [0, 5000, 10000]
    assert recipes["plain"] != recipes["learned"]


def test_neighbors_and_plans_are_columns(documents: dict[str, Any]) -> None:
    core, near = blocks(documents)
    names = core["ingredients"]["name"]
    rows = documents["recipe-similar"]["data"]
    at = {10: 0, 20: 1, 30: 2}
    flat = [n for row in rows for n in row["neighbors"]]
    rolled, start = unpack(core["lines"]["rolled"]), core["recipes"]["start"]
    inside = [list(dict.fromkeys(rolled[a:b])) for a, b in pairwise(start)]
    assert unpack(near["count"]) == [2, 2, 2]
    assert unpack(near["to"]) == [at[n["neighbor_recipe_id"]] for n in flat]
    assert unpack(near["distance"]) == [round(n["distance"] * 10000) for n in flat]
    flows = zip(*(unpack(near[column]) for column in ("source", "target", "mass")), strict=True)
    for number, (n, count) in enumerate(zip(flat, unpack(near["flows"]), strict=True)):
        here, there = inside[number // 2], inside[at[n["neighbor_recipe_id"]]]
        assert [
            (names[here[source]], names[there[target]], mass)
            for source, target, mass in islice(flows, count)
        ] == [
            (f["from_ingredient_name"], f["to_ingredient_name"], round(f["mass"] * 1000))
            for f in n["transport_plan"]
        ]
    assert next(flows, None) is None


def test_a_flow_to_what_neither_drink_has_is_kept(documents: dict[str, Any]) -> None:
    (flow, *_) = documents["recipe-similar"]["data"][0]["neighbors"][0]["transport_plan"]
    flow |= {"to_ingredient_id": 5, "to_ingredient_name": "Mint"}
    core, near = compact(documents)
    other = unpack(near["to"])[0]
    rolled, start = unpack(core["lines"]["rolled"]), core["recipes"]["start"]
    inside = len(set(rolled[start[other] : start[other + 1]]))
    assert core["ingredients"]["name"][unpack(near["target"])[0] - inside] == "Mint"


def test_what_cannot_be_shown_is_left_out(documents: dict[str, Any]) -> None:
    first = documents["recipe-similar"]["data"][0]["neighbors"]
    first[0]["neighbor_recipe_id"] = 999
    flows = len(first[1]["transport_plan"])
    first[1]["transport_plan"].append({**first[1]["transport_plan"][0], "mass": 1e-6})
    _, near = blocks(documents)
    assert unpack(near["count"])[0] == 1
    assert unpack(near["flows"])[0] == flows


def test_ten_substitutes_are_shown_in_their_order(documents: dict[str, Any]) -> None:
    documents["ingredient-substitutes"] = {
        "data": [
            {
                "ingredient_id": 3,
                "ingredient_name": "Lime Juice",
                "substitutes": [
                    {
                        "ingredient_id": 100 + n,
                        "ingredient_name": f"Juice {n}",
                        "cost": 0.1 * n,
                        "recipes": 20 - n,
                    }
                    for n in range(12)
                ],
            }
        ]
    }
    core, _ = blocks(documents)
    shown, names = core["substitutes"], core["ingredients"]["name"]
    assert [names[i] for i in shown["of"]] == ["Lime Juice"]
    assert shown["start"] == [0, 10]
    assert [names[i] for i in shown["to"]] == [f"Juice {n}" for n in range(10)]
    assert shown["cost"] == [100 * n for n in range(10)]
    assert shown["recipes"] == [20 - n for n in range(10)]


def test_complexity_and_manifest_come_along(documents: dict[str, Any]) -> None:
    documents["manifest"]["secret"] = "not for the page"
    core, _ = blocks(documents)
    assert core["complexity"] == [[1, 1], [2, 2]]
    assert core["manifest"]["run_id"] == documents["manifest"]["run_id"]
    assert "secret" not in core["manifest"]


@pytest.mark.parametrize("absent", NEEDED)
def test_a_document_that_is_missing_is_named(documents: dict[str, Any], absent: str) -> None:
    del documents[absent]
    with pytest.raises(AnalyticsError, match=rf"needs the documents {absent}, which"):
        blocks(documents)


def test_families_are_marked_by_what_is_more_often_there_than_elsewhere() -> None:
    """Sugar is in every drink and marks nobody; of the rest three at most, most telling first."""
    ingredients: list[IngredientRow] = [
        (i, name, None, 0)
        for i, name in enumerate(
            ["Sugar", "Gin", "Vermouth", "Olive", "Rum", "Lime", "Mint", "Soda"], start=1
        )
    ]
    rows: list[LineRow] = []
    for recipe in range(1, 9):
        own = [1, 2, 3, 4] if recipe <= 5 else [1, 5, 6, 7, 8]
        dropped = {1: {4}, 2: {4, 3}, 6: {8}, 7: {8, 7}}.get(recipe, set())
        rows += [
            (recipe, f"Drink {recipe}", i, 1.0, "Ounce", OUNCE_ML) for i in own if i not in dropped
        ]
    documents = documents_from(ingredients, rows)
    for row in documents["recipe-similar"]["data"]:  # so that families are sure
        kin = range(1, 6) if row["recipe_id"] <= 5 else range(6, 9)
        row["neighbors"] = [n for n in row["neighbors"] if n["neighbor_recipe_id"] in kin]
    core, _ = blocks(documents)
    names = core["ingredients"]["name"]
    assert core["recipes"]["family"] == [0] * 5 + [1] * 3
    marks = [[names[i] for i in marks] for _, *marks in core["families"]]
    assert marks[0] == ["Gin", "Vermouth"]
    assert marks[1] == ["Rum", "Lime"]
    for family, (example, *of) in enumerate(core["families"]):
        assert core["recipes"]["family"][example] == family
        lines = documents["recipe-details"]["data"][example]["lines"]
        # never named by what the drink that stands for it lacks
        assert {names[i] for i in of} <= {line["rolled_name"] for line in lines}


# --- what may stand in a script --------------------------------------------------------------

BUNDLE = {"early.js": "early()", "app.js": "app('<b>')", "app.css": "body{}"}


def bundle_in(folder: Path, **changes: str) -> Path:
    for name, text in BUNDLE.items():
        (folder / name).write_text(changes.get(name.replace(".", "_"), text))
    return folder


def test_a_bundle_is_read(tmp_path: Path) -> None:
    assert load_bundle(bundle_in(tmp_path)) == Bundle("early()", "app('<b>')", "body{}")


@pytest.mark.parametrize("text", ["x='</script>'", "x='</SCRIPT >'", "x='<!-- '"])
@pytest.mark.parametrize("name", ["early.js", "app.js"])
def test_a_script_that_would_end_its_element_is_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    bundle_in(tmp_path, **{name.replace(".", "_"): text})
    with pytest.raises(AnalyticsError, match=rf"^{name} in .* ends a script element"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", BUNDLE)
def test_a_bundle_that_is_not_built_is_told(tmp_path: Path, name: str) -> None:
    (bundle_in(tmp_path) / name).unlink()
    with pytest.raises(AnalyticsError, match=rf"not built \({name} is missing"):
        load_bundle(tmp_path)


def test_program_and_style_stay_small() -> None:
    bundle = load_bundle()
    assert sum(len(part.encode()) for part in (bundle.early, bundle.app, bundle.style)) < 260_000


def test_previews_of_links_have_title_words_and_a_picture_if_there_is_one() -> None:
    documents = documents_from([(1, "Gin", None, 0)], [(7, "Only", 1, 2.0, "Ounce", 29.5735)])
    address = "https://example.com/a&b/preview.png"

    def said(site: Site) -> dict[str, str]:
        root = html5lib.parse(render(documents, site), namespaceHTMLElements=False)
        metas = root.iterfind(".//meta")
        return {m.get("property") or m.get("name") or "": m.get("content") or "" for m in metas}

    with_picture = said(Site('Bar & "Grill"', picture=address))
    assert with_picture["og:title"] == 'Bar & "Grill"'
    assert with_picture["og:description"].startswith("1 recipe on one map: ")
    assert with_picture["og:image"] == address
    assert with_picture["twitter:card"] == "summary_large_image"
    without = said(Site())
    assert "og:image" not in without
    assert without["twitter:card"] == "summary"
    for wrong in ("/preview.png", "preview.png", "https://a b"):
        with pytest.raises(AnalyticsError, match="address of the picture"):
            site_block(Site(picture=wrong))


def test_a_site_is_checked_before_it_is_written(tmp_path: Path) -> None:
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG")
    block = site_block(Site("Bar", "/drinks/{id}", logo))
    assert block == {
        "title": "Bar",
        "recipe_url": "/drinks/{id}",
        "logo": "data:image/png;base64,iVBORw==",
    }
    assert site_block(Site()) == {}
    for suffix, kind in [("svg", "svg+xml"), ("JPG", "jpeg"), ("jpeg", "jpeg"), ("webp", "webp")]:
        named = logo.with_suffix(f".{suffix}")
        named.write_bytes(b"\x89PNG")
        assert site_block(Site(logo=named))["logo"] == f"data:image/{kind};base64,iVBORw=="
    large, text = tmp_path / "large.svg", tmp_path / "logo.txt"
    large.write_bytes(b" " * 200_001)
    text.write_text("no picture")
    for site, problem in [
        (Site(recipe_url="https://example.com/drinks"), r"with \{id\} in it"),
        (Site(recipe_url="javascript:alert({id})"), "one of the web"),
        (Site(logo=text), r"logo\.txt should be a picture"),
        (Site(logo=large), "200,001 bytes, and at most 200,000"),
        (Site(logo=tmp_path / "none.png"), r"none\.png cannot be read: No such file"),
    ]:
        with pytest.raises(AnalyticsError, match=problem):
            site_block(site)


HOSTILE = "</script><script>alert(1)</script><!-- &amp; \ud800 \u2028 Piña"


def test_data_cannot_end_its_element_and_comes_back(
    documents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "load_bundle", lambda: Bundle("early()", "app('{}')", "body{}"))
    documents["recipe-details"]["data"][0]["recipe_name"] = HOSTILE
    text = render(documents)
    text.encode()
    assert text.count("<script") == text.count("</script") == 5
    elements = re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', text)
    assert [name for name, _ in elements] == ["site", "core", "neighbors"]
    for _, block in elements:
        assert not set("<>&") & set(block)
    site, core, near = (json.loads(block) for _, block in elements)
    assert site == {}
    assert core["recipes"]["name"][0] == HOSTILE.replace("\ud800", "?")
    assert near == blocks(documents)[1]


def test_the_policy_names_the_scripts_and_the_style_and_nothing_else(
    documents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "load_bundle", lambda: Bundle("early()", "app()", "body{}"))
    text = render(documents)
    found = re.search(r'Content-Security-Policy" content="(.*?)"', text)
    assert found is not None
    policy = dict(part.split(" ", 1) for part in html.unescape(found[1]).split("; "))

    def digest(body: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"

    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [digest("early()"), digest("app()")]
    assert policy["style-src"] == digest("body{}")
    assert re.findall(r"<script>(.*?)</script>", text) == ["early()", "app()"]
    assert "<style>body{}</style>" in text


def test_a_number_that_is_none_is_an_error_and_no_page(
    documents: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "load_bundle", lambda: Bundle("", "", ""))
    documents["manifest"]["quality"] = {"max_occurrence": math.inf}
    with pytest.raises(ValueError, match="JSON compliant"):
        render(documents)
