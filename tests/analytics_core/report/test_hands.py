# ruff: noqa: E501 - lines of JavaScript inside strings
"""What mouse, fingers and keys do: a gesture means one thing, and the keyboard is never lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from analytics_core.report import render
from tests.analytics_core.report.conftest import DESKTOP, PHONE, Opener, reload, wait_until
from tests.analytics_core.report.documents import documents_from

OWN = "names => atlas.bar.addAll(names.map(n => atlas.data.ingredients.name.indexOf(n)))"
# drinks that nothing lies over, from the middle outwards
FREE = """
() => {
  const { map, data } = atlas;
  const box = map.canvas.getBoundingClientRect();
  const all = [...data.recipes.id.keys()].map(i => map.locate(i)).map(([x, y]) => [box.left + x, box.top + y]);
  const far = ([x, y]) => Math.hypot(x - box.left - box.width / 2, y - box.top - box.height / 2);
  return all.filter(([x, y]) => document.elementFromPoint(x, y) === map.canvas).sort((a, b) => far(a) - far(b));
}
"""
FOCUSED = "document.activeElement.dataset.own ?? document.activeElement.textContent"


def circle(page: Page, x: float, y: float) -> None:
    """Draw a square by mouse that ends where it began."""
    page.get_by_role("button", name="Circle drinks").click()
    page.mouse.move(x, y)
    page.mouse.down()
    for dx, dy in ((120, 0), (120, 120), (0, 120), (0, 0)):
        page.mouse.move(x + dx, y + dy, steps=3)
    page.mouse.up()


def test_a_circle_that_ends_on_a_drink_opens_the_set(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    for x, y in page.evaluate(FREE)[:3]:
        circle(page, x, y)
        expect(page).to_have_url(re.compile("#/set/"))
        page.evaluate("new Promise(requestAnimationFrame).then(() => {})")
        expect(page.locator("#panel h1")).to_have_text("What you circled")
        # the next click means a drink again
        x, y = page.evaluate(FREE)[0]
        page.mouse.click(x, y)
        expect(page).to_have_url(re.compile("#/drink/"))
        page.evaluate("location.hash = '#/'")
        wait_until(page, "atlas.map.zoomed === 1")


def test_a_trackpad_pinches_the_map(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    x, y = page.evaluate(FREE)[0]
    page.mouse.move(x, y)
    page.keyboard.down("Control")  # as browsers tell of a pinch
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    wait_until(page, "atlas.map.zoomed > 1.2")


def test_no_field_makes_a_phone_zoom(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page, size=PHONE, has_touch=True)
    for route in ("#/", "#/bar", "#/compare", "#/table", "#/ingredients", "#/path/1/20"):
        page.goto(sample_page.as_uri() + route)
        small = page.evaluate(
            """[...document.querySelectorAll("input:not([type=checkbox], [type=radio], [type=range]), select")]
              .filter(e => parseFloat(getComputedStyle(e).fontSize) < 16).map(e => e.outerHTML)"""
        )
        assert small == [], route


def test_an_input_method_keeps_its_keys(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    page.focus("#search")
    ime = page.context.new_cdp_session(page)
    ime.send("Input.imeSetComposition", {"text": "lime", "selectionStart": 4, "selectionEnd": 4})
    expect(page.locator("#found li")).not_to_have_count(0)
    for key in ("ArrowDown", "Enter"):  # in its own list of words
        page.keyboard.press(key)
    # Safari ends the composition first, and says so by the code alone
    page.evaluate(
        """() => document.activeElement.dispatchEvent(
          new KeyboardEvent("keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))"""
    )
    expect(page).to_have_url(re.compile("#/$"))
    assert page.locator("#search").input_value() == "lime"
    assert page.locator("#search").get_attribute("aria-activedescendant") is None
    ime.send("Input.insertText", {"text": "lime"})
    page.keyboard.press("Enter")
    expect(page).not_to_have_url(re.compile("#/$"))


def test_an_emptied_bar_forgets_what_the_database_lost(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, "#/bar")
    page.evaluate(OWN, ["Campari"])
    kept = page.evaluate(
        """() => { const key = Object.keys(localStorage).find(k => k.startsWith("cocktail-atlas.bar."));
          const bar = JSON.parse(localStorage[key]);
          localStorage[key] = JSON.stringify({ ...bar, own: [[999999, "Gone Bitter"]] });
          return key; }"""
    )
    reload(page)
    note = page.get_by_text("Kept, but not in this database: Gone Bitter")
    expect(note).to_be_visible()
    assert page.evaluate("atlas.bar.size") == 0
    # it outlasts every other change
    page.evaluate(OWN, ["Campari"])
    page.evaluate("atlas.bar.set(atlas.data.ingredients.name.indexOf('Campari'), false)")
    assert "Gone Bitter" in page.evaluate("k => localStorage[k]", kept)
    page.get_by_role("button", name="Empty my bar").click()
    expect(note).to_have_count(0)
    expect(page.get_by_role("button", name="Empty my bar")).to_have_count(0)
    assert page.evaluate("k => JSON.parse(localStorage[k]).own", kept) == []


def by_key(page: Page, control: str, key: str = "Space") -> None:
    """Press a control as who goes by keyboard does."""
    page.locator(control).first.focus()
    page.keyboard.press(key)


def in_bar(page: Page) -> None:
    page.evaluate(OWN, ["London Dry Gin", "Campari", "Lime Juice", "Sugar"])
    page.evaluate("location.hash = '#/bar'")
    expect(page.locator("#next dt").first).to_be_visible()


def figures(page: Page) -> str:
    page.evaluate("location.hash = '#/drink/1'")
    by_key(page, "[data-own=numbers]")
    return "numbers"


def figures_in_table(page: Page) -> str:
    page.evaluate("location.hash = '#/table'")
    by_key(page, "[data-own=numbers]")
    return "numbers"


def pantry(page: Page) -> str:
    in_bar(page)
    by_key(page, "[data-own=pantry]")
    expect(page.locator("#next dt").first).to_be_visible()
    return "pantry"


def tolerance(page: Page) -> str:
    in_bar(page)
    by_key(page, "[data-own=tolerance]", "ArrowRight")
    return "tolerance"


def which(page: Page) -> str:
    in_bar(page)
    page.fill("#page input[type=search]", "rum")
    by_key(page, ".own input[type=checkbox]")
    own: str = page.evaluate("document.activeElement.dataset.own")
    by_key(page, ".kinds:not([hidden]) button", "Enter")
    return own


def emptied(page: Page) -> str:
    in_bar(page)
    by_key(page, ".shelf > button", "Enter")
    return "Made at home"


def first_of_more(page: Page) -> str:
    page.evaluate("location.hash = '#/search/gin'")
    shown = page.locator("#panel .plain > li")
    before = shown.count()
    more = "#panel button.quiet:has-text('more drinks')"
    by_key(page, more, "Enter")
    expect(page.locator(more)).to_be_hidden()
    return shown.nth(before).locator("a.drink").inner_text()


def legend(page: Page) -> str:
    by_key(page, ".legend button", "Enter")
    page.emulate_media(color_scheme="dark")
    wait_until(page, "getComputedStyle(document.documentElement).colorScheme.includes('dark')")
    return "category 0"


@pytest.mark.parametrize(
    "press",
    [figures, figures_in_table, pantry, tolerance, which, emptied, first_of_more, legend],
)
def test_the_keyboard_stays_where_a_control_rebuilds_what_it_stands_in(
    open_page: Opener, sample_page: Path, press: Callable[[Page], str]
) -> None:
    page = open_page(sample_page, color_scheme="light")
    meant = press(page)
    wait_until(page, f"meant => document.hasFocus() && ({FOCUSED}).trim() === meant", meant)


def test_another_tab_does_not_take_the_keyboard_away(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page)
    in_bar(page)
    page.locator("#makeable a.drink").first.focus()
    page.evaluate("dispatchEvent(new StorageEvent('storage', { key: null }))")
    wait_until(page, "/^(H1|H2)$/.test(document.activeElement.tagName)")
    assert page.evaluate("document.activeElement.textContent").startswith("Makeable now")


def test_the_map_is_lit_again_when_the_legend_lets_go(open_page: Opener, sample_page: Path) -> None:
    page = open_page(sample_page, color_scheme="light")
    page.evaluate(OWN, ["Campari", "Sweet Vermouth"])
    page.locator("#scheme").select_option("bar")
    page.locator(".legend button").first.click()
    assert page.evaluate("atlas.map.scene.highlighted.size") > 0
    page.evaluate(OWN, ["London Dry Gin"])
    expect(page.locator(".legend button[aria-pressed=true]")).to_have_count(0)
    assert page.evaluate("atlas.map.scene.highlighted") is None
    page.evaluate("location.hash = '#/search/lime'")
    page.locator(".legend button").first.click()
    page.emulate_media(color_scheme="dark")
    expect(page.locator(".legend button[aria-pressed=true]")).to_have_count(0)
    lit = "[...atlas.map.scene.highlighted].sort()"
    found = "[...new Set(atlas.data.search('lime'))].sort()"
    assert page.evaluate(f"{lit}.every(i => {found}.includes(i))")


def test_a_set_gives_its_list_as_much_room_as_a_region(
    open_page: Opener, sample_page: Path
) -> None:
    page = open_page(sample_page, size=PHONE)
    rooms = []
    for route in ("#/region/0", "#/set/1,2,3,4,5,6"):
        page.evaluate("route => { location.hash = route; }", route)
        expect(page.locator("#panel h1")).to_be_visible()
        page.evaluate("new Promise(requestAnimationFrame).then(() => {})")
        rooms.append(page.locator("#stage").bounding_box())
        expect(page.locator("#legend")).to_be_hidden()
    assert rooms[0] == rooms[1]


def test_one_more_is_no_plural(open_page: Opener, tmp_path: Path) -> None:
    rows = [(i, f"Sour {i}", 1, 2.0, "Ounce", 29.5735) for i in range(1, 42)]
    path = tmp_path / "page.html"
    path.write_text(render(documents_from([(1, "Gin", None, 0)], rows)), encoding="utf-8")
    page = open_page(path, "#/search/sour")
    more = page.locator("#panel button", has_text="Show")
    expect(more).to_have_text("Show 1 more drink")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_names_from_right_to_left_keep_to_themselves_in_the_diagram(
    open_page: Opener, tmp_path: Path, size: dict[str, int]
) -> None:
    names = ["عرق", "Gin 47", "ليمون", "Lime"]
    ingredients = [(i, name, None, 0) for i, name in enumerate(names, start=1)]
    rows = [(1, "A", 1, 1.0, "Ounce", 29.5735), (1, "A", 2, 2.0, "Ounce", 29.5735)]
    rows += [(2, "B", 3, 1.0, "Ounce", 29.5735), (2, "B", 4, 2.0, "Ounce", 29.5735)]
    path = tmp_path / "page.html"
    path.write_text(render(documents_from(ingredients, rows)), encoding="utf-8")
    page = open_page(path, "#/compare/1/2", size=size)
    said = page.locator(".flow .share").evaluate_all(
        """all => all.map(share => {
          const whole = share.closest("g").textContent;
          const [name, percent] = [share.closest("g").querySelector(".of"), share].map(e => e.getBoundingClientRect());
          return [whole, name.right <= percent.left + 1];
        })"""
    )
    assert sorted(whole for whole, _ in said) == sorted(
        f"{name}{share}" for name, share in zip(names, ["33%", "67%"] * 2, strict=True)
    )
    assert all(before for _, before in said), said
