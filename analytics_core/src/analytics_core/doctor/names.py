"""Names that differ in nothing that matters, and names with blanks that nobody sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from analytics_core.naming import fold, same_words
from analytics_core.source.findings import Finding, finding_of

if TYPE_CHECKING:
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.source.catalog import Catalog


def label(name: str, ident: int) -> str:
    """Return what an example is called: its name and id."""
    return f"{' '.join(name.split())} (id {ident})"


def tidy(name: str) -> str:
    """Return a name with single blanks of the ordinary kind, and none at either end."""
    return " ".join(name.split())


def _named(catalog: Catalog) -> Iterator[tuple[str, str, list[int], Sequence[str]]]:
    yield "ingredient", "ingredients", catalog.ingredients.ids.tolist(), catalog.ingredients.names
    yield "recipe", "recipes", catalog.recipes.ids.tolist(), catalog.recipes.names


def blanks_in_names(catalog: Catalog) -> list[Finding]:
    """Find names with blanks at an end, several in a row, or of an unusual kind."""
    odd = [
        f"{noun} {ident}: {_with_marks(name)}"
        for noun, _, ids, names in _named(catalog)
        for ident, name in zip(ids, names, strict=True)
        if name != tidy(name)
    ]
    return finding_of(
        "blanks-in-name",
        "Found {} with blanks at an end, several in a row, or of a kind that no keyboard types.",
        ("name", "names"),
        odd,
    )


def _with_marks(name: str) -> str:
    """Return a name with a mark for each blank that should not be there."""
    shown = ["␣" if character.isspace() else character for character in name]
    for at in range(1, len(name) - 1):
        if name[at] == " " and not name[at - 1].isspace() and name[at + 1 :].strip():
            shown[at] = " "
    return "".join(shown)


def same_names(catalog: Catalog) -> list[Finding]:
    """Find names that are one but for case, accents, quotes, dashes and blanks."""
    found = []
    for noun, nouns, ids, names in _named(catalog):
        groups: dict[str, list[int]] = defaultdict(list)
        for row, name in enumerate(names):
            groups[fold(name) or name].append(row)
        twice = [rows for rows in groups.values() if len(rows) > 1]
        found += finding_of(
            f"same-{noun}-name",
            "Found {} whose name another has too, but for case, accents, quotes, dashes or blanks.",
            (noun, nouns),
            [" and ".join(label(names[row], ids[row]) for row in rows) for rows in twice],
            count=sum(map(len, twice)),
        )
    return found


def similar_names(catalog: Catalog, tree: IngredientTree) -> list[Finding]:
    """Find names that differ in a plural, or in the order of their words.

    Ingredients of different kinds may: chocolate milk is no milk chocolate.
    """
    found = []
    for noun, nouns, ids, names in _named(catalog):
        rows_of: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row, name in enumerate(names):
            for key, words in enumerate(same_words(name)):
                if words:
                    rows_of[key, words].append(row)
        pairs = set()
        for rows in rows_of.values():
            for one, other in pairwise(rows):
                if fold(names[one]) == fold(names[other]):
                    continue  # the same name, which is another finding
                if noun == "ingredient" and not _one_kind(tree, one, other):
                    continue
                pairs.add((one, other))
        found += finding_of(
            f"similar-{noun}-name",
            "Found {} whose name differs from another's in a plural, punctuation, or word order.",
            (noun, nouns),
            [" and ".join(label(names[row], ids[row]) for row in pair) for pair in sorted(pairs)],
            count=len({row for pair in pairs for row in pair}),
        )
    return found


def _one_kind(tree: IngredientTree, one: int, other: int) -> bool:
    """Whether two ingredients have one root; where one has no parent, nobody knows."""
    if tree.parents[one] < 0 or tree.parents[other] < 0:
        return True
    return bool(tree.roots[one] == tree.roots[other])
