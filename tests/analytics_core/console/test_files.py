"""One file that a command writes: what stood there stays what it was."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics_core.console.files import require_writable, write_file
from analytics_core.errors import StorageError
from tests.analytics_core.test_cli import COMMAND, environment, log_lines, run

PAGE = b"x" * 300_000


def test_a_new_file_in_a_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "page"
    require_writable(str(target))
    write_file(str(target), PAGE)
    assert target.read_bytes() == PAGE
    assert list(target.parent.iterdir()) == [target]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web/page").write_text("old")
    (tmp_path / "web/page").chmod(0o640)
    (tmp_path / "link").symlink_to("web/page")
    (tmp_path / "dangling").symlink_to("web/none yet")
    for link, target in (("link", "web/page"), ("dangling", "web/none yet")):
        require_writable(str(tmp_path / link))
        write_file(str(tmp_path / link), PAGE)
        assert (tmp_path / link).is_symlink()
        assert (tmp_path / target).read_bytes() == PAGE
    assert stat.S_IMODE((tmp_path / "web/page").stat().st_mode) == 0o640
    assert sorted(path.name for path in (tmp_path / "web").iterdir()) == ["none yet", "page"]


def test_a_file_with_two_names_keeps_both(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old")
    (tmp_path / "other").hardlink_to(tmp_path / "one")
    write_file(str(tmp_path / "one"), PAGE)
    assert (tmp_path / "other").read_bytes() == PAGE


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    require_writable(str(pipe))
    write_file(str(pipe), PAGE)
    reader.join(timeout=30)
    assert read == [PAGE]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_full_device_stays_one(tmp_path: Path) -> None:
    # a link, so that a mistake here could not take the device itself
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="No space left"):
        write_file(str(tmp_path / "full"), PAGE)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_reader_that_goes_away_is_said(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: os.close(os.open(pipe, os.O_RDONLY)))
    reader.start()
    with pytest.raises(StorageError, match=r"pipe: its reader went away"):
        write_file(str(pipe), PAGE)
    reader.join(timeout=30)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: "", "has no name"),
        (lambda path: str(path), "it is a folder"),
        (lambda path: f"{path}/file/page", "file is a file"),
    ],
)
def test_what_cannot_be_written_is_noticed_before(
    make: Callable[[Path], str], words: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=words):
        require_writable(make(tmp_path))


def test_another_users_folder_is_noticed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # for root every folder may be written, so the system's answer is changed
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageError, match=f"may not write in {tmp_path}"):
        require_writable(str(tmp_path / "page"))
    (tmp_path / "page").touch()
    with pytest.raises(StorageError, match="may not write it"):
        require_writable(str(tmp_path / "page"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    assert run("sample-db", folder / "bar.db", "--recipes", "12").returncode == 0
    done = run("refresh", "--db", folder / "bar.db", "--output", folder / "out", "--no-page")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_page_goes_through_links_and_to_standard_output(
    published: Path, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text("old")
    (tmp_path / "link.html").symlink_to("page.html")
    arguments = ("report", "--from", published / "out", "--output")
    assert run(*arguments, "link.html", cwd=tmp_path).returncode == 0
    assert (tmp_path / "link.html").is_symlink()
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    done = run(*arguments, "-", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.html", "page.html"]
    assert run(*arguments, "-", "--open").returncode == 2


def test_a_sample_database_goes_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target.db").touch()
    (tmp_path / "link.db").symlink_to("target.db")
    done = run("sample-db", tmp_path / "link.db", "--recipes", "2", "--force")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "link.db").is_symlink()
    assert (tmp_path / "target.db").read_bytes().startswith(b"SQLite format 3")
    os.mkfifo(tmp_path / "pipe")
    refused = run("sample-db", tmp_path / "pipe", "--recipes", "2", "--force")
    assert refused.returncode == 3
    assert "is no regular file" in refused.stderr
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", [["neighbors", "Negroni", "--from", "OUT"], ["map", "--from", "OUT"], ["--help"]]
)
def test_a_full_disk_under_standard_output_is_one_line(
    published: Path, arguments: list[str], unbuffered: str
) -> None:
    words = [str(published / "out") if word == "OUT" else word for word in arguments]
    with Path("/dev/full").open("wb") as full:
        done: Any = subprocess.run(
            [*COMMAND, *words],
            env=environment({"PYTHONUNBUFFERED": unbuffered}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 4
    (line,) = log_lines(done.stderr)
    assert "cannot write to standard output: No space left on device" in line["message"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "it is empty; name a SQLite file"),
        ("  ", "it is empty"),
        ("file:///a/b%20c.db", "write the path alone, /a/b c.db"),
        ("https://example.org/a.db", "download the file and name it"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "refresh"])
def test_what_names_no_database_gets_the_sentence_that_helps(
    command: str, place: str, words: str, tmp_path: Path
) -> None:
    more: list[str | Path] = ["--output", tmp_path / "out"] if command == "refresh" else []
    done = run(command, "--db", place, *more, env={"COLUMNS": "300"})
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_noticed_before_the_work(
    published: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = run("refresh", "--db", published / "bar.db", "--output", tmp_path / "file")
    assert done.returncode == 4
    lines = log_lines(done.stderr)
    assert not [line for line in lines if line["event"].startswith("stage.")]
    assert str(tmp_path / "file") in lines[-1]["message"]
