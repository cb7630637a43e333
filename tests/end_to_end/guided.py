"""Inputs that are changed so that they reach new branches of the readers: atheris, on libFuzzer.

`tests.end_to_end.fuzzing` breaks files blindly and in every way; here each target takes one kind
of input, the readers' branches are counted, and what reaches a new one is kept and changed on.
"""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.analytics_core.layout_files import write_layout
from tests.end_to_end.fuzzing import (
    EXTREMES,
    HANG_SECONDS,
    MEMORY_BYTES,
    check_sentence,
    quoted,
)

RECIPES = 6
LONGEST_BYTES = 8192  # of an input: the readers cap amounts, units and names far below
Target = Callable[[bytes], None]

# The readers count their branches only where they are imported under atheris's eyes.
_LAUNCHER = """
import sys
import atheris
with atheris.instrument_imports(include=["analytics_core.source"]):
    import analytics_core.source.bar_assistant
    import analytics_core.source.cocktaildb
    import analytics_core.source.mapped
    import analytics_core.source.table
    from tests.end_to_end.guided import hand_over
hand_over(sys.argv)
"""

AMOUNTS = (
    *("1 1/2 oz", "¾", "0,5 cl", "2–3 dashes", "2 x 25 ml", "½ bis 1 EL", "juice of 1/2 lime"),
    *("ca. 1.000,5 ml", "1,234.5", "1e3", "2-Jan", "2026-02-01", "a dash", "un filet", "大さじ1"),
    *("1'000", "-3", "to top", "½ бутылки", "couple of", "3/4", "٣", ".5oz", "n/a", "12 — 14"),
)
UNITS = (
    *("Fl. Oz", "bottle (330 ml)", "1.5 oz jigger", "dash(es)", "cuillère-à-café", "Łyżka"),
    *("large leaves", "oz, chilled", "TOP-UP", "大さじ", "can / 2 fl oz", "half", "ml/oz", "%"),
)
TABLES = (
    "recipe,ingredient,amount,unit\nNegroni,Gin,1,oz\n,Campari,1,oz\nMartini,Gin,2½,oz\n",
    'Name;Zutat;Menge;Pfad\nA;Gin;"0,5 cl";Spirits > Gin\nB;Rum;2-Jan;Spirits/Rum\n',
    "strDrink\tstrIngredient1\tstrMeasure1\tstrIngredient2\tstrMeasure2\nX\tGin\t1 oz\tRum\t2\n",
    "My bar\n\nid|recipe|ingredient|amount|parent|optional\n1|A|Gin|3/4 leaf|Rum|x\n2|A|Rum||Gin\n",
)


def quantities(_folder: Path) -> Target:
    """Amounts in words and numbers, with each decimal mark."""
    from analytics_core.source.quantities import Mark, decimal_mark, parse_quantity

    marks: tuple[Mark | None, ...] = (None, ".", ",")

    def run(data: bytes) -> None:
        text = data[1:].decode(errors="replace")
        found = parse_quantity(text, marks[data[0] % 3] if data else None)
        assert found.amount is None or isinstance(found.amount, float)
        assert "\n" not in found.unit
        assert decimal_mark([text]) in marks

    return run


def units(_folder: Path) -> Target:
    """A unit's name and abbreviation, and an ingredient's name beside it."""
    from analytics_core.source.sizes import piece_volume_ml
    from analytics_core.source.unit_table import unit_meaning

    def run(data: bytes) -> None:
        name, _, other = data.decode(errors="replace").partition("\n")
        meaning = unit_meaning(name, other or None)
        for volume in (None if meaning is None else meaning.ml, piece_volume_ml(name, other)):
            assert volume is None or 0 < volume < math.inf, volume

    return run


def table(folder: Path) -> Target:
    """A table as a spreadsheet exports it, byte by byte."""
    path = folder / "bar.csv"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        read(path, "table")

    return run


def mapping(folder: Path) -> Target:
    """The TOML file that maps another program's tables."""
    database, options = small(folder, "other.toml")

    def run(data: bytes) -> None:
        Path(options).write_bytes(data)
        read(database, options, names=(database, Path(options)))

    return run


def pages(folder: Path) -> Target:
    """A SQLite file, byte by byte, as it lies beside its program."""
    from analytics_core.source.layouts import take_copy

    database, options = small(folder, "cocktaildb")

    def run(data: bytes) -> None:
        database.write_bytes(data)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            copied = judged(lambda: take_copy(database, Path(scratch)), names=(database,))
            if copied is not None:
                read(copied, options, called=database)

    return run


def values(layout: str) -> Callable[[Path], Target]:
    """Return the target that puts values of any type anywhere into the tables of a layout."""

    def target(folder: Path) -> Target:
        import atheris

        sound, options = small(folder, layout)
        database = folder / "changed.db"
        with closing(sqlite3.connect(sound)) as db:
            names = [
                name
                for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                if not name.startswith("sqlite_")
            ]
            places = [
                (name, row[1])
                for name in names
                for row in db.execute(f"PRAGMA table_info({quoted(name)})")
            ]

        def run(data: bytes) -> None:
            given = atheris.FuzzedDataProvider(data)
            shutil.copyfile(sound, database)
            with closing(sqlite3.connect(database, isolation_level=None)) as db:
                for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"):
                    db.execute(f"PRAGMA {pragma}")
                while given.remaining_bytes():
                    name, column = places[given.ConsumeIntInRange(0, len(places) - 1)]
                    row = given.ConsumeIntInRange(1, 40)
                    with suppress(sqlite3.Error, UnicodeEncodeError):  # what SQLite keeps out
                        db.execute(
                            f"UPDATE OR IGNORE {quoted(name)} SET {quoted(column)} = ?"
                            f" WHERE rowid % {given.ConsumeIntInRange(1, 8)} = ? % 8",
                            (_value(given), row),
                        )
            read(database, options)

        return run

    return target


def _value(given: Any) -> object:
    """Return a value of one of SQLite's types; small numbers are likely to be ids."""
    kind = given.ConsumeIntInRange(0, 6)
    if kind == 0:
        return None
    if kind == 1:
        return given.ConsumeIntInRange(0, 40)
    if kind == 2:
        return given.ConsumeIntInRange(-(2**63), 2**63 - 1)
    if kind == 3:
        return given.ConsumeFloat()
    if kind == 4:
        return given.ConsumeBytes(given.ConsumeIntInRange(0, 40))
    if kind == 5:
        return EXTREMES[given.ConsumeIntInRange(0, len(EXTREMES) - 1)]
    return given.ConsumeUnicode(given.ConsumeIntInRange(0, 40))


TARGETS: dict[str, Callable[[Path], Target]] = {
    "quantities": quantities,
    "units": units,
    "table": table,
    "mapping": mapping,
    "pages": pages,
    "cocktaildb": values("cocktaildb"),
    "bar-assistant": values("bar-assistant"),
    "other.toml": values("other.toml"),
}


def judged(work: Callable[[], Any], *, names: Iterable[Path]) -> Any:
    """Return what comes of some work, or None where it is refused in one clear sentence."""
    from analytics_core.errors import Busy, DataError

    try:
        return work()
    except (DataError, Busy) as error:
        check_sentence(str(error), names)
    return None


def read(
    database: Path, layout: str, *, called: Path | None = None, names: Iterable[Path] = ()
) -> None:
    """Read a file to the end, its volumes as they are poured."""
    from analytics_core.source.layouts import load_catalog

    called = called or database
    judged(
        lambda: load_catalog(database, called=called, layout=layout, volumes="poured"),
        names=(*names, called),
    )


def small(folder: Path, layout: str) -> tuple[Path, str]:
    """Write a layout's file with a few recipes in small pages; return also its ``--layout``."""
    path, options = write_layout(folder, layout)
    recipes, lines, recipe = {
        "cocktaildb": ("recipes", "recipe_ingredients", "recipe_id"),
        "bar-assistant": ("cocktails", "cocktail_ingredients", "cocktail_id"),
        "other.toml": ("drink", "pour", "drink"),
    }[layout]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        kept = f"(SELECT rowid FROM {recipes} ORDER BY rowid LIMIT {RECIPES})"
        db.execute(f"DELETE FROM {lines} WHERE {recipe} NOT IN {kept}")
        db.execute(f"DELETE FROM {recipes} WHERE rowid NOT IN {kept}")
        db.execute("PRAGMA page_size = 512")
        db.execute("VACUUM")
    return path, options


def _seeds(target: str, folder: Path) -> list[bytes]:
    """Return the inputs that a target begins with."""
    if target == "quantities":
        return [bytes([mark]) + text.encode() for mark in range(3) for text in AMOUNTS]
    if target == "units":
        return [f"{name}\n{other}".encode() for name in UNITS for other in ("", "Mint", "Lime")]
    if target == "table":
        encodings = ("utf-8", "utf-8-sig", "utf-16", "cp1252")
        texts = (*TABLES, f"id,recipe,ingredient\n{'1' * 5000},A,Gin\n")
        return [text.encode(encoding, "replace") for text in texts for encoding in encodings]
    if target == "mapping":
        sound = Path(small(folder, "other.toml")[1]).read_bytes()
        odd = ("1" * 5000, "[" * 2000, "{b=" * 1000, "1979-05-27", "'\\n'", '"\\u001b"')
        return [sound, *(f"a = {value}\n".encode() + sound for value in odd)]
    if target == "pages":
        return [small(folder, "cocktaildb")[0].read_bytes()]
    return [b"", bytes(range(64))]


def _words(target: str) -> list[bytes]:
    """Return what an input of a target is likely to hold: libFuzzer's dictionary."""
    from analytics_core.source.unit_table import spellings

    words = [str(value).encode("utf-8", "replace")[:64] for value in EXTREMES]
    if target in {"quantities", "units", "table"}:
        words += [spelling.encode() for spelling, _ in spellings()]
    if target == "mapping":
        names = "lines recipes ingredients units substitutes parts table id name parent amount ml"
        words += [word.encode() for word in (*names.split(), "[[", '"""', "=", "[", "0x")]
    return sorted({word for word in words if word})


@dataclass
class Figures:
    """What came of one target."""

    runs: int = 0
    branches_at_first: int = 0
    branches: int = 0
    inputs_kept: int = 0
    peak_bytes: int = 0
    faults: list[str] = field(default_factory=list)


def explore(target: str, *, seconds: float, seed: int = 1) -> Figures:
    """Let libFuzzer change inputs of a target for so long, in a process of its own.

    It stops at the first fault: whatever is neither read nor refused in one sentence, takes
    longer than a minute, or more memory than a worker may hold.
    """
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        corpus, made, words = (Path(folder) / name for name in ("corpus", "made", "words"))
        for each in (corpus, made):
            each.mkdir()
        for number, data in enumerate(_seeds(target, made)):
            (corpus / str(number)).write_bytes(data)
        quoted_words = ("".join(f"\\x{byte:02x}" for byte in word) for word in _words(target))
        words.write_text("".join(f'"{word}"\n' for word in quoted_words), encoding="ascii")
        flags = {
            "max_total_time": max(1, round(seconds)),
            "max_len": LONGEST_BYTES * (4 if target == "pages" else 1),
            "timeout": HANG_SECONDS,
            "rss_limit_mb": MEMORY_BYTES >> 20,
            "seed": seed,
            "dict": words,
            "artifact_prefix": f"{folder}/",
            "print_final_stats": 1,
        }
        done = subprocess.run(
            [
                *(sys.executable, "-c", _LAUNCHER, target),
                *(f"-{name}={value}" for name, value in flags.items()),
                str(corpus),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        told = done.stdout + done.stderr
        covered = [int(count) for count in re.findall(r"\bcov: (\d+)", told)]
        if covered:
            figures.branches_at_first, figures.branches = covered[0], covered[-1]
        final = dict(re.findall(r"^stat::(\w+): +(\d+)$", told, re.MULTILINE))
        figures.runs = int(final.get("number_of_executed_units", 0))
        figures.peak_bytes = int(final.get("peak_rss_mb", 0)) << 20
        figures.inputs_kept = len(list(corpus.iterdir()))
        if done.returncode:
            found = [path.read_bytes() for path in Path(folder).glob("*-*") if path.is_file()]
            figures.faults.append(f"{told[-3000:]} {[data[:2000] for data in found]}")
    return figures


def hand_over(words: list[str]) -> None:
    """Hand a target to libFuzzer: its name, then libFuzzer's flags."""
    import atheris

    program, target, *flags = words
    with tempfile.TemporaryDirectory() as folder:
        atheris.Setup([program, *flags], TARGETS[target](Path(folder)))
        atheris.Fuzz()
