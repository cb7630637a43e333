"""Run the benchmarks: ``python -m benchmarks [NAME ...] [--quick]``."""

from __future__ import annotations

import argparse
from importlib import import_module

from benchmarks._common import RESULTS, console, keep_result, machine, machine_line

NAMES = ("all_pairs", "learning", "map_moves", "neighbors", "refresh", "scale", "shards")


def main() -> None:
    """Run the named benchmarks, all by default, and keep their figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller databases")
    parser.add_argument(
        "--docs", action="store_true", help="then write the figures into docs/benchmarks.md"
    )
    options = parser.parse_args()
    names = [name.replace("-", "_") for name in options.names] or list(NAMES)
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"no benchmark is called {unknown[0]}; choose of {', '.join(NAMES)}")
    if options.docs and options.quick:
        parser.error("figures of a quick pass do not go into the docs; leave out --quick")
    out = console()
    for name in names:
        facts = machine()
        out.print(machine_line(facts))
        figures = import_module(f"benchmarks.{name}").run(out, quick=options.quick)
        keep_result(name, figures, facts=facts, quick=options.quick)
        out.print()
    out.print(f"figures: {RESULTS}")
    if options.docs:
        from benchmarks.docs import update

        out.print(f"written: {update()}")


if __name__ == "__main__":
    main()
