"""What a reader of the documentation follows is there, and prose keeps to its width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
WIDTH = 119
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
ROOTS = (ROOT, ROOT / "analytics_core", ROOT / "analytics_core" / "src" / "analytics_core")
PLACE = re.compile(
    r"`((?:analytics_core|benchmarks|client|container|image|infra|mutants|scripts|similarity|source"
    r"|store|tests|trigger)/[\w./-]+\.(?:py|toml|sh|ts|mk|lock))`"
)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines outside of code blocks."""
    code = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = line.lstrip().startswith("```")
        code ^= fence
        if not code and not fence:
            yield number, line


def anchors(page: Path) -> set[str]:
    """What can be linked to on a page, as GitHub names its headings."""
    found = set(re.findall(r'<a id="([^"]+)">', page.read_text(encoding="utf-8")))
    for _, line in prose(page):
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(words.replace(" ", "-"))
    return found


@pages
def test_links_lead_somewhere(page: Path) -> None:
    text = "\n".join(line for _, line in prose(page))
    for link in (one or other for one, other in LINK.findall(text)):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pages
def test_files_that_are_named_exist(page: Path) -> None:
    for name in PLACE.findall(page.read_text(encoding="utf-8")):
        assert any((root / name).exists() for root in ROOTS), name


@pages
def test_lines_of_prose_are_short(page: Path) -> None:
    """Tables, pictures and lines of one long word apart."""
    if page.name == "api.md":  # made from the docstrings
        return
    long = [
        number
        for number, line in prose(page)
        if len(line) > WIDTH and not line.startswith(("|", "<")) and " " in line.strip()
    ]
    assert not long, f"{page.name}: lines {long}"
