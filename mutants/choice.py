"""Which modules there are, which tests cover each, and which survivors were judged harmless."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.changes import Change

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "analytics_core": Path("analytics_core/src/analytics_core"),
    "trigger": Path("trigger"),
    "client": Path("client"),
    "infra": Path("infra"),
}
"""The folders that hold code, by the folder of `tests` that mirrors them."""


class ChoiceError(Exception):
    """What was asked for does not exist; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Harmless:
    """A change that no test needs to notice.

    Attributes
    ----------
    line
        The text of the line, so that an entry holds when the lines above it change.
    """

    module: str
    line: str
    change: str
    reason: str

    def fits(self, module: str, change: Change) -> bool:
        """Whether it speaks of this change."""
        return (self.module, self.line, self.change) == (module, change.text, str(change))


def modules(root: Path = ROOT) -> list[str]:
    """List the paths of all modules, relative to the repository."""
    return sorted(
        path.relative_to(root).as_posix()
        for folder in SOURCES.values()
        for path in (root / folder).rglob("*.py")
        if path.stat().st_size
    )


def find_module(name: str, known: Sequence[str]) -> list[str]:
    """Return the modules that a name means: a path, a folder, or the end of a path.

    Raises
    ------
    ChoiceError
        When there is none.
    """
    wanted = name.removesuffix(".py").strip("/")
    found = [
        path
        for path in known
        if f"/{path.removesuffix('.py')}".endswith(f"/{wanted}") or f"/{wanted}/" in f"/{path}"
    ]
    if not found:
        raise ChoiceError(f"no module is called {name}")
    return found


def find_tests(module: str, extra: Mapping[str, Sequence[str]], root: Path = ROOT) -> list[str]:
    """Return the test files of a module: the one that mirrors it, and those named beside it.

    `extra` lists further tests by module, or by folder for all modules in it. A module with
    neither has the tests of the folder that mirrors its own.
    """
    room, folder = next(
        (room, folder) for room, folder in SOURCES.items() if module.startswith(f"{folder}/")
    )
    inside = Path(module).relative_to(folder)
    mirror = Path("tests") / room / inside.parent
    found = [(mirror / f"test_{inside.stem.strip('_')}.py").as_posix()]
    for name in (module, *(f"{parent.as_posix()}/" for parent in Path(module).parents)):
        found += extra.get(name, [])
    found = [path for path in dict.fromkeys(found) if (root / path).exists()]
    if not found:
        found = sorted(
            path.relative_to(root).as_posix() for path in (root / mirror).glob("test_*.py")
        )
    return found


def read_extra() -> dict[str, list[str]]:
    """Read which tests cover a module beside the one that mirrors it."""
    content: dict[str, list[str]] = tomllib.loads(_read("tests.toml"))
    return content


def read_harmless() -> list[Harmless]:
    """Read the survivors that were judged."""
    content = tomllib.loads(_read("harmless.toml"))
    return [Harmless(**entry) for entry in content.get("harmless", [])]


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
