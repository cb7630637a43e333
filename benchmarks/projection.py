"""What a million recipes would take, from measured growth: ``python -m benchmarks.projection``.

Reads the figures that ``python -m benchmarks shards`` keeps, and the prices of the infrastructure.
Each quantity is taken for a fixed part and one that grows with a power of the recipes, which three
sizes, each the same multiple of the one before, determine; the power is taken for 1 at least (what
is read and written has to be) and for 2 at most (all pairs).
``--docs`` writes the tables into ``docs/scale.md``.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import reclaims
from benchmarks._common import ROOT, Figures, load_results, machine_line

PAGE = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
PRICES = ROOT / "infra" / "prices.toml"
SIZES = (100_000, 1_000_000, 10_000_000)
MACHINES = (8, 32, 128)
KIND, VCPUS = "c7g.large", 2
SHARD_MINUTES = 5
ROWS_KEPT = 4096
DOLLARS_PUT, DOLLARS_GET = 5e-6, 4e-7
"""A request to S3 that writes, and one that reads, in eu-west-1."""

GROWING = {
    "plan_cpu_seconds": "plan",
    "search": "search, without starts",
    "finish_cpu_seconds": "finish",
    "shard_peak_mb": "memory of a shard",
    "finish_peak_mb": "memory of finish",
    "inputs_mb": "inputs that each machine reads",
    "written_mb": "workspace",
    "published_mb": "published",
}
"""Quantities that are continued, and what they are called."""

SINGLE = {
    "start_cpu_seconds": "start of a shard, CPU s",
    "speedup": "times faster by two machines than by one",
}


def measured(figures: Figures) -> dict[int, dict[str, float]]:
    """Return what was measured by size, with the search apart from the starts of its shards."""
    found = {}
    for recipes, one in figures["sizes"].items():
        starts = one["start_cpu_seconds"] * figures["shards"]
        search = max(one["search_cpu_seconds"] - starts, 0.01)
        found[int(recipes)] = {**one, "search": search}
    return found


def powers(sizes: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """Return the power with which each quantity grows, beside its fixed part."""
    first, second, third = sorted(sizes)[-3:]
    found = {}
    for key in GROWING:
        less = sizes[second][key] - sizes[first][key]
        more = sizes[third][key] - sizes[second][key]
        steep = math.log(more / less) / math.log(third / second) if min(less, more) > 0 else 1.0
        found[key] = min(max(steep, 1.0), 2.0)
    return found


def project(sizes: Mapping[int, Mapping[str, float]], recipes: int) -> dict[str, float]:
    """Continue every quantity to a number of recipes."""
    small, large = sorted(sizes)[-2:]
    return {
        key: sizes[large][key]
        + max(sizes[large][key] - sizes[small][key], 0.0)
        * (recipes**power - large**power)
        / (large**power - small**power)
        for key, power in powers(sizes).items()
    }


def chain(
    told: Mapping[str, float], start: float, recipes: int, machines: int, prices: Mapping[str, Any]
) -> dict[str, float]:
    """Return minutes, dollars on Spot and requests of one refresh on so many machines."""
    search = told["search"] / VCPUS / 60
    shards = max(1, math.ceil(search / SHARD_MINUTES))
    rounds = math.ceil(shards / machines)
    around = prices["assumed"]["minutes"]
    coming = around["start"] + around["pull"]
    # Plan and finish run mostly on one thread.
    alone = (told["plan_cpu_seconds"] + told["finish_cpu_seconds"]) / 60
    searching = rounds * (search / shards + start / 60)
    paid = search + shards * start / 60 + alone
    paid += min(machines, shards) * (coming + around["idle"])
    hourly = prices["instances"]["on_demand_hour"][KIND] * prices["instances"]["spot_share"]
    pieces = shards * math.ceil(recipes / shards / ROWS_KEPT)
    # plan, documents and manifests, and the stable keys, which are asked for and copied twice
    puts, gets = pieces + 42, 4 * shards + pieces + 52
    return {
        "shards": shards,
        "minutes": coming + alone + searching,
        "dollars": paid / 60 * hourly + puts * DOLLARS_PUT + gets * DOLLARS_GET,
        "requests": puts + gets,
    }


def tables(result: Figures) -> str:
    """Return measured and projected figures as Markdown."""
    figures = result["figures"]
    sizes = measured(figures)
    prices = tomllib.loads(PRICES.read_text(encoding="utf-8"))
    grew = powers(sizes)
    start = max(one["start_cpu_seconds"] for one in sizes.values())
    lines = [
        f"Measured {result['measured_at'][:10]}: {machine_line(result['machine'])}.",
        "",
        _row("", *(f"{n:,} recipes" for n in sizes), "a part grows with n to the"),
        _rule(len(sizes) + 2),
    ]
    for key, name in GROWING.items():
        unit = "MB" if key.endswith("_mb") else "CPU s"
        values = (f"{one[key]:,.1f}" for one in sizes.values())
        lines.append(_row(f"{name}, {unit}", *values, f"{grew[key]:.2f}"))
    for key, called in SINGLE.items():
        lines.append(_row(called, *(f"{one[key]:.2f}" for one in sizes.values()), ""))
    lines += [
        "",
        "Projected:",
        "",
        _row("", *(f"{n:,} recipes" for n in SIZES)),
        _rule(len(SIZES) + 1),
    ]
    told = {n: project(sizes, n) for n in SIZES}
    for key, name in GROWING.items():
        lines.append(_row(name, *(_amount(key, told[n][key]) for n in SIZES)))
    for machines in MACHINES:
        runs = {n: chain(told[n], start, n, machines, prices) for n in SIZES}
        cells = (f"{_time(r['minutes'])}, {r['dollars']:,.2f} USD" for r in runs.values())
        lines.append(_row(f"**{machines} {KIND} at once**: time, Spot", *cells))
    runs = {n: chain(told[n], start, n, 1, prices) for n in SIZES}
    lines.append(_row("shards", *(f"{r['shards']:,.0f}" for r in runs.values())))
    lines.append(_row("requests to S3", *(f"{r['requests']:,.0f}" for r in runs.values())))
    return "\n".join(lines)


def weather_table() -> str:
    """Return what the simulation of Spot says, as Markdown."""
    cases = reclaims.cases()
    found = {name: reclaims.compare(*case) for name, case in cases.items()}
    lines = [
        _row("minutes a shard", *found),
        _rule(len(found) + 1),
    ]
    for number, minutes in enumerate(reclaims.MINUTES):
        cells = (
            f"{s[number].minutes:.0f}, {s[number].late_minutes:.0f} min; {s[number].dollars:.2f} "
            f"USD; {s[number].begun_again:.0%}"
            for s in found.values()
        )
        lines.append(_row(f"{minutes:g}", *cells))
    chosen = (f"**{reclaims.chosen(sizes):g}**" for sizes in found.values())
    return "\n".join([*lines, _row("chosen", *chosen)])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns


def _amount(key: str, value: float) -> str:
    if key.endswith("_mb"):
        return f"{value / 1000:,.1f} GB" if value >= 1000 else f"{value:,.0f} MB"
    return _time(value / 60)


def _time(minutes: float) -> str:
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    return f"{minutes:,.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"


def update(parts: Sequence[str]) -> None:
    """Write tables between the marks of the page, one after the other."""
    text = PAGE.read_text(encoding="utf-8")
    for number, part in enumerate(parts, start=1):
        begin, end = BEGIN.replace("begin", f"begin {number}"), END.replace("end", f"end {number}")
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"{PAGE} lacks the lines {begin} and {end}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    """Print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.projection", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="write them into docs/scale.md")
    options = parser.parse_args()
    result = load_results().get("shards")
    if result is None:
        raise SystemExit("there are no figures; run `python -m benchmarks shards` first")
    parts = [tables(result), weather_table()]
    if options.docs:
        update(parts)
        print(f"written: {PAGE}")
    else:
        print("\n\n".join(parts))


if __name__ == "__main__":
    main()
