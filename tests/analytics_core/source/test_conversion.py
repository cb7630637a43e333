"""A database of any layout becomes one of ours that says the same; nothing is lost on the way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics_core import cli
from analytics_core.errors import DataError, StorageError
from analytics_core.sample import write_sample_database
from analytics_core.source import conversion
from analytics_core.source.conversion import write_catalog
from analytics_core.source.layouts import load_catalog
from analytics_core.source.poured import VolumeRule
from tests.analytics_core.bars import VERSIONS, sample_as_bar, write_bar
from tests.analytics_core.databases import as_a_full_disk, write_database


@pytest.mark.parametrize("rule", ["site", "poured"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_bar_and_what_it_becomes_are_one(tmp_path: Path, version: str, rule: VolumeRule) -> None:
    source = write_bar(tmp_path / "bar.sqlite", version, wal=False)
    write_catalog(load_catalog(source), tmp_path / "site.db")
    before, after = (load_catalog(p, volumes=rule) for p in (source, tmp_path / "site.db"))
    assert (before.layout, after.layout) == ("bar-assistant", "cocktaildb")
    assert after.fingerprint == before.fingerprint
    assert after.findings == before.findings


@pytest.mark.parametrize("rule", ["site", "poured"])
def test_the_sample_by_way_of_a_bar(tmp_path: Path, rule: VolumeRule) -> None:
    bar = sample_as_bar(tmp_path / "bar.sqlite", recipes=None)
    write_catalog(load_catalog(bar), tmp_path / "site.db")
    before, after = (load_catalog(p, volumes=rule) for p in (bar, tmp_path / "site.db"))
    assert after.fingerprint == before.fingerprint
    assert len(after.recipes.names) == 454


@pytest.mark.parametrize("rule", ["site", "poured"])
def test_our_own_layout_stays_what_it_is(tmp_path: Path, rule: VolumeRule) -> None:
    write_sample_database(tmp_path / "sample.db")
    for source in (tmp_path / "sample.db", write_database(tmp_path / "bar.db")):
        write_catalog(load_catalog(source), tmp_path / "site.db", overwrite=True)
        before, after = (load_catalog(p, volumes=rule) for p in (source, tmp_path / "site.db"))
        assert after.fingerprint == before.fingerprint
        with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
            columns = connection.execute("PRAGMA table_info(recipe_ingredients)").fetchall()
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        assert len(columns) == 5  # nothing beside the site's own, as there is nothing to say
        assert tables == (4,)


def test_a_file_is_not_written_over_unless_asked(tmp_path: Path) -> None:
    catalog = load_catalog(write_bar(tmp_path / "bar.sqlite", wal=False))
    target = tmp_path / "site.db"
    target.write_text("mine")
    with pytest.raises(DataError, match=r"site\.db exists already"):
        write_catalog(catalog, target)
    assert target.read_text() == "mine"
    write_catalog(catalog, target, overwrite=True)
    assert load_catalog(target).fingerprint == catalog.fingerprint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bar.sqlite", "site.db"]


@pytest.mark.parametrize("name", ["", "no/such/site.db"])
def test_where_nothing_can_be_written(tmp_path: Path, name: str) -> None:
    catalog = load_catalog(write_bar(tmp_path / "bar.sqlite", wal=False))
    wrong = StorageError if name else DataError
    with pytest.raises(wrong, match=r"is a folder|does not exist; make it"):
        write_catalog(catalog, tmp_path / name)


def test_a_folder_that_cannot_be_written_is_named_before_the_source_is_read(
    tmp_path: Path,
) -> None:
    result = CliRunner().invoke(cli.app, ["convert", str(tmp_path / "no.db"), "/proc/site.db"])
    assert result.exit_code == StorageError.exit_code, result.output
    assert "The database /proc/site.db cannot be written: No such file" in result.stderr


def test_a_full_disk_is_no_fault_of_the_data(tmp_path: Path) -> None:
    catalog = load_catalog(write_bar(tmp_path / "bar.sqlite", wal=False))
    with as_a_full_disk(2_000), pytest.raises(StorageError, match=r"site\.db cannot be written"):
        write_catalog(catalog, tmp_path / "site.db")
    assert [path.name for path in tmp_path.iterdir()] == ["bar.sqlite"]


def test_a_log_beside_the_target(tmp_path: Path) -> None:
    catalog = load_catalog(write_bar(tmp_path / "bar.sqlite", wal=False))
    (tmp_path / "site.db-wal").write_bytes(b"rows")
    with pytest.raises(DataError, match=r"site\.db-wal belongs to a database in use"):
        write_catalog(catalog, tmp_path / "site.db")


def test_a_conversion_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = load_catalog(write_bar(tmp_path / "bar.sqlite", wal=False))
    target = tmp_path / "site.db"
    target.write_text("mine")

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(conversion, "_insert", fail)
    with pytest.raises(StorageError, match=r"site\.db cannot be written: disk I/O error"):
        write_catalog(catalog, target, overwrite=True)
    assert target.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bar.sqlite", "site.db"]
