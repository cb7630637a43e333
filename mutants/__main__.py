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
    results = []
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
                print(f"{module}: {error}")
                results.append({"module": module, "error": str(error)})
                continue
            results.append(result)
            print(f"{module}: {_summary(result)}", flush=True)
    for entry in _stale(harmless):
        print(f"no longer in {entry.module}: {entry.line}")
    print(_table(results))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"seed": options.seed, "modules": results}, indent=1) + "\n")
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


def _summary(result: dict[str, Any]) -> str:
    if not result["tests"]:
        return "no tests"
    counts = Counter(change["verdict"] for change in result["changes"])
    noticed = counts["caught"] + counts["timed out"]
    return f"{noticed} of {counts.total()} noticed, of {result['possible']} possible"


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


def _table(results: Sequence[dict[str, Any]]) -> str:
    """Lay out the survivors: place and change, the line's text below."""
    rows = [
        (f"{result['module']}:{change['line']}", change["change"], change["text"])
        for result in results
        for change in result.get("changes", [])
        if change["verdict"] == "survived"
    ]
    if not rows:
        return "Every change was noticed."
    width = max(len(place) for place, _, _ in rows)
    lines = [f"{place:{width}}  {change}\n    {text}" for place, change, text in rows]
    return "\n".join(["What no test notices:", *lines])


if __name__ == "__main__":
    sys.exit(main())
