"""Write `docs/units.md` from the table of units: `make api`."""

from __future__ import annotations

from pathlib import Path

from analytics_core.source.sizes import UNKNOWN_PIECE_ML
from analytics_core.source.unit_table import meanings, read_table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "units.md"
HEAD = """# Units, and how large things are

Made from `source/units.toml` and `source/volumes.toml` by `make api`. Used under `--volumes
poured`, and under either rule where a layout has no volumes of its own for its units;
[data.md](data.md#volume-of-a-line-in-milliliters) has the rules. Case, accents, dots, blanks and
hyphens do not count: *Fl. Oz* is *floz*, *top-up* is *topup*. Of a longer text the unit in it
counts, *large leaves*, and a size, *can (330 ml)*. A number in it is a factor, in digits or in
words: *1/2 oz*, *half pint*, *cuarto de litro*. Where one does not fit, *oz, half*, the unit is
not known.

A unit that is missing here is a finding, `unit-without-volume`; write its milliliters into the
database, or its spelling into `units.toml`. The table is our own because a library for physical
units would add little: pint takes 5 MB and a quarter of a second to load, knows English alone,
and neither dash nor barspoon, splash, jigger or *fill up*.

- **measure**: by definition. A conversion in the database wins, unless it is more than three
  times too large or small; always beside a part in words, *quarter oz*.
- **bar**: as is usual behind a bar. A conversion in the database wins within a factor of ten.
- **container**: as large as what is in it.
- **piece**: counted. Without a size of its own, that of the ingredient.
- **top**, **rinse**: one volume, whatever is written beside it.
- **taste**: what other lines pour of the ingredient.

| unit | ml | | in English | elsewhere |
|---|---|---|---|---|
"""
_NOT_LANGUAGES = {"kind", "ml", "share", "en"}
_HEADS = {
    "parts": "Pieces by a word in the ingredient's name",
    "things": "Where none of these fits: fruit whole, herbs by the leaf, spices by the pinch",
    "bottle": "Bottles by what is in them",
    "can": "Cans by what is in them",
}


def page() -> str:
    """Return the whole page."""
    rows = []
    for name, entry in read_table("units.toml").items():
        meaning = meanings()[name]
        share = f"{meaning.share:g} of one" if meaning.share != 1 else ""
        elsewhere = " · ".join(
            f"{language} {text.split(',')[0].strip()}"
            for language, text in entry.items()
            if language not in _NOT_LANGUAGES
        )
        size = share if meaning.ml is None else f"{meaning.ml:g}"
        english = entry.get("en", "")
        rows.append(f"| {name} | {size} | {meaning.kind} | {english} | {elsewhere} |")
    table = read_table("volumes.toml")
    groups = {**{name: table[name] for name in ("parts", "things")}, **table["containers"]}
    sizes = [_sizes(_HEADS[name], groups[name]) for name in _HEADS]
    unknown = groups["unknown"]
    rest = (
        f"A bottle of anything else is {unknown['bottle']:g} ml, a can {unknown['can']:g} ml, any "
        f"other piece {UNKNOWN_PIECE_ML:g} ml\nunless other lines measure the ingredient; each of "
        "these is a finding, `guessed-volume`."
    )
    return "\n".join([HEAD + "\n".join(rows), *sizes, "", rest, ""])


def _sizes(head: str, group: dict[str, str]) -> str:
    rows = [f"| {size} | {' '.join(text.split())} |" for size, text in group.items()]
    return "\n".join([f"\n## {head}\n", "| ml | words |", "|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
