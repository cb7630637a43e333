"""Hundreds of hostile names in a real browser, and many more by parsers: they stay text."""

from __future__ import annotations

import csv
import io
import json
import posixpath
import tempfile
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from analytics_core.errors import AnalyticsError
from analytics_core.report import Site, render
from analytics_core.report.page import _as_json, site_block
from analytics_core.store import LocalStorage
from analytics_core.website import write_site
from analytics_core.website.frame import clean
from tests.analytics_core.report.conftest import Opener, wait_until
from tests.analytics_core.report.documents import documents_from
from tests.analytics_core.website.test_site import Parsed, parsed
from tests.hostile import NAMES, PIECES, some_names

COUNT = 300
FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def documents_of(names: list[str]) -> dict[str, Any]:
    """Every name is that of a drink, of an ingredient, and (cut) of a unit."""
    ingredients = [(key, name, None, 0) for key, name in enumerate(names, 1)]
    rows = [
        (key, name, (key + step) % len(names) + 1, 1.0 + step, name[:20] or None, 30.0)
        for key, name in enumerate(names, 1)
        for step in range(3)
    ]
    return documents_from(ingredients, rows)


class Dialogs:
    """Stands on a page's events; a dialog is dismissed and remembered."""

    def __init__(self, page: Page) -> None:
        self.seen: list[str] = []
        page.on("dialog", self._note)

    def _note(self, dialog: Any) -> None:
        self.seen.append(dialog.message)
        dialog.dismiss()


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "page.html"
    site = Site(title=PIECES[0], recipe_url="https://example.com/{id}/{name}")
    path.write_text(render(documents_of(some_names(COUNT)), site), encoding="utf-8")
    return path


@pytest.mark.parametrize("where", ["", "?embed"])
def test_names_are_shown_as_they_are_and_nothing_of_them_runs(
    open_page: Opener, hostile_page: Path, where: str
) -> None:
    names = some_names(COUNT)
    page = open_page(hostile_page, f"{where}#/")
    dialogs = Dialogs(page)
    assert page.evaluate("atlas.data.recipes.name") == names
    scripts = page.evaluate("document.scripts.length")
    views = ["#/table", "#/ingredients", "#/bar", "#/about", "#/drink/5/to/6"]
    chosen = [*range(len(PIECES)), *range(len(PIECES), COUNT, 16)]
    for key in chosen:
        page.evaluate("route => { location.hash = route; }", f"#/drink/{key + 1}")
        shown = names[key] if len(names[key]) <= 300 else names[key][:10]
        wait_until(
            page,
            "name => [...document.querySelectorAll('.name')]"
            ".some((each) => each.textContent.startsWith(name))",
            shown,
        )
    for route in views:
        page.evaluate("route => { location.hash = route; }", route)
        page.wait_for_timeout(50)
    assert page.evaluate("window.hit ?? null") is None
    assert dialogs.seen == []
    assert page.evaluate("document.scripts.length") == scripts
    odd = "b, iframe, img:not([src^='data:']), svg[onload], [onerror], [onfocus], [onmouseover]"
    assert page.evaluate("odd => document.querySelectorAll(odd).length", odd) == 0
    links = page.evaluate("[...document.links].map((each) => each.protocol)")
    assert set(links) <= {"file:", "https:", "blob:"}


def test_a_saved_list_holds_no_formula(open_page: Opener, hostile_page: Path) -> None:
    page = open_page(hostile_page, "#/table")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").first.click()
    content = Path(waiting.value.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert len(rows) == COUNT + 1
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.lstrip().startswith(FORMULA)]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    saved = {row[1].removeprefix("'") for row in rows[1:]}
    assert saved >= {name for name in some_names(COUNT) if not name.startswith("'")}


def test_crawlable_pages_run_nothing(browser: Browser, tmp_path: Path) -> None:
    names = some_names(40, seed=1)
    site = Site(PIECES[0], "https://example.com/{id}/{name}")
    write_site(documents_of(names), LocalStorage(tmp_path), site)
    page = browser.new_page()
    dialogs = Dialogs(page)
    page.add_init_script(
        "window.seen = []; document.addEventListener('securitypolicyviolation',"
        " (each) => window.seen.push(each.violatedDirective));"
    )
    shown = set()
    for path in sorted((tmp_path / "drinks").glob("*.html")):
        page.goto(path.as_uri())
        shown.add(page.evaluate("document.querySelector('h1').textContent"))
        assert page.evaluate("[window.hit ?? null, window.seen]") == [None, []]
        kinds = page.evaluate("[...document.scripts].map((each) => each.type)")
        assert kinds == ["application/ld+json"]
    page.close()
    assert dialogs.seen == []
    # a browser reads what HTML forbids, and line ends, as blanks
    assert {clean(name) or "?" for name in names if "\r" not in name} <= shown | {""}


class Tags(HTMLParser):
    """The start tags of a page, and the text of its blocks of JSON."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[str] = []
        self.blocks: list[str] = []
        self._json = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._json = tag == "script" and ("type", "application/json") in attrs
        if self._json:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if self._json:
            self.blocks[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._json = False


def test_the_page_has_the_same_elements_whatever_names_there_are() -> None:
    usual = Tags(render(documents_of([f"Drink {number}" for number in range(8)])))

    @settings(max_examples=40, deadline=None)
    @given(st.lists(NAMES, min_size=8, max_size=8), NAMES)
    def same(names: list[str], title: str) -> None:
        found = Tags(render(documents_of(names), Site(title=title)))
        assert found.tags == usual.tags
        site, core, _ = map(json.loads, found.blocks)
        assert site.get("title", title) == title
        assert core["recipes"]["name"] == names

    same()


@given(NAMES)
def test_json_in_a_script_element_never_ends_it(text: str) -> None:
    written = _as_json({text: text})
    assert not set(written) & set("<>&")
    assert json.loads(written) == {text: text}


def test_crawlable_pages_are_valid_whatever_names_there_are() -> None:
    @settings(max_examples=12, deadline=None)
    @given(st.lists(NAMES, min_size=3, max_size=3, unique=True), NAMES)
    def valid(names: list[str], title: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = Site(title, "https://example.com/{id}/{name}")
            write_site(documents_of(names), LocalStorage(folder), site)
            pages: list[Parsed] = list(parsed(Path(folder)))  # html5lib stops at the first fault
        keys = {page.key for page in pages}
        for page in pages:
            assert set(page.targets()) <= keys
            kinds = [each.get("type") for each in page.all("script")]
            assert kinds == (["application/ld+json"] if kinds else [])
            assert not [each for tag in ("b", "iframe", "svg", "img") for each in page.all(tag)]
            assert posixpath.normpath(page.key) == page.key
        drinks = [page for page in pages if page.key.startswith("drinks/")]
        assert {page.data()["name"] for page in drinks} == {clean(name) for name in names}
        for page in drinks:
            assert urllib.parse.urlsplit(page.data()["url"])[:2] == ("https", "example.com")

    valid()


@given(st.builds("".join, st.lists(st.sampled_from(["{id}", "java", "script:", *"/:\t\nhtps "]))))
def test_an_address_of_recipes_is_one_of_the_web(pattern: str) -> None:
    try:
        block = site_block(Site(recipe_url=pattern))
    except AnalyticsError:
        return
    resolved = urllib.parse.urljoin("https://base.example/", block["recipe_url"].strip())
    assert urllib.parse.urlsplit(resolved).scheme in ("http", "https")
    assert not set(block["recipe_url"]) & set("\t\n\r ")
