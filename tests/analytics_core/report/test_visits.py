# ruff: noqa: E501 - lines of JavaScript inside strings
"""What visitors, bartenders and phones met with on the page, each asserted in a real browser."""

from __future__ import annotations

import copy
import csv
import functools
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from analytics_core.report import Site, render
from tests.analytics_core.report.conftest import (
    DESKTOP,
    PHONE,
    TABLET,
    Opener,
    axe_problems,
    reload,
    wait_until,
)
from tests.analytics_core.report.documents import documents_from

LYING: ViewportSize = {"width": 844, "height": 390}
CLASSICS = [
    *("Negroni", "Daiquiri", "Manhattan", "Margarita", "Dry Martini", "Old Fashioned", "Mojito"),
    *("Whiskey Sour", "Sidecar", "Aviation", "Moscow Mule", "White Russian"),
]
OWN = "names => atlas.bar.addAll(names.map(n => atlas.data.ingredients.name.indexOf(n)))"
# where a drink stands, and what of the map nothing lies over
SEEN = """
recipe => {
  const { map } = atlas;
  const box = map.canvas.getBoundingClientRect();
  const [x, y] = map.locate(recipe);
  const top = document.elementFromPoint(box.left + x, box.top + y);
  return { x, y, width: box.width, height: box.height, free: top === map.canvas };
}
"""


def go(page: Page, route: str) -> None:
    """Follow a link, and wait until the map has taken its place beside the panel."""
    page.evaluate(
        "async route => { location.hash = route;"
        " for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame); }",
        route,
    )


def indices(page: Page, names: list[str]) -> list[int]:
    found: list[int] = page.evaluate("n => n.map(x => atlas.data.recipes.name.indexOf(x))", names)
    assert -1 not in found
    return found


@pytest.mark.parametrize("size", [PHONE, LYING, TABLET], ids=["phone", "lying", "tablet"])
def test_a_chosen_drink_stays_in_view(
    open_page: Opener, sample_page: Path, size: ViewportSize
) -> None:
    page = open_page(sample_page, size=size, has_touch=True)
    for recipe, name in zip(indices(page, CLASSICS), CLASSICS, strict=True):
        go(page, "#/")  # the panel is small again, and grows with the drink
        go(page, f"#/drink/{page.evaluate('i => atlas.data.recipes.id[i]', recipe)}")
        seen = page.evaluate(SEEN, recipe)
        assert seen["free"], (name, seen)
    # a screen that is turned shows it still
    page.set_viewport_size({"width": size["height"], "height": size["width"]})
    wait_until(page, f"(({SEEN})({recipe})).free")


UNDER = """
recipe => {
  const { data, map } = atlas;
  const [x, y] = map.locate(recipe);
  const near = (i) => Math.hypot(map.locate(i)[0] - x, map.locate(i)[1] - y) < 1;
  return [...data.recipes.id.keys()].filter(near);
}
"""
# where the map stands, once nothing moves it any more
STANDS = "JSON.stringify([atlas.map.camera.transform, atlas.map.canvas.getBoundingClientRect()])"


def settled(page: Page) -> None:
    """Wait until two frames show the map in one place: a finger taps what it sees."""
    before = ""
    while before != (now := page.evaluate(STANDS)):
        before = now
        page.evaluate("new Promise(requestAnimationFrame).then(() => {})")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_all_twelve_classics_are_in_view_after_a_finger_tapped_them(
    open_page: Opener, sample_page: Path, motion: str
) -> None:
    page = open_page(sample_page, size=PHONE, has_touch=True, reduced_motion=motion)
    for recipe, name in zip(indices(page, CLASSICS), CLASSICS, strict=True):
        go(page, "#/")
        wait_until(page, "atlas.map.zoomed === 1")
        settled(page)
        seen = page.evaluate(SEEN, recipe)
        assert seen["free"], (name, seen)
        box = page.locator("#map").bounding_box()
        assert box
        under = page.evaluate(UNDER, recipe)  # some lie in one place, as no eye could tell
        page.touchscreen.tap(box["x"] + seen["x"], box["y"] + seen["y"])
        wait_until(page, "location.hash.startsWith('#/drink/')")
        tapped = page.evaluate("atlas.data.recipeAt(Number(location.hash.split('/')[2]))")
        assert tapped in under, name
        settled(page)
        # it is in view, and so are the drinks that it is compared with
        near = page.evaluate("i => atlas.data.neighbors(i).map(n => n.recipe)", tapped)
        for each in (tapped, *near):
            wait_until(page, f"(({SEEN})({each})).free")


@pytest.mark.parametrize(
    "size", [PHONE, LYING, TABLET, DESKTOP], ids=["phone", "lying", "tablet", "desktop"]
)
def test_no_control_covers_a_point(
    open_page: Opener, sample_page: Path, size: ViewportSize
) -> None:
    page = open_page(sample_page, size=size)
    for kind in ("By kinship", "By measure"):
        page.get_by_text(kind, exact=True).click()
        wait_until(page, f"[...atlas.data.recipes.id.keys()].every(i => ({SEEN})(i).free)")


def test_home_shows_all_again_and_back_finds_what_was_left(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page)
    page.locator(".legend button").first.click()
    page.mouse.move(400, 400)
    page.mouse.wheel(0, -600)
    wait_until(page, "atlas.map.zoomed > 1.5")
    zoomed = page.evaluate("atlas.map.zoomed")
    go(page, "#/bar")
    page.fill("#page input[type=search]", "rum")
    go(page, "#/")
    assert page.evaluate("atlas.map.zoomed") == 1
    expect(page.locator(".legend button[aria-pressed=true]")).to_have_count(0)
    page.go_back()
    expect(page.get_by_label("Filter ingredients")).to_have_value("rum")
    page.go_back()
    wait_until(page, "z => Math.abs(atlas.map.zoomed - z) < 1e-6", arg=zoomed)
    go(page, "#/search/lime")
    page.get_by_role("button", name="more drinks").click()
    page.locator("#panel").evaluate("e => { e.scrollTop = 3000; }")
    go(page, "#/drink/1")
    assert page.locator("#panel").evaluate("e => e.scrollTop") == 0
    page.go_back()
    wait_until(page, "document.getElementById('panel').scrollTop === 3000")


def test_three_actions_answer_what_to_make_and_which_two_bottles(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, "#/bar", size=PHONE, has_touch=True)
    for name in ("London Dry Gin", "Lime Juice", "Sugar", "Campari"):
        page.fill("#page input[type=search]", name)
        page.locator(".own").filter(has=page.get_by_text(name, exact=True)).locator("input").check()
    # one: the bar that stays says how many there are, and leads to them
    now = page.locator(".tally button").first
    expect(now).to_have_text("1 now")
    now.click()
    makeable = page.locator("#makeable")
    expect(makeable).to_be_in_viewport()
    expect(makeable).to_contain_text("Fresh Gimlet")
    expect(makeable).to_contain_text("make Simple Syrup from Sugar")
    # two: which two bottles; three: what they open. Found by the worker
    two = page.locator("#next dt", has_text="Two bottles").locator("+ dd")
    expect(two).to_contain_text("Sweet Vermouth and Dry Vermouth")
    two.locator("summary").click()
    expect(two.locator("a.drink").first).to_be_visible()
    opened = two.locator("a.drink").all_inner_texts()
    assert {"Negroni", "Cardinale", "Dry Martini", "Milano-Torino"} <= set(opened)
    assert f"open {len(opened)} more drinks" in two.inner_text()
    assert len(page.workers) == 1
    page.locator("#page").evaluate("e => { e.scrollTop = 3000; }")
    expect(now).to_be_in_viewport()


def test_what_a_tick_says_it_opens_it_opens(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page, "#/bar")
    page.evaluate(OWN, ["London Dry Gin", "Campari", "Lime Juice"])
    reload(page)
    page.fill("#page input[type=search]", "sweet vermouth")
    row = page.locator(".own").filter(has=page.get_by_text("Sweet Vermouth", exact=True))
    said = int(row.locator(".count").inner_text().removeprefix("+"))
    before = int(page.locator(".tally strong").first.inner_text())
    row.locator("input").check()
    assert int(page.locator(".tally strong").first.inner_text()) == before + said
    page.fill("#page input[type=search]", "gin")
    expect(page.locator(".own").first).to_contain_text("Gin")
    page.locator(".own").first.locator("input").check()  # a general kind offers its kinds
    expect(page.locator(".kinds").first).to_contain_text("Old Tom Gin")


def test_from_my_bar_is_never_empty_while_something_can_be_made(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page)
    page.evaluate(OWN, ["Light Rum", "Lime Juice", "Caster Sugar"])
    for name in ("Negroni", "White Russian", "Dry Martini"):
        (recipe,) = indices(page, [name])
        go(page, f"#/drink/{page.evaluate('i => atlas.data.recipes.id[i]', recipe)}")
        page.get_by_label("from my bar").check()
        first = page.locator(".neighbors > li").first
        expect(first).to_contain_text("✓")
        expect(page.locator(".neighbors")).to_contain_text("Daiquiri")
        expect(page.locator(".neighbors")).to_contain_text("by way of")
    page.get_by_role("link", name="the way there").first.click()
    expect(page.locator("#panel .swaps").first).to_be_visible()
    assert page.evaluate("document.title").startswith("A way · Dry Martini · ")


SEARCHES: list[tuple[str, str]] = [
    ("Pina Colada", "Piña Colada"),
    ("PIÑA\u00a0COLADA", "Piña Colada"),
    ("ti punch", "Ti' Punch"),
    ("Ti’ Punch", "Ti' Punch"),
    ("“negroni”", "Negroni"),
    ("negorni", "Negroni"),
    ("boulevardeir", "Boulevardier"),
    ("margar", "Margarita"),
    ("corpse reviver 2", "Corpse Reviver #2"),
    ("campari, sweet vermouth, bourbon", "Boulevardier"),
    ("bourbon campari sweet vermouth", "Boulevardier"),
    ("bourbon and campari", "Boulevardier"),
]


def test_search_takes_what_people_type(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    first = "q => atlas.data.recipes.name[atlas.data.search(q)[0]]"
    for query, name in SEARCHES:
        assert page.evaluate(first, query) == name, query
    assert page.evaluate("atlas.data.search(' , ')") == []
    assert page.evaluate("atlas.data.search('zzzzqqq')") == []
    # whoever types gin means gin: no ginger before the last drink with gin
    ranks = page.evaluate(
        """() => atlas.data.search("gin").map(i => [atlas.data.name(i), atlas.data.lines(i)
          .some(l => atlas.data.lineage(l.ingredient).some(a => /\\bgin\\b/i.test(atlas.data.ingredient(a))))])"""
    )
    meant = [has or "gin" in re.split(r"\W", name.lower()) for name, has in ranks]
    assert meant == sorted(meant, reverse=True)
    assert meant.count(True) > 80
    # among other things too: a Rum Buck has ginger beer and lime
    both = page.evaluate("atlas.data.search('gin, lime').map(i => atlas.data.name(i))")
    assert {"Gimlet", "Last Word", "Gin Rickey"} <= set(both)
    assert not {"Rum Buck", "Moscow Mule", "Chilcano"} & set(both)
    assert page.evaluate("atlas.data.search('ginge').length") > 10
    kinds = "q => atlas.data.searchIngredients(q, 3).map(i => atlas.data.ingredient(i))"
    assert page.evaluate(kinds, "gin")[0] == "Gin"
    assert page.evaluate(kinds, "creme de cacao")[0] == "Crème de Cacao"
    page.fill("#search", "gin")
    expect(page.locator("#found li").first).to_contain_text("ingredient")
    page.fill("#search", "  NEGRONI ")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h1")).to_have_text("Negroni")


def test_search_forgives_another_spelling_and_knows_or(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page)

    def found(query: str) -> list[str]:
        names: list[str] = page.evaluate(
            "q => atlas.data.search(q).map(i => atlas.data.name(i))", query
        )
        return names

    assert found("whisky sour")[0] == "Whiskey Sour"
    assert "Scotch Sour" in found("whisky sour")  # which has Scotch whisky, and is a sour
    assert "Manhattan" in found("whisky")
    for query, name in (
        ("maitai", "Mai Tai"),
        ("darknstormy", "Dark 'n' Stormy"),
        ("oldfash", "Old Fashioned"),
    ):
        assert found(query)[0] == name
    # another word is no other spelling
    cherry = page.evaluate(
        """() => atlas.data.search("cherry").filter(i => !/cherry/i.test(
          [atlas.data.name(i), ...atlas.data.contents(i).flatMap(c => atlas.data.lineage(c)
            .map(a => atlas.data.ingredient(a)))].join())).map(i => atlas.data.name(i))"""
    )
    assert cherry == []
    gin, rum = set(found("gin")), set(found("rum"))
    assert len(gin) + len(rum) > 150
    assert set(found("gin or rum")) == gin | rum
    assert set(found("gin or rum, lime")) == (gin | rum) & set(found("lime"))
    assert set(found("gin or rum and lime")) == (gin | rum) & set(found("lime"))
    assert set(found("or gin or")) == gin
    for query, heading in (
        ("campari", "Campari"),
        ("Creme de Cacao", "Crème de Cacao"),
        ("maitai", "Mai Tai"),
    ):
        page.fill("#search", query)
        page.keyboard.press("Enter")
        expect(page.locator("#panel:not([hidden]) h1, #page:not([hidden]) h1")).to_have_text(
            heading
        )


def test_letters_that_have_no_accent_are_found(open_page: Opener, tmp_path: Path) -> None:
    names = ["Rødgrød Sour", "Cœur Volant", "Weißer Riese", "L’Été\u00a0Fizz"]
    path = tmp_path / "page.html"
    rows = [(i, name, 1, 1.0, "Ounce", 29.5735) for i, name in enumerate(names, start=1)]
    path.write_text(render(documents_from([(1, "Gin", None, 0)], rows)), encoding="utf-8")
    page = open_page(path)
    for query, name in zip(["rodgrod", "coeur", "weisser", "lete fizz"], names, strict=True):
        assert page.evaluate("q => atlas.data.recipes.name[atlas.data.search(q)[0]]", query) == name


def test_treemap_areas_are_recipes_and_leave_none_out(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page, "#/ingredients")
    # Scotch is a kind with kinds of its own, and most recipes name just it
    scotch = page.evaluate(
        "atlas.data.ingredients.id[atlas.data.ingredients.name.indexOf('Triple Sec')]"
    )
    go(page, f"#/ingredients/{scotch}")
    cells = page.locator(".cell.depth-1").evaluate_all(
        """all => all.map(c => { const r = c.querySelector('rect');
          return [c.getAttribute('aria-label'), r.getAttribute('width') * r.getAttribute('height')]; })"""
    )
    counts = {label.split(", ")[0]: int(label.split(", ")[1].split()[0]) for label, _ in cells}
    assert counts["Triple Sec itself"] > 0
    areas = {label.split(", ")[0]: area for label, area in cells}
    share = counts["Triple Sec itself"] / sum(counts.values())
    assert areas["Triple Sec itself"] / sum(areas.values()) == pytest.approx(share, abs=0.05)


def test_compare_remembers_refuses_and_has_names_in_its_title(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, "#/compare")
    second = page.get_by_role("combobox", name="To")
    second.fill("Boulevardier")
    second.press("Enter")
    expect(page.get_by_role("combobox", name="To")).to_have_value(
        "Boulevardier"
    )  # kept without a first
    first = page.get_by_role("combobox", name="From")
    first.fill("zzzzqqq")
    first.press("Enter")
    expect(page.locator(".problem").first).to_have_text("No drink by that name")
    first.fill("Negroni")
    first.press("Enter")
    expect(page).to_have_title("Negroni and Boulevardier compared · Cocktail Atlas")
    go(page, "#/compare/1/424242")
    expect(page.get_by_role("alert")).to_contain_text("no drink with the id 424242")
    go(page, "#/ingredients/424242")
    expect(page.locator("#page h1")).to_have_text("No such ingredient")
    go(page, "#/path/1/424242")
    expect(page.get_by_role("alert")).to_contain_text("no drink with the id 424242")
    go(page, "#/drink/424242")
    expect(page.locator("#panel")).to_contain_text("none has the id 424242")


def test_the_way_from_the_map_to_the_panel_is_short(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    page.locator("#map").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_focused()


def test_a_tick_keeps_the_focus_also_where_a_hidden_view_has_the_same(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, "#/drink/1")
    campari = page.evaluate(
        "atlas.data.ingredients.id[atlas.data.ingredients.name.indexOf('Campari')]"
    )
    expect(page.locator(f"#panel [data-own='{campari}']")).to_have_count(1)
    go(page, f"#/ingredients/{campari}")
    tick = page.locator(f"#page [data-own='{campari}']")
    tick.focus()
    page.keyboard.press("Space")
    expect(tick).to_be_checked()
    expect(tick).to_be_focused()


def test_at_200_percent_the_map_is_usable(open_page: Opener, sample_page: Path) -> None:
    """A window of 1280 by 800 has half of that in CSS pixels when the reader zooms to 200%."""
    page = open_page(sample_page, size={"width": 640, "height": 400})
    for route in ("#/", "#/drink/1", "#/path/1/20"):
        go(page, route)
        box = page.locator("#map").bounding_box()
        assert box
        assert box["width"] >= 280
        assert box["height"] >= 120
        assert axe_problems(page) == []
    seen = page.evaluate(SEEN, indices(page, ["Negroni"])[0])
    assert seen["free"]


SPILLED = """
() => {
  const root = document.querySelector("#panel:not([hidden]), #page:not([hidden])");
  const edge = root.getBoundingClientRect().right + 1;
  return [...root.querySelectorAll("*")]
    .filter(e => !e.closest(".scroll, svg, .unseen") && e.getBoundingClientRect().right > edge)
    .map(e => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`);
}
"""


def test_nothing_spills_over_the_edge_of_a_small_phone(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, size={"width": 320, "height": 568})
    page.evaluate(OWN, ["London Dry Gin", "Lime Juice", "Sugar", "Campari", "Light Rum"])
    citrus = page.evaluate(
        "atlas.data.ingredients.id[atlas.data.ingredients.name.indexOf('Lime Juice')]"
    )
    routes = ["#/", "#/drink/1", "#/search/lime, rum", "#/bar", "#/menu", "#/compare/1/2"]
    routes += ["#/path/1/13", "#/region/0", "#/about", "#/desk", f"#/ingredients/{citrus}"]
    for route in routes:
        go(page, route)
        assert page.evaluate(SPILLED) == [], route


def test_paper_gets_what_is_read_and_no_controls(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    page.evaluate(OWN, ["London Dry Gin", "Campari", "Sweet Vermouth"])
    go(page, "#/menu")
    page.emulate_media(media="print")
    expect(page.locator("#bar")).to_be_hidden()
    expect(page.locator(".cards > li", has_text="Negroni").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).overflow") == "visible"
    go(page, "#/drink/1")
    expect(page.locator("#stage")).to_be_hidden()
    expect(page.locator("#panel h1")).to_be_visible()


def test_the_desk_shows_changes_findings_and_twins(
    open_page: Opener, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    documents = copy.deepcopy(sample_documents)
    one, two = documents["recipe-details"]["data"][:2]
    names = [{"recipe_id": r["recipe_id"], "recipe_name": r["recipe_name"]} for r in (one, two)]
    documents["what-changed"] = {
        "data": {
            "since": {"run_id": "x", "generated_at": "2026-11-20T00:00:00+00:00"},
            "why_not": "",
            "words": "1 new recipe (Negroni); 1 recipe gone (Old One)",
            "method": ["settings"],
            "counts": {"new": 1, "gone": 1, "changed": 0, "unchanged": 5, "nearest": 1},
            "new": names[:1],
            "gone": [{"recipe_id": 99999, "recipe_name": "Old One"}],
            "changed": [],
            "nearest": [{**names[1], "before": names[0], "now": None}],
            "maps": {},
        }
    }
    documents["manifest"]["warnings"] = [
        {
            "code": "bad-amount",
            "count": 1,
            "message": "An amount is no number",
            "advice": "Write a number from 0 upwards.",
            "examples": ["recipe 2", "Negroni (id 1) and Campari (id 163)", "Negroni (id 2)"],
        }
    ]
    documents["manifest"]["suggestions"] = [
        {
            "code": "same-mix",
            "count": 2,
            "message": "2 recipes are one mix",
            "advice": "Delete one.",
            "examples": [],
        }
    ]
    rows = documents["recipe-similar"]["data"]
    near = rows[0]["neighbors"][0]
    near |= {"distance": 0.0, "transport_plan": []}
    path = tmp_path / "page.html"
    path.write_text(render(documents), encoding="utf-8")
    page = open_page(path, "#/desk")
    desk = page.locator("#page")
    expect(desk).to_contain_text("1 new recipe (Negroni); 1 recipe gone (Old One).")
    expect(desk).to_contain_text("Compared with the run of 20 November 2026.")
    links = desk.locator("#warnings a").evaluate_all(
        "all => all.map(a => [a.textContent, a.getAttribute('href')])"
    )
    # the last is no recipe's name and id
    assert links == [
        ["recipe 2", "#/drink/2"],
        ["Negroni", "#/drink/1"],
        ["Campari", "#/ingredients/163"],
    ]
    expect(desk.locator("#warnings")).to_contain_text("; Negroni (id 1) and Campari (id 163); ")
    expect(desk.locator("#warnings")).to_contain_text("Write a number from 0 upwards.")
    expect(desk.locator("#warnings")).to_contain_text("1 question to look into")
    expect(desk.locator("#warnings")).to_contain_text("To mend: Delete one.")
    twins = desk.locator("#twins li").first.locator("a.drink")
    expect(twins).to_have_text([rows[0]["recipe_name"], near["neighbor_name"]])
    twins.first.click()
    expect(page.locator("#panel .facts").nth(1)).to_contain_text(
        f"The same mix as {near['neighbor_name']}"
    )
    # one point for both: what stands for it is found where either stands
    first, other = indices(page, [rows[0]["recipe_name"], near["neighbor_name"]])
    page.evaluate("i => atlas.map.show([i])", other)
    head = page.evaluate("i => atlas.data.heads[i]", other)
    assert head == page.evaluate("i => atlas.data.heads[i]", first)
    under = "i => atlas.map.find(...atlas.map.locate(i), 3)"
    assert page.evaluate(under, other) == head
    # who searches for the other by name gets the other
    page.evaluate("i => atlas.map.setHighlight([i])", other)
    assert page.evaluate(under, other) == other


def test_what_hardly_differs_shares_a_point_that_says_so(
    open_page: Opener, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    documents = copy.deepcopy(sample_documents)
    row = documents["recipe-similar"]["data"][0]
    for near, apart in zip(row["neighbors"], (0.01, 0.03, 0.05), strict=False):
        near["distance"] = apart
    path = tmp_path / "page.html"
    path.write_text(render(documents), encoding="utf-8")
    page = open_page(path)
    names = [near["neighbor_name"] for near in row["neighbors"][:3]]
    held, *near = indices(page, [row["recipe_name"], *names])
    bundle = page.evaluate("i => atlas.data.bundle(i)", held)
    assert set(near[:2]) <= set(bundle)
    assert near[2] not in bundle
    x, y = page.evaluate("i => atlas.map.locate(i)", bundle[0])
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator("#card")).to_contain_text("here too: ")
    go(page, "#/desk")
    pairs = page.evaluate("atlas.data.nearTwins.length")
    expect(page.locator("#near-twins")).to_contain_text(f"{pairs} pairs that hardly differ")
    expect(page.locator("#near-twins")).to_contain_text("On the map they share a point")


def test_what_few_collections_know_is_shown_where_it_is_known(
    open_page: Opener, sample_page: Path, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    assert "strength" not in open_page(sample_page).locator("#scheme").inner_html()
    documents = copy.deepcopy(sample_documents)
    for row in documents["recipe-details"]["data"]:
        row["abv"] = None
    strengths = [24.4, 0.0, 9.0, 31.0]
    first, second = documents["recipe-details"]["data"][:2]
    first["optional"] = [{**second["lines"][0], "amount": 0.25, "unit": "Ounce", "fraction": 0.0}]
    first["method"], first["dilution"] = "Stir", 25.0
    first["variant_of"] = {key: second[key] for key in ("recipe_id", "recipe_name")}
    for row, strength in zip(documents["recipe-details"]["data"], strengths, strict=False):
        row["abv"] = strength
    path = tmp_path / "page.html"
    path.write_text(render(documents), encoding="utf-8")
    page = open_page(path, "#/drink/1")
    facts = page.locator("#panel .facts")
    expect(facts.first).to_contain_text("Stir · 24% alcohol before ice, about 20% in the glass")
    expect(facts.nth(1)).to_have_text(f"A variant of {second['recipe_name']}")
    extra = second["lines"][0]
    expect(facts.nth(2)).to_have_text(f"If you like: ¼ oz {extra['ingredient_name']}")
    link = facts.nth(2).get_by_role("link")
    expect(link).to_have_attribute("href", f"#/ingredients/{extra['ingredient_id']}")
    page.select_option("#scheme", "strength")
    rest = page.evaluate("atlas.data.count") - len(strengths)
    counts = page.locator(".legend .count").all_inner_texts()
    assert [int(count) for count in counts] == [1, 1, 0, 0, 1, 1, rest]
    page.select_option("#scheme", "served")
    counts = page.locator(".legend .count").all_inner_texts()
    assert [int(count) for count in counts] == [0, 0, 0, 1, 0, 0, rest + len(strengths) - 1]


def test_what_the_owner_declares_and_makes_is_shown(
    open_page: Opener, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    documents = copy.deepcopy(sample_documents)
    documents["manifest"]["database"] |= {"layout": "bar-assistant", "bar": "Home <Bar> (id 1)"}
    found: dict[str, dict[str, Any]] = {}
    pending = list(documents["ingredient-tree"]["data"]["children"])
    while pending:
        node = pending.pop()
        found[node["name"]] = node
        pending += node["children"]
    sloe, gin, syrup = found["Sloe Gin"], found["London Dry Gin"], found["Simple Syrup"]
    sloe["made_of"] = [{"id": gin["id"], "name": gin["name"]}, {"id": "1234567", "name": "Gone"}]
    (row,) = (
        row
        for row in documents["ingredient-substitutes"]["data"]
        if row["ingredient_name"] == "Campari"
    )
    said = {"cost": 0.95, "recipes": 0, "declared": "substitute"}
    row["substitutes"] = [
        {"ingredient_id": int(syrup["id"]), "ingredient_name": syrup["name"], **said},
        {"ingredient_id": int(gin["id"]), "ingredient_name": gin["name"], **said}
        | {"declared": "variant"},
    ]
    path = tmp_path / "page.html"
    path.write_text(render(documents), encoding="utf-8")
    page = open_page(path, "#/about")
    expect(page.locator("#page")).to_contain_text(
        "read as a Bar Assistant file, the bar Home <Bar> (id 1)"
    )
    go(page, f"#/ingredients/{sloe['id']}")
    expect(page.locator("#page")).to_contain_text("Made here of London Dry Gin")
    go(page, f"#/ingredients/{gin['id']}")
    expect(page.locator("#page")).to_contain_text("Goes into Sloe Gin")
    go(page, f"#/ingredients/{row['ingredient_id']}")
    stands_in = page.locator("#substitutes li .note")
    expect(stands_in).to_have_text(
        ["a stretch; a recipe here names it", "a stretch; a variant here has it instead"]
    )
    # the owner's word counts at any tolerance; a bottle that is made is none to buy
    page.evaluate(OWN, ["London Dry Gin", "Sweet Vermouth", "Simple Syrup"])
    page.evaluate("atlas.bar.setTolerance(0)")
    go(page, "#/bar")
    expect(page.locator("#stand-ins li", has_text="Negroni").first).to_contain_text(
        "Simple Syrup stands in for Campari: a stretch; a recipe here names it"
    )
    bottles = page.evaluate("atlas.bar.shelf.question().bottles.map(i => atlas.data.ingredient(i))")
    assert "Campari" in bottles
    assert "Sloe Gin" not in bottles
    assert page.evaluate("atlas.bar.has(atlas.data.ingredients.name.indexOf('Sloe Gin'))")


def test_drinks_are_circled_by_keyboard(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    button = page.get_by_role("button", name="Circle drinks")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#map")).to_be_focused()
    live = page.locator("#live")
    expect(live).to_have_text(re.compile(r"^The ring holds \d+ drinks?$"))

    def held() -> int:
        return int(re.findall(r"\d+", live.inner_text())[0])

    first = held()
    for _ in range(4):
        page.keyboard.press("+")
    assert held() > first
    larger = held()
    page.keyboard.press("-")
    assert first <= held() <= larger
    before = page.evaluate("atlas.map.lasso.points[0][0]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("atlas.map.lasso.points[0][0]") > before
    drinks = held()
    inside = page.evaluate("atlas.map.within(atlas.map.lasso.points)")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h1")).to_have_text("What you circled")
    expect(page.locator("#panel")).to_contain_text(f"{drinks} drinks")
    ids = page.evaluate("a => a.map(i => atlas.data.recipes.id[i])", inside)
    expect(page).to_have_url(re.compile(f"#/set/{','.join(map(str, ids))}$"))
    # the keys are the map's again, and Escape ends a ring
    button.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    expect(live).to_have_text("Circling ended")
    page.keyboard.press("ArrowLeft")
    expect(live).to_contain_text(": ")


def test_a_lasso_asks_what_it_holds(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    page.get_by_role("button", name="Circle drinks").click()
    box = page.locator("#map").bounding_box()
    assert box
    corners = [(0.02, 0.12), (0.98, 0.12), (0.98, 0.98), (0.02, 0.98)]
    places = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in corners]
    # not over the legend or the buttons, which lie above the canvas
    held = page.evaluate(
        """([[x0, y0], , [x1, y1]]) => { const b = atlas.map.canvas.getBoundingClientRect();
          return [...atlas.data.recipes.id.keys()].filter(i => { const [x, y] = atlas.map.locate(i);
            return b.left + x > x0 && b.left + x < x1 && b.top + y > y0 && b.top + y < y1; }); }""",
        places,
    )
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=2)
    page.mouse.up()
    expect(page.locator("#panel h1")).to_have_text("What you circled")
    expect(page.locator("#panel")).to_contain_text(f"{len(held)} drinks")
    assert len(held) > 400
    typical = page.locator("#panel p", has_text="Unusual here")
    expect(typical.locator("a").first).to_be_visible()


def saved(page: Page, button: Locator, folder: Path) -> list[list[str]]:
    """Press a button, and read the file that comes as a spreadsheet would."""
    with page.expect_download() as caught:
        button.click()
    assert caught.value.suggested_filename.endswith(".csv")
    caught.value.save_as(folder / "list.csv")
    with (folder / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_lists_are_saved_for_spreadsheets(
    open_page: Opener, sample_page: Path, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    page = open_page(sample_page, "#/table//negroni")
    head, first, *_ = saved(page, page.locator(".csv").first, tmp_path)
    assert head == ["id", "drink", "recipe"]
    assert first[:2] == ["1", "Negroni"]
    assert first[2].startswith("1 oz ")
    go(page, "#/drink/1")
    head, *rows = saved(page, page.locator("#panel .csv"), tmp_path)
    assert head == ["id", "drink", "distance", "in words", "what to change", "recipe"]
    near = sample_documents["recipe-similar"]["data"][0]["neighbors"]
    assert [(int(row[0]), row[4]) for row in rows] == [
        (n["neighbor_recipe_id"], n["words"]) for n in near
    ]
    assert [float(row[2]) for row in rows] == pytest.approx([n["distance"] for n in near], abs=1e-4)


def test_a_way_is_saved_with_every_change_though_only_the_way_back_is_published(
    open_page: Opener, sample_page: Path, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    near = {
        row["recipe_id"]: {n["neighbor_recipe_id"]: n for n in row["neighbors"]}
        for row in sample_documents["recipe-similar"]["data"]
    }
    needs = {
        row["recipe_id"]: {line["rolled_id"] for line in row["lines"]}
        for row in sample_documents["recipe-details"]["data"]
    }
    # one thing is exchanged, so the way is that step alone
    back, here = next(
        (a, b)
        for a, others in near.items()
        for b in others
        if a not in near[b] and max(len(needs[a] - needs[b]), len(needs[b] - needs[a])) == 1
    )
    name = {
        row["recipe_id"]: row["recipe_name"] for row in sample_documents["recipe-details"]["data"]
    }
    page = open_page(sample_page, f"#/path/{here}/{back}")
    _, first, second = saved(page, page.locator("#panel .csv"), tmp_path)
    assert [int(first[0]), int(second[0])] == [here, back]
    words = f"The other way round, from {name[back]}: {near[back][here]['words']}"
    assert [first[2], second[2]] == ["", words]
    expect(page.locator("#panel .note").first).to_have_text(
        f"The other way round, from {name[back]}:"
    )
    # what is far is said by way of what lies between
    page.evaluate("atlas.bar.addAll([...atlas.data.ingredients.id.keys()].slice(0, 40))")
    page.evaluate("localStorage.setItem('cocktail-atlas.from-bar', 'true')")
    go(page, "#/drink/1")
    _, *rows = saved(page, page.locator("#panel .csv"), tmp_path)
    assert rows
    assert all(row[4] for row in rows)
    assert any(row[4].startswith("By way of ") for row in rows)


# every name begins as formulas do
FORMULAS = """
() => { for (const names of [atlas.data.recipes.name, atlas.data.ingredients.name])
  names.forEach((name, i) => { names[i] = ["=", "+", "-", "@", " =", "\\t=", "＝"][i % 7] + name; }); }
"""


def test_every_list_can_be_saved_and_no_name_becomes_a_formula(
    open_page: Opener, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    documents = copy.deepcopy(sample_documents)
    finding = {"code": "x", "count": 1, "message": "=1", "advice": "@1", "examples": ["-1"]}
    documents["manifest"]["warnings"] = [finding]
    documents["recipe-similar"]["data"][0]["neighbors"][0]["distance"] = 0.01
    path = tmp_path / "page.html"
    path.write_text(render(documents), encoding="utf-8")
    campari = open_page(path).evaluate(
        "atlas.data.ingredients.id[atlas.data.ingredients.name.indexOf('Campari')]"
    )
    lists = {
        "#/region/0": [""],
        "#/": ["regions"],
        "#/drink/1": ["drinks near"],
        "#/search/lime": ["drinks with lime"],
        "#/set/1,2,3": ["circled drinks"],
        "#/path/1/40": ["the way from"],
        "#/bar": ["bottles to buy", "makeable now", "with a stand-in", "one thing away"],
        "#/menu": ["tonight's menu"],
        "#/table": ["all drinks"],
        "#/desk": ["findings", "near twins"],
        "#/ingredients": ["most used ingredients", "how many ingredients"],
        f"#/ingredients/{campari}": ["what stands in for", "drinks with"],
    }
    for route, named in lists.items():
        page = open_page(
            path
        )  # Chromium drops what is more than ten downloads a second of one page
        page.evaluate(OWN, ["London Dry Gin", "Campari", "Lime Juice", "Sugar"])
        page.evaluate(FORMULAS)
        go(page, route)
        for name in named:
            button = page.get_by_role("button", name=f"CSV of {name}")
            head, *table = saved(page, button, tmp_path)
            assert table, (route, name)
            for row in table:
                assert len(row) == len(head), (route, name)
                assert not any(re.match(r"\s*[=+\-@＝]", cell) for cell in row), row


def test_a_drink_becomes_a_picture(open_page: Opener, sample_page: Path, tmp_path: Path) -> None:
    page = open_page(sample_page, "#/drink/1")
    with page.expect_download() as caught:
        page.get_by_role("button", name="Share as a picture").click()
    assert caught.value.suggested_filename == "negroni.png"
    caught.value.save_as(tmp_path / "negroni.png")
    content = (tmp_path / "negroni.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert [int.from_bytes(content[at : at + 4], "big") for at in (16, 20)] == [1200, 630]


Server = Callable[[Path], str]


@pytest.fixture
def serve() -> Iterator[Server]:
    """Serve folders, each from an origin of its own."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    def start(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_owner_embeds_it_in_a_page_of_another_origin(
    browser: Browser, serve: Server, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    inside, outside = tmp_path / "atlas", tmp_path / "site"
    inside.mkdir()
    outside.mkdir()
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20"/>')
    site = Site("Bar & <Grill>", "https://bar.example/drinks/{id}/{name}", logo)
    (inside / "report.html").write_text(render(sample_documents, site), encoding="utf-8")
    address = f"{serve(inside)}/report.html?embed#/drink/1"
    (outside / "index.html").write_text(
        f'<!doctype html><title>Ours</title><iframe title="Atlas" width="640" height="420" src="{address}"></iframe>'
    )
    page = browser.new_page(viewport={"width": 800, "height": 600})
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(f"{serve(outside)}/index.html")
    frame = page.frame_locator("iframe")
    expect(frame.locator("#panel h1")).to_have_text("Negroni")
    expect(frame.locator("nav[aria-label=Views]")).to_be_hidden()
    expect(frame.locator("#brand img")).to_have_attribute("alt", "Bar & <Grill>")
    link = frame.get_by_role("link", name="The recipe", exact=True)
    expect(link).to_have_attribute("href", "https://bar.example/drinks/1/negroni")
    expect(link).to_have_attribute("target", "_top")
    box = frame.locator("#map").bounding_box()
    assert box
    assert box["width"] >= 320
    assert box["height"] >= 300
    inner = next(f for f in page.frames if f != page.main_frame)
    assert inner.title() == "Negroni · Bar & <Grill>"
    assert inner.evaluate(SEEN, 0)["free"]
    page.close()
    assert not troubles


def test_bars_stay_with_their_database_and_tabs_agree(
    browser: Browser, serve: Server, sample_documents: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "one.html").write_text(render(sample_documents), encoding="utf-8")
    other = documents_from(
        [(1, "Tequila", None, 0), (163, "Salt", None, 0)],
        [(1, "Shot", 1, 1.0, "Ounce", 29.5735), (1, "Shot", 163, 1.0, "Ounce", 29.5735)],
    )
    (tmp_path / "two.html").write_text(render(other), encoding="utf-8")
    address = serve(tmp_path)
    context = browser.new_context()
    ready = "html[data-state=ready]"

    def visit(name: str, route: str = "#/bar") -> Page:
        page = context.new_page()
        page.goto(f"{address}/{name}.html{route}")
        page.wait_for_selector(ready, state="attached")
        return page

    own = "[...atlas.bar.shelf.owned].map(i => atlas.data.ingredient(i)).sort()"
    first, second = visit("one"), visit("one")
    first.evaluate(OWN, ["Campari"])
    wait_until(second, "atlas.bar.size === 1")
    expect(second.locator(".shelf")).to_contain_text("On my shelf (1)")
    second.evaluate(OWN, ["Light Rum"])
    wait_until(first, "atlas.bar.size === 2")
    assert first.evaluate(own) == ["Campari", "Light Rum"]
    elsewhere = visit("two")
    assert elsewhere.evaluate(own) == []  # Campari's id is salt's there
    elsewhere.evaluate(OWN, ["Salt"])
    reload(first)
    first.wait_for_selector(ready, state="attached")
    assert first.evaluate(own) == ["Campari", "Light Rum"]
    # whatever lies in storage, the page begins
    keys = first.evaluate(
        "Object.keys(localStorage).concat(['cocktail-atlas.bar', 'cocktail-atlas.map'])"
    )
    for value in ("null", "{", "[[[]]]", '{"own":[[1]],"roots":1}', '"x"', "1e999", "[1,2,3]"):
        first.evaluate(
            "([keys, v]) => keys.forEach(k => localStorage.setItem(k, v))", [keys, value]
        )
        reload(first)
        first.wait_for_selector(ready, state="attached")
        assert first.evaluate(own) == []
    context.close()


def test_a_bar_that_the_browser_does_not_store_says_so(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, "#/bar")
    note = page.get_by_text("your bar lasts until you close the page")

    def tick(name: str) -> None:
        page.get_by_label("Filter ingredients").fill(name)
        page.locator(".shelf").get_by_role("checkbox", name=name).first.check()
        expect(page.locator(".outcome")).to_contain_text("What to buy next")

    tick("Campari")
    expect(note).to_have_count(0)
    full = "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError') }"
    page.evaluate(f"() => {{ {full} }}")
    tick("Gin")
    expect(note).to_be_visible()
    assert page.evaluate("atlas.bar.size") == 2
    assert axe_problems(page) == []
