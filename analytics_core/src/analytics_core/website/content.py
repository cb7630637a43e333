"""What each page says: drinks, ingredients, and the lists that lead to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from analytics_core.errors import AnalyticsError
from analytics_core.naming import fold, in_address
from analytics_core.report.page import Site, site_block
from analytics_core.website.frame import Page, clean, link, section, unordered
from analytics_core.website.picture import map_picture
from analytics_core.wording import say_line

Row = Mapping[str, Any]

NEEDED = (
    "recipe-details",
    "recipe-similar",
    "ingredient-tree",
    "ingredient-substitutes",
    "cocktail-space-em",
)
PICTURE = "preview.png"
LISTED = 1_000
"""Entries on one page of a list."""
DRINKS_SHOWN = 500
"""Drinks that an ingredient's page names."""
SWAPS_SHOWN = 10
DECLARED = {"substitute": "a recipe here names it", "variant": "a variant here has it instead"}
_SLUG_LENGTH = 60
"""Characters of an address that come from a name."""


def slug(name: str, key: int) -> str:
    """Return an address for a name; the id at its end keeps it apart from every other.

    Examples
    --------
    >>> slug("Crème de Menthe Frappé", 12), slug("ネグローニ", 3)
    ('creme-de-menthe-frappe-12', '3')
    """
    words = "-".join(re.findall("[a-z0-9]+", fold(name[:1000])))
    words = words[:_SLUG_LENGTH].rstrip("-")
    return f"{words}-{key}" if words else str(key)


def check_site(site: Site, base_url: str | None) -> None:
    """See that the addresses of a site are some, before anything is read.

    Raises
    ------
    AnalyticsError
        One is none of the web.
    """
    site_block(site)
    if base_url is not None and not re.fullmatch(r"https?://[^\s?#]+", base_url):
        raise AnalyticsError(
            f"the site's address {base_url!r} should be one of the web, such as"
            " https://example.com/drinks/"
        )


@dataclass(frozen=True, slots=True)
class _Ingredient:
    """An ingredient as the tree has it."""

    id: int
    name: str
    parent: int | None
    children: tuple[int, ...]
    recipes: int
    """Recipes that name it or anything below it."""
    made_of: tuple[tuple[int, str], ...]
    """Id and name of each thing that the owner makes it of."""


class SitePages:
    """The pages of one published set.

    Parameters
    ----------
    documents : mapping
        Parsed documents by type.
    site : Site, optional
        Its title, and where its own recipes are.
    base_url : str, optional
        Where the pages will stand on the web; they then name their own addresses.
    atlas : str, optional
        The page's address, from the site's own folder.

    Raises
    ------
    AnalyticsError
        A document is missing, or `base_url` is no address of the web.
    """

    def __init__(
        self,
        documents: Mapping[str, Mapping[str, Any]],
        site: Site | None = None,
        *,
        base_url: str | None = None,
        atlas: str | None = None,
    ) -> None:
        if missing := [kind for kind in NEEDED if kind not in documents]:
            raise AnalyticsError(
                f"the site needs the documents {', '.join(missing)}, which are not there;"
                " run a refresh with this version"
            )
        self.site = site or Site()
        check_site(self.site, base_url)
        self.base_url = base_url.rstrip("/") + "/" if base_url else None
        self._atlas = atlas
        data = {kind: documents[kind]["data"] for kind in NEEDED}
        self._positions: list[Row] = data["cocktail-space-em"]
        self._details: dict[int, Row] = {row["recipe_id"]: row for row in data["recipe-details"]}
        self._similar: dict[int, Row] = {row["recipe_id"]: row for row in data["recipe-similar"]}
        self._substitutes = {row["ingredient_id"]: row for row in data["ingredient-substitutes"]}
        self._ingredients = {one.id: one for one in _flattened(data["ingredient-tree"])}
        self._named: dict[int, list[int]] = {}
        for row in self._details.values():
            for line in (*row["lines"], *row.get("optional", ())):
                named = self._named.setdefault(line["ingredient_id"], [])
                if row["recipe_id"] not in named[-1:]:
                    named.append(row["recipe_id"])
        self._swaps = self._find_swaps()
        self._drink_keys = {
            key: f"drinks/{slug(row['recipe_name'], key)}.html"
            for key, row in self._details.items()
        }
        self._ingredient_keys = {
            key: f"ingredients/{slug(one.name, key)}.html" for key, one in self._ingredients.items()
        }
        self._drink_of = {address: key for key, address in self._drink_keys.items()}
        self._ingredient_of = {address: key for key, address in self._ingredient_keys.items()}
        self._lists = {
            "drinks": _Lists("drinks", self._drinks_by_name()),
            "ingredients": _Lists("ingredients", self._ingredients_by_name()),
        }

    def keys(self) -> list[str]:
        """Return the key of every page."""
        return [
            "index.html",
            *(key for kind in self._lists.values() for key in kind[1:]),
            *self._drink_keys.values(),
            *self._ingredient_keys.values(),
        ]

    def page(self, key: str) -> Page:
        """Make one page.

        Parameters
        ----------
        key : str
            One of `keys`.
        """
        if key == "index.html":
            return self._index()
        for kind, lists in self._lists.items():
            if key in lists:
                return self._list_page(kind, lists.index(key))
        if key in self._drink_of:
            return self._drink(self._drink_of[key])
        return self._ingredient(self._ingredient_of[key])

    def picture(self) -> bytes:
        """Draw what the previews of links show."""
        return map_picture(self._positions, list(self._details.values()))

    def _drinks_by_name(self) -> list[tuple[str, str]]:
        rows = self._details.items()
        ordered = sorted(rows, key=lambda item: (fold(item[1]["recipe_name"]), item[0]))
        return [(self._drink_keys[key], row["recipe_name"]) for key, row in ordered]

    def _ingredients_by_name(self) -> list[tuple[str, str]]:
        ordered = sorted(self._ingredients.values(), key=lambda one: (fold(one.name), one.id))
        return [(self._ingredient_keys[one.id], one.name) for one in ordered]

    def _index(self) -> Page:
        title = self.site.title
        parts = [
            f"<p>{len(self._details):,} drinks and {len(self._ingredients):,} ingredients.</p>"
        ]
        if self._atlas:
            parts.append(f"<p>{link(self._atlas, 'All of them on one map', bare=True)}</p>")
        for kind, lists in self._lists.items():
            if len(lists.parts) > 1:
                inner = unordered(link(key, lists.span(at)) for at, key in enumerate(lists[1:]))
            else:
                inner = unordered(
                    (link(key, name) for part in lists.parts for key, name in part), columns=True
                )
            parts.append(section(kind.capitalize(), inner))
        return Page(
            key="index.html",
            title=title,
            heading=title,
            description=f"{len(self._details):,} drinks: what is made alike, and what to swap.",
            body="".join(parts),
        )

    def _list_page(self, kind: str, at: int) -> Page:
        lists = self._lists[kind]
        heading = f"{kind.capitalize()}, {at} of {len(lists.parts)}"
        return Page(
            key=lists[at],
            title=heading,
            heading=heading,
            description=f"{kind.capitalize()} from {lists.span(at - 1)}.",
            body=unordered(
                (link(f"../{key}", name) for key, name in lists.parts[at - 1]), columns=True
            ),
        )

    def _drink(self, key: int) -> Page:
        row = self._details[key]
        name = row["recipe_name"]
        lines = [_said(line) for line in row["lines"]]
        parts = []
        facts = []
        if (abv := row.get("abv")) is not None:
            water = row.get("dilution")
            served = "" if water is None else f", about {abv / (1 + water / 100):.0f}% in the glass"
            facts.append(f"{abv:.0f}% alcohol by volume before the ice melts{served}.")
        if method := row.get("method"):
            facts.append(f"Method: {clean(method, escaped=True)}.")
        if (above := row.get("variant_of")) and above["recipe_id"] in self._drink_keys:
            facts.append(f"A variant of {self._to_drink(above['recipe_id'])}.")
        parts += [f"<p>{fact}</p>" for fact in facts]
        parts.append(section("Ingredients", unordered(self._line(line) for line in row["lines"])))
        if row.get("optional"):
            parts.append(section("If wanted", unordered(map(self._line, row["optional"]))))
        neighbors = self._similar.get(key, {}).get("neighbors", [])
        told = [
            self._told(near) for near in neighbors if near["neighbor_recipe_id"] in self._details
        ]
        if told:
            parts.append(section("Made alike", unordered(told)))
        ways = []
        own = self._own_address(key, name)
        if own:
            ways.append(link(own, "The recipe", bare=True))
        if self._atlas:
            ways.append(link(f"../{self._atlas}#/drink/{key}", "On the map", bare=True))
        if ways:
            parts.append(f"<p>{' · '.join(ways)}</p>")
        address = own or (self.base_url and self.base_url + self._drink_keys[key])
        recipe = {
            "@context": "https://schema.org",
            "@type": "Recipe",
            "name": clean(name),
            "recipeCategory": "Cocktail",
            "recipeIngredient": [clean(line) for line in lines],
        }
        if address and address.startswith("http"):
            recipe["url"] = address
        named = ", ".join(line["ingredient_name"] for line in row["lines"])
        alike = ", ".join(near["neighbor_name"] for near in neighbors[:3])
        return Page(
            key=self._drink_keys[key],
            title=name,
            heading=name,
            description=f"{name}: {named}." + (f" Made alike: {alike}." if alike else ""),
            body="".join(parts),
            data=recipe,
        )

    def _told(self, near: Row) -> str:
        words = near.get("words")
        said = f"<p>{clean(words, escaped=True)}</p>" if words else ""
        return self._to_drink(near["neighbor_recipe_id"]) + said

    def _line(self, line: Row) -> str:
        """Say a line, its ingredient's name as a link."""
        said, name = _said(line), line["ingredient_name"]
        target = self._to_ingredient(line["ingredient_id"], name)
        if said.endswith(name):
            return clean(said.removesuffix(name), escaped=True) + target
        return target + clean(said.removeprefix(name), escaped=True)

    def _ingredient(self, key: int) -> Page:
        one = self._ingredients[key]
        parts = []
        if above := list(self._above(one)):
            way = " › ".join(self._to_ingredient(each.id, each.name) for each in reversed(above))
            parts.append(f'<nav aria-label="Kind">{way}</nav>')
        named = self._named.get(key, [])
        parts.append(f"<p>In {_count(one.recipes, 'drink')}.</p>")
        if one.made_of:
            made = (self._to_ingredient(part, name) for part, name in one.made_of)
            parts.append(section("Made here of", unordered(made)))
        if one.children:
            kinds = (self._ingredients[child] for child in one.children)
            parts.append(
                section(
                    "Kinds",
                    unordered(
                        f"{self._to_ingredient(kind.id, kind.name)}, in"
                        f" {_count(kind.recipes, 'drink')}"
                        for kind in sorted(kinds, key=lambda kind: (-kind.recipes, kind.id))
                    ),
                )
            )
        others = self._substitutes.get(key, {}).get("substitutes", [])
        if others:
            parts.append(section("What stands in for it", unordered(map(self._stands_in, others))))
        if swaps := self._swaps.get(key):
            parts.append(
                section(
                    "Swapped",
                    unordered(
                        f"{self._to_drink(recipe)} → {self._to_drink(other)}"
                        f"<p>{clean(words, escaped=True)}</p>"
                        for _, recipe, other, words in swaps
                    ),
                )
            )
        if named:
            ordered = sorted(
                named, key=lambda each: (fold(self._details[each]["recipe_name"]), each)
            )
            shown = [self._to_drink(each) for each in ordered[:DRINKS_SHOWN]]
            more = len(ordered) - len(shown)
            rest = f"<p>And {more:,} more.</p>" if more > 0 else ""
            parts.append(section("Drinks that name it", unordered(shown, columns=True) + rest))
        alike = ", ".join(other["ingredient_name"] for other in others[:5])
        return Page(
            key=self._ingredient_keys[key],
            title=one.name,
            heading=one.name,
            description=f"{one.name}, in {_count(one.recipes, 'drink')}."
            + (f" What stands in for it: {alike}." if alike else ""),
            body="".join(parts),
        )

    def _stands_in(self, other: Row) -> str:
        said = self._to_ingredient(other["ingredient_id"], other["ingredient_name"])
        words = [_count(other["recipes"], "recipe")] if other.get("recipes") else []
        words += [DECLARED[other["declared"]]] if other.get("declared") else []
        return f"{said}: {', '.join(words)}" if words else said

    def _above(self, one: _Ingredient) -> Iterator[_Ingredient]:
        while one.parent is not None:
            one = self._ingredients[one.parent]
            yield one

    def _find_swaps(self) -> dict[int, list[tuple[float, int, int, str]]]:
        """Find, for each ingredient, the nearest two drinks for each thing it is swapped for."""
        best: dict[int, dict[int, tuple[float, int, int, str]]] = {}
        for row in self._similar.values():
            for near in row["neighbors"]:
                pair = row["recipe_id"], near["neighbor_recipe_id"]
                if not near.get("words") or not all(each in self._details for each in pair):
                    continue
                for step in near.get("steps", ()):
                    if step["kind"] != "swap" or len(step["from"]) != 1 or len(step["to"]) != 1:
                        continue
                    found = (near["distance"], *pair, near["words"])
                    known = best.setdefault(step["from"][0]["ingredient_id"], {})
                    to = step["to"][0]["ingredient_id"]
                    if to not in known or found < known[to]:
                        known[to] = found
        return {
            key: sorted({(found[1], found[2]): found for found in known.values()}.values())[
                :SWAPS_SHOWN
            ]
            for key, known in best.items()
        }

    def _to_drink(self, key: int) -> str:
        return link(f"../{self._drink_keys[key]}", self._details[key]["recipe_name"])

    def _to_ingredient(self, key: int, name: str) -> str:
        if key not in self._ingredient_keys:
            return f"<bdi>{clean(name, escaped=True)}</bdi>"
        return link(f"../{self._ingredient_keys[key]}", name)

    def _own_address(self, key: int, name: str) -> str | None:
        if self.site.recipe_url is None:
            return None
        pattern = self.site.recipe_url.replace("{id}", str(key))
        return pattern.replace("{name}", in_address(name))


class _Lists(list[str]):
    """The keys of a list's pages, after the index, which has a short list itself."""

    def __init__(self, kind: str, entries: list[tuple[str, str]]) -> None:
        self.parts = [entries[at : at + LISTED] for at in range(0, len(entries), LISTED)]
        several = range(1, len(self.parts) + 1) if len(self.parts) > 1 else ()
        super().__init__(["index.html", *(f"{kind}/list-{at}-of-all.html" for at in several)])

    def span(self, at: int) -> str:
        """Return the names that a part begins and ends with."""
        names = [clean(self.parts[at][end][1])[:40].strip() for end in (0, -1)]
        return " – ".join(names)


def _flattened(tree: Row) -> Iterator[_Ingredient]:
    pending: list[tuple[Row, int | None]] = [(child, None) for child in tree.get("children") or ()]
    while pending:
        node, parent = pending.pop()
        children = node.get("children") or ()
        yield _Ingredient(
            id=int(node["id"]),
            name=node["name"],
            parent=parent,
            children=tuple(int(child["id"]) for child in children),
            recipes=int(node.get("hierarchical_recipe_count") or 0),
            made_of=tuple((int(part["id"]), part["name"]) for part in node.get("made_of") or ()),
        )
        pending += [(child, int(node["id"])) for child in children]


def _said(line: Row) -> str:
    return say_line(line["amount"], line["volume_ml"], line["unit"], line["ingredient_name"])


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
