"""Change modules in a copy of the repository and list the changes that no test notices.

``python -m mutants [MODULE ...]``: modules are named by path, folder or the end of a path
(``similarity/neighbors``); all by default. The same seed draws the same changes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mutants.changes import Change, find_changes, sample
from mutants.choice import (
    ROOT,
    ChoiceError,
    Harmless,
    find_module,
    find_tests,
    modules,
    read_extra,
    read_harmless,
)
from mutants.trial import Bench, TrialError, Verdict, make_copy

RESULT = ROOT / "build" / "mutants.json"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--sample", type=int, default=8, help="changes per module (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="at once (%(default)s)")
    options = parser.parse_args()
    known = modules()
    try:
        chosen = [path for name in options.modules for path in find_module(name, known)]
    except ChoiceError as error:
        parser.error(str(error))
    harmless = read_harmless()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        benches = []
        for number in range(options.jobs):
            benches.append(Bench(Path(scratch) / str(number)))
            make_copy(ROOT, benches[-1].folder)
        for module in dict.fromkeys(chosen or known):
            try:
                result = try_module(
                    module, benches, harmless, count=options.sample, seed=options.seed
                )
            except TrialError as error:
                result = {"module": module, "error": str(error), "changes": []}
            results.append(result)
            print(_report(result), flush=True)
            _keep({"seed": options.seed, "sample": options.sample, "modules": results})
    for entry in _stale(harmless):
        print(f"no longer to be made in {entry.module}: {entry.change} in {entry.line}")
    counts = Counter(change["verdict"] for result in results for change in result["changes"])
    print(f"\n{counts.total() - counts['survived']} of {counts.total()} changes noticed")
    return 1 if any("error" in result for result in results) else 0


def try_module(
    module: str, benches: Sequence[Bench], harmless: Sequence[Harmless], *, count: int, seed: int
) -> dict[str, Any]:
    """Try a sample of a module's changes; those judged harmless are not drawn.

    Raises
    ------
    TrialError
        When the tests do not pass on the module as it is.
    """
    source = (benches[0].folder / module).read_bytes()
    changes = [
        change
        for change in find_changes(source)
        if not any(entry.fits(module, change) for entry in harmless)
    ]
    tests = find_tests(module, read_extra())
    drawn = sample(changes, count, seed=f"{seed}:{module}")
    result: dict[str, Any] = {"module": module, "tests": tests, "possible": len(changes)}
    if not drawn or not tests:
        return {**result, "seconds": 0.0, "changes": []}
    with ThreadPoolExecutor(len(benches)) as pool:
        seconds = max(pool.map(lambda bench: bench.prove(module, tests), benches))
        free: SimpleQueue[Bench] = SimpleQueue()
        for bench in benches:
            free.put(bench)

        def verdict(change: Change) -> Verdict:
            bench = free.get()
            try:
                return bench.try_change(module, change.apply(source), tests)
            finally:
                free.put(bench)

        verdicts = list(pool.map(verdict, drawn))
    tried = [
        {"line": change.line, "text": change.text, "change": str(change), "verdict": verdict}
        for change, verdict in zip(drawn, verdicts, strict=True)
    ]
    return {**result, "seconds": round(seconds, 1), "changes": tried}


def _report(result: dict[str, Any]) -> str:
    """Say how a module fared: place and change of each survivor, the line's text below."""
    if "error" in result:
        return f"{result['module']}: {result['error']}"
    if not result["tests"]:
        return f"{result['module']}: no tests"
    survivors = [change for change in result["changes"] if change["verdict"] == "survived"]
    tried = len(result["changes"])
    noticed = f"{tried - len(survivors)} of {tried} noticed, of {result['possible']} possible"
    lines = [f"{result['module']}: {noticed}"]
    for change in survivors:
        lines.append(f"  {result['module']}:{change['line']}  {change['change']}")
        lines.append(f"      {change['text']}")
    return "\n".join(lines)


def _keep(content: dict[str, Any]) -> None:
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _stale(harmless: Sequence[Harmless]) -> list[Harmless]:
    return [
        entry
        for entry in harmless
        if not (ROOT / entry.module).exists()
        or not any(
            entry.fits(entry.module, change)
            for change in find_changes((ROOT / entry.module).read_bytes())
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
