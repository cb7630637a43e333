"""The crawlable pages, read by parsers that know nothing of what wrote them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import posixpath
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from analytics_core import cli
from analytics_core.errors import AnalyticsError, StorageError
from analytics_core.report import Site
from analytics_core.store import LocalStorage, open_storage, publish
from analytics_core.store.base import Content
from analytics_core.website import content, write_site
from analytics_core.website.content import slug
from analytics_core.website.files import LIST_KEY, write_files
from analytics_core.website.making import sitemaps
from tests.analytics_core.report.documents import documents_from, make_documents
from tests.servers import AwsServer

BASE = "https://example.com/drinks"
XML = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
HOSTILE = [
    '"><script>alert(1)</script>',
    "</title></script><!-- <b>",
    'O\'Neil & "Sons" <i>',
    "\u202eevil\u202c \u2067right to left\u2069 שלום",
    "n" * 10_000,
    "tab\tnull\x00bell\x07del\x7f\x85 \ufffe \ufdd0 \U0001ffff",
    "half \ud800 a pair",
    "]]> {braces} %s {0}",
    "🍸 ネグローニ",
]


class Parsed:
    """A page as html5lib reads it; anything that is not valid stops it."""

    def __init__(self, key: str, data: bytes) -> None:
        self.key = key
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        self.root = parser.parse(data.decode("utf-8"))

    def all(self, path: str) -> list[Any]:
        return list(self.root.iterfind(f".//{path}"))

    def text(self, path: str) -> str:
        [found] = self.all(path)
        return "".join(found.itertext())

    def targets(self) -> list[str]:
        """Keys that its links lead to; outside links are left out."""
        links = [each.get("href") for each in self.all("a")]
        return [
            posixpath.normpath(
                posixpath.join(posixpath.dirname(self.key), urllib.parse.unquote(each))
            )
            for each in links
            if "://" not in each
        ]

    def data(self) -> dict[str, Any]:
        [block] = self.all("script")
        assert block.get("type") == "application/ld+json"
        parsed: dict[str, Any] = json.loads(block.text)
        return parsed


def parsed(folder: Path) -> Iterator[Parsed]:
    for path in sorted(folder.rglob("*.html")):
        yield Parsed(path.relative_to(folder).as_posix(), path.read_bytes())


def files(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with when it was written, which one it is, and its content."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mtime_ns,
            path.stat().st_ino,
            path.read_bytes(),
        )
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    return make_documents(40)


@pytest.fixture(scope="module")
def folder(documents: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    site = Site("Bar & <Grill>", "https://example.com/cocktails/{id}-{name}")
    write_site(documents, LocalStorage(folder), site, base_url=BASE)
    return folder


@pytest.fixture(scope="module")
def pages(folder: Path) -> list[Parsed]:
    return list(parsed(folder))


def count_ingredients(tree: dict[str, Any]) -> int:
    return sum(1 + count_ingredients(child) for child in tree["children"])


def test_every_drink_and_every_ingredient_has_a_page(
    documents: dict[str, Any], pages: list[Parsed]
) -> None:
    kinds = [page.key.partition("/")[0] for page in pages]
    assert kinds.count("drinks") == len(documents["recipe-details"]["data"])
    assert kinds.count("ingredients") == count_ingredients(documents["ingredient-tree"]["data"])


def test_every_link_leads_to_a_file_and_every_page_is_reached(
    folder: Path, pages: list[Parsed]
) -> None:
    written = {page.key for page in pages}
    links = {page.key: set(page.targets()) for page in pages}
    assert all(found <= written for found in links.values())
    reached, pending = set(), ["index.html"]
    while pending:
        key = pending.pop()
        if key not in reached:
            reached.add(key)
            pending += links[key]
    assert reached == written


def test_pages_need_no_script_and_allow_none(pages: list[Parsed]) -> None:
    for page in pages:
        [policy] = [
            each.get("content")
            for each in page.all("meta")
            if each.get("http-equiv") == "Content-Security-Policy"
        ]
        digest = hashlib.sha256(page.text("style").encode()).digest()
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert rules["default-src"] == "'none'"
        assert rules["style-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
        assert "script-src" not in rules
        assert all(each.get("type") == "application/ld+json" for each in page.all("script"))
        assert not [
            each for each in page.root.iter() if any(a.startswith("on") for a in each.attrib)
        ]
        assert not [each for each in page.root.iter() if "style" in each.attrib]


def test_titles_and_descriptions_are_short_and_tell_pages_apart(pages: list[Parsed]) -> None:
    titles = [page.text("title") for page in pages if page.key.startswith("drinks/")]
    assert len(set(titles)) == len(titles)
    assert "Negroni · Bar & <Grill>" in titles
    for page in pages:
        [text] = [
            each.get("content") for each in page.all("meta") if each.get("name") == "description"
        ]
        assert 0 < len(text) <= 160


def test_canonical_links_and_the_sitemap_name_the_same_pages(
    folder: Path, pages: list[Parsed]
) -> None:
    canonical = []
    for page in pages:
        [own] = [each.get("href") for each in page.all("link") if each.get("rel") == "canonical"]
        assert own == f"{BASE}/{page.key.removesuffix('index.html')}"
        canonical.append(own)
    root = ElementTree.parse(folder / "sitemap.xml").getroot()
    assert root.tag == f"{XML}urlset"
    assert sorted(each.text or "" for each in root.iter(f"{XML}loc")) == sorted(canonical)


def test_previews_of_links_have_a_title_words_and_the_picture(
    folder: Path, pages: list[Parsed]
) -> None:
    assert (folder / "preview.png").read_bytes().startswith(b"\x89PNG")
    for page in pages:
        said = {each.get("property"): each.get("content") for each in page.all("meta")}
        assert said["og:title"] == page.text("title")
        assert said["og:image"] == f"{BASE}/preview.png"
        assert said["og:url"] == f"{BASE}/{page.key.removesuffix('index.html')}"
        assert said["og:description"]


def test_without_an_address_there_is_no_sitemap(documents: dict[str, Any], tmp_path: Path) -> None:
    write_site(documents, LocalStorage(tmp_path))
    assert not (tmp_path / "sitemap.xml").exists()
    assert not (tmp_path / "preview.png").exists()
    assert b"og:image" not in (tmp_path / "index.html").read_bytes()
    page = Parsed("index.html", (tmp_path / "index.html").read_bytes())
    assert page.all("link") == []


def test_drinks_say_what_they_are_to_machines(
    documents: dict[str, Any], pages: list[Parsed]
) -> None:
    drinks = {page.key: page.data() for page in pages if page.key.startswith("drinks/")}
    negroni = drinks["drinks/negroni-1.html"]
    assert negroni == {
        "@context": "https://schema.org",
        "@type": "Recipe",
        "name": "Negroni",
        "recipeCategory": "Cocktail",
        "recipeIngredient": ["1 oz London Dry Gin", "1 oz Campari", "1 oz Sweet Vermouth"],
        "url": "https://example.com/cocktails/1-negroni",
    }
    for row in documents["recipe-details"]["data"]:
        said = drinks[f"drinks/{slug(row['recipe_name'], row['recipe_id'])}.html"]
        assert said["name"] == row["recipe_name"]
        for text, line in zip(said["recipeIngredient"], row["lines"], strict=True):
            assert line["ingredient_name"] in text


def test_neighbors_stand_in_order_with_the_published_words(
    documents: dict[str, Any], pages: list[Parsed]
) -> None:
    drinks = {page.text("h1"): page for page in pages if page.key.startswith("drinks/")}
    for row in documents["recipe-similar"]["data"]:
        [alike] = [
            each
            for each in drinks[row["recipe_name"]].all("section")
            if each.find("h2").text == "Made alike"
        ]
        shown = [
            ("".join(item.find("a").itertext()), "".join(item.find("p").itertext()))
            for item in alike.iter("li")
        ]
        assert shown == [(near["neighbor_name"], near["words"]) for near in row["neighbors"]]


def test_an_ingredient_names_its_drinks_its_kinds_and_what_stands_in(
    documents: dict[str, Any], pages: list[Parsed]
) -> None:
    [campari] = [page for page in pages if page.text("h1") == "Campari"]
    named = {
        f"drinks/{slug(row['recipe_name'], row['recipe_id'])}.html"
        for row in documents["recipe-details"]["data"]
        if any(line["ingredient_name"] == "Campari" for line in row["lines"])
    }
    [row] = [
        row
        for row in documents["ingredient-substitutes"]["data"]
        if row["ingredient_name"] == "Campari"
    ]
    others = {
        f"ingredients/{slug(each['ingredient_name'], each['ingredient_id'])}.html"
        for each in row["substitutes"]
    }
    assert named
    assert named | others <= set(campari.targets())
    words = {
        near["words"] for row in documents["recipe-similar"]["data"] for near in row["neighbors"]
    }
    swapped = [each for each in campari.all("section") if each.find("h2").text == "Swapped"]
    for section in swapped:
        assert {"".join(each.itertext()) for each in section.iter("p")} <= words


def test_what_few_collections_know_is_said(documents: dict[str, Any], tmp_path: Path) -> None:
    known = copy.deepcopy(documents)
    known["recipe-details"]["data"][0] |= {"abv": 30.0, "method": "Stir & <wait>", "dilution": 25.0}
    known["recipe-details"]["data"][1] |= {"abv": 30.0, "method": None, "dilution": None}
    [*_, last] = known["ingredient-tree"]["data"]["children"]
    last["made_of"] = [{"id": "163", "name": "Campari"}, {"id": "987654", "name": "<gone>"}]
    row = next(r for r in known["ingredient-substitutes"]["data"] if len(r["substitutes"]) > 1)
    for other, declared in zip(row["substitutes"], ("substitute", "variant"), strict=False):
        other |= {"declared": declared, "recipes": 0}
    write_site(known, LocalStorage(tmp_path))
    text = {page.text("h1"): "".join(page.root.itertext()) for page in parsed(tmp_path)}
    first, second = (each["recipe_name"] for each in known["recipe-details"]["data"][:2])
    assert "30% alcohol by volume before the ice melts, about 24% in the glass." in text[first]
    assert "Method: Stir & <wait>." in text[first]
    assert "30% alcohol by volume before the ice melts." in text[second]
    assert "Made here of" in text[last["name"]]
    assert "<gone>" in text[last["name"]]
    assert "a recipe here names it" in text[row["ingredient_name"]]
    assert "a variant here has it instead" in text[row["ingredient_name"]]


def test_nothing_is_written_again_that_is_unchanged(
    documents: dict[str, Any], tmp_path: Path
) -> None:
    storage = LocalStorage(tmp_path)
    first = write_site(documents, storage, base_url=BASE)
    before = files(tmp_path)
    assert first.written == first.files == len(before) - 1  # and the list
    again = write_site(documents, storage, base_url=BASE)
    assert (again.written, again.unchanged, again.removed) == (0, first.files, 0)
    assert files(tmp_path) == before


def test_a_drink_that_is_gone_takes_its_page_along(
    documents: dict[str, Any], tmp_path: Path
) -> None:
    storage = LocalStorage(tmp_path)
    write_site(documents, storage, base_url=BASE)
    (tmp_path / "drinks" / "mine.html").write_text("somebody else's")
    before = files(tmp_path)
    less = copy.deepcopy(documents)
    [gone] = [row for row in less["recipe-details"]["data"] if row["recipe_name"] == "Negroni"]
    less["recipe-details"]["data"].remove(gone)
    done = write_site(less, storage, base_url=BASE)
    after = files(tmp_path)
    assert set(before) - set(after) == {"drinks/negroni-1.html"}
    assert done.removed == 1
    assert 0 < done.written < done.files / 2
    assert done.unchanged == done.files - done.written
    touched = {key for key in after if after[key][:2] != before[key][:2]}
    assert touched == {key for key in after if after[key][2] != before[key][2]}
    assert "drinks/mine.html" not in touched
    for key in touched - {LIST_KEY, "sitemap.xml", "preview.png"}:
        assert "drinks/negroni-1.html" not in Parsed(key, after[key][2]).targets()


def test_what_somebody_else_changed_is_not_removed(
    documents: dict[str, Any], tmp_path: Path
) -> None:
    storage = LocalStorage(tmp_path)
    write_site(documents, storage)
    page = tmp_path / "drinks" / "negroni-1.html"
    page.write_text("mine now")
    less = copy.deepcopy(documents)
    less["recipe-details"]["data"] = [
        row for row in less["recipe-details"]["data"] if row["recipe_name"] != "Negroni"
    ]
    assert write_site(less, storage).left == ["drinks/negroni-1.html"]
    assert page.read_text() == "mine now"


@pytest.mark.parametrize("key", ["index.html", "drinks/negroni-1.html", "sitemap.xml"])
def test_a_file_of_somebody_else_is_never_written_over(
    documents: dict[str, Any], tmp_path: Path, key: str
) -> None:
    (tmp_path / key).parent.mkdir(exist_ok=True)
    (tmp_path / key).write_text("mine")
    with pytest.raises(StorageError, match=key):
        write_site(documents, LocalStorage(tmp_path), base_url=BASE)
    assert {path: found[2] for path, found in files(tmp_path).items()} == {key: b"mine"}


class Stopping(LocalStorage):
    """A folder whose disk is full after some files."""

    room = 0

    def write(self, key: str, data: Content, *, content_type: str = "application/json") -> None:
        self.room -= 1
        if self.room < 0:
            raise StorageError("full")
        super().write(key, data, content_type=content_type)


@pytest.mark.parametrize("room", [0, 1, 7])
def test_a_run_that_stopped_half_way_is_gone_on_with(tmp_path: Path, room: int) -> None:
    def texts(version: int) -> dict[str, Any]:
        names = [f"drinks/{i}.html" for i in range(version, version + 12)]
        return {name: f"{name} {version}".encode for name in names}

    storage = Stopping(tmp_path)
    storage.room = 100
    write_files(storage, texts(0))
    storage.room = room
    with pytest.raises(StorageError, match="full"):
        write_files(storage, texts(3))
    storage.room = 100
    done = write_files(storage, texts(6))
    assert done.left == []
    found = {key: content for key, (_, _, content) in files(tmp_path).items() if key != LIST_KEY}
    assert found == {key: make() for key, make in texts(6).items()}
    assert write_files(storage, texts(6)).written == 0


def test_a_file_that_was_deleted_comes_back(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    write_files(storage, {"a.html": lambda: b"a", "drinks/b.html": lambda: b"b"})
    (tmp_path / "drinks" / "b.html").unlink()
    assert (
        write_files(storage, {"a.html": lambda: b"a", "drinks/b.html": lambda: b"b"}).written == 1
    )
    assert (tmp_path / "drinks" / "b.html").read_bytes() == b"b"


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', '{"files": {"a": 3}}'])
def test_a_damaged_list_is_said_to_be_so(tmp_path: Path, text: str) -> None:
    (tmp_path / LIST_KEY).write_text(text)
    with pytest.raises(StorageError, match=r"site-files\.json.*damaged"):
        write_files(LocalStorage(tmp_path), {"a.html": lambda: b"a"})


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    ingredients = [(i, name, None, 0) for i, name in enumerate(HOSTILE, 1)]
    ingredients.append((50, HOSTILE[0], None, 0))
    rows = [
        (i, name, line, 1.5, unit, 29.5735)
        for i, name in enumerate([*HOSTILE, HOSTILE[0]], 1)
        for line, unit in ((1 + i % len(HOSTILE), "Ounce"), (1 + (i + 1) % len(HOSTILE), "to top"))
    ]
    documents = documents_from(ingredients, rows)
    written = write_site(
        documents, LocalStorage(tmp_path), Site(HOSTILE[1], "https://example.com/{id}/{name}")
    )
    pages = list(parsed(tmp_path))
    assert written.files == len(pages) == 1 + 10 + 10
    keys = {page.key for page in pages}
    for page in pages:
        assert set(page.targets()) <= keys
        assert {each.get("type") for each in page.all("script")} <= {"application/ld+json"}
        assert len(page.text("title")) < 200
        assert not set(page.text("title")) & set("\u202a\u202b\u202d\u202e\u2066\u2067")
        assert not page.all("b")
        assert not page.all("i")
    drinks = [page for page in pages if page.key.startswith("drinks/")]
    names = {page.data()["name"] for page in drinks}
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], HOSTILE[4]} <= names
    assert {page.text("h1") for page in drinks} == names


def test_addresses_of_recipes_are_those_of_the_page(tmp_path: Path) -> None:
    said = {  # by the page's own recipeUrl
        "Pat’s Crème–Brûlée No. 2": "pat-s-creme-brulee-no-2",
        "(Ø) İstanbul": "%C3%B8-istanbul",
        "  --a_b--": "a-b",
        "ǅ ß ﬁ Ⅷ x²": "dz-%C3%9F-fi-viii-x2",
        "a\u0940b क्षि": "a%E0%A5%80b-%E0%A4%95%E0%A5%8D%E0%A4%B7%E0%A4%BF",
    }
    documents = documents_from(
        [(1, "Gin", None, 0)],
        [(key, name, 1, 1.0, "Ounce", 30.0) for key, name in enumerate(said)],
    )
    write_site(documents, LocalStorage(tmp_path), Site("Bar", "https://example.com/{name}?{id}"))
    drinks = [page for page in parsed(tmp_path) if page.key.startswith("drinks/")]
    assert {page.data()["name"]: page.data()["url"] for page in drinks} == {
        name: f"https://example.com/{address}?{key}"
        for key, (name, address) in enumerate(said.items())
    }


names = st.text(max_size=80)


@given(st.lists(st.tuples(names, st.integers(-(2**63), 2**63 - 1)), unique_by=lambda e: e[1]))
def test_addresses_never_collide(drinks: list[tuple[str, int]]) -> None:
    made = [slug(name, key) for name, key in drinks]
    assert len({each.lower() for each in made}) == len(made)
    assert all(each.isascii() and urllib.parse.quote(each) == each for each in made)
    assert all(len(each) < 100 for each in made)


def test_long_lists_are_split_and_every_page_is_still_reached(
    documents: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "LISTED", 7)
    write_site(documents, LocalStorage(tmp_path))
    lists = [
        Parsed(path.relative_to(tmp_path).as_posix(), path.read_bytes())
        for path in [tmp_path / "index.html", *tmp_path.rglob("list-*.html")]
    ]
    found = {target for page in lists for target in page.targets()}
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")}
    assert found == there
    assert max(len(page.targets()) for page in lists[1:]) == 7 + 1  # and the way home


def test_long_sitemaps_are_split() -> None:
    keys = ["index.html", *(f"drinks/a&b-{i}.html" for i in range(24))]
    made = sitemaps("https://example.com/", keys, most=10)
    index = ElementTree.fromstring(made["sitemap.xml"])
    assert index.tag == f"{XML}sitemapindex"
    listed = [each.text or "" for each in index.iter(f"{XML}loc")]
    assert listed == [f"https://example.com/sitemap-{i}.xml" for i in (1, 2, 3)]
    parts = [
        [each.text for each in ElementTree.fromstring(made[Path(name).name]).iter(f"{XML}loc")]
        for name in listed
    ]
    assert [len(part) for part in parts] == [10, 10, 5]
    assert [each for part in parts for each in part] == [
        "https://example.com/" + key.removesuffix("index.html") for key in keys
    ]


def test_sets_of_an_older_version_and_wrong_addresses_are_refused(
    documents: dict[str, Any], tmp_path: Path
) -> None:
    less = {kind: each for kind, each in documents.items() if kind != "recipe-details"}
    with pytest.raises(AnalyticsError, match="recipe-details"):
        write_site(less, LocalStorage(tmp_path))
    for address in ("example.com", "ftp://example.com", "https://example.com/?a=b", "https://a b"):
        with pytest.raises(AnalyticsError, match="site's address"):
            write_site(documents, LocalStorage(tmp_path), base_url=address)
    assert list(tmp_path.iterdir()) == []


def test_no_drinks_make_a_site_too(tmp_path: Path) -> None:
    written = write_site(documents_from([], []), LocalStorage(tmp_path), base_url=BASE)
    assert written.files == 3  # and the sitemap, and the picture
    assert [page.key for page in parsed(tmp_path)] == ["index.html"]


def test_the_command_writes_beside_a_set_in_a_bucket(
    aws: AwsServer, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    documents = documents_from(
        [(1, "Gin", None, 0), (2, "Campari", None, 0)],
        [
            (key, name, line, 1.0, "Ounce", 30.0)
            for key, name in ((1, "Negroni"), (2, "Other"))
            for line in (1, 2)
        ],
    )
    place = f"s3://{bucket}"
    publish(
        open_storage(place),
        run_id="one",
        documents={kind: json.dumps(documents[kind]).encode() for kind in content.NEEDED},
        manifest=documents["manifest"],
        extras={"report.html": b"the page"},
    )

    def run(*more: str) -> Any:
        return CliRunner().invoke(cli.app, ["site", "--from", place, "--output", place, *more])

    done = run("--base-url", BASE, "--title", "Bar")
    assert done.exit_code == 0, done.output
    found = s3.get_object(Bucket=bucket, Key="drinks/negroni-1.html")
    assert found["ContentType"] == "text/html; charset=utf-8"
    page = Parsed("drinks/negroni-1.html", found["Body"].read())
    links = [each.get("href") for each in page.all("a")]
    assert "../analytics/v1/report.html#/drink/1" in links
    sitemap = s3.head_object(Bucket=bucket, Key="sitemap.xml")
    assert sitemap["ContentType"] == "application/xml"
    again = run("--base-url", BASE, "--title", "Bar")
    assert " 0 written," in again.stdout
    assert (
        s3.head_object(Bucket=bucket, Key="sitemap.xml")["LastModified"] == sitemap["LastModified"]
    )
    assert (
        s3.get_object(Bucket=bucket, Key="analytics/v1/report.html")["Body"].read() == b"the page"
    )
    wrong = run("--base-url", "example.com")
    assert wrong.exit_code == 2
