"""Standard output and error as they are: in ASCII, full, or with nobody at the other end."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import sys
import unicodedata

from analytics_core.errors import StorageError

# One character for one, so that tables stay straight.
_PLAIN = {
    "→": ">",
    "…": "~",
    "·": ".",
    "•": "*",
    "–": "-",
    "—": "-",
    "✓": "x",
    "−": "-",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "×": "x",
    "\u00a0": " ",
    "�": "?",
    "␣": "_",
    "ø": "o",
    "Ø": "O",
    "œ": "o",
    "æ": "a",
    "ß": "s",
    "ł": "l",
    "Ł": "L",
}


def _as_plain(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks: accents are dropped, signs become the nearest."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    replaced = []
    for character in error.object[error.start : error.end]:
        base = unicodedata.normalize("NFKD", character)[0]
        replaced.append(_PLAIN.get(character, base if base.isascii() else "?"))
    return "".join(replaced), error.end


def make_readable() -> None:
    """Let every text come out, whatever the terminal's encoding lacks."""
    codecs.register_error("plain", _as_plain)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # none, or closed
            stream.reconfigure(errors="plain")  # type: ignore[union-attr]


def harmless(text: str) -> str:
    """Return text that commands no terminal: what does not print is a blank, but for line ends."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def escaped(text: str) -> str:
    """Return JSON that commands no terminal: what does not print is written as its escape."""
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def shows_unicode() -> bool:
    """Whether standard output can hold any text."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def drop_stdout() -> None:
    """Let the interpreter's last flush succeed after the reader of a pipe went away."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def flush_stdout() -> None:
    """Write out what is still held back.

    Raises
    ------
    BrokenPipeError
        If nobody reads it any more.
    StorageError
        If it cannot be written, such as to a disk that is full.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except ValueError:  # closed by whoever called
        return
    except OSError as error:
        raise unwritable(error) from error


def unwritable(error: OSError) -> StorageError:
    """Say that standard output takes nothing more, and drop what is left for it."""
    drop_stdout()
    return StorageError(
        f"cannot write to standard output: {error.strerror or error}; free some space there,"
        " or send it elsewhere"
    )
