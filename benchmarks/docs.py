"""Write the kept figures into ``docs``: ``python -m benchmarks.docs``.

All go into ``docs/benchmarks.md``, those of the neighbors also into ``docs/performance.md``.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from benchmarks import scale, shards
from benchmarks._common import RESULTS, ROOT, Figures, load_results, machine_line
from benchmarks._plot import plot

PAGE = ROOT / "docs" / "benchmarks.md"
PERFORMANCE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "neighbors-growth.svg"


def update() -> str:
    """Replace the tables of figures by those of the last full pass; return what was written."""
    results = load_results()
    if quick := [name for name, result in results.items() if result["quick"]]:
        raise SystemExit(f"{', '.join(quick)}: a quick pass; run `python -m benchmarks` first")
    if not results:
        raise SystemExit(f"{RESULTS} has no figures; run `python -m benchmarks` first")
    written = [_replace(PAGE, "figures", _figures(results))]
    if "neighbors" in results:
        written.append(_replace(PERFORMANCE, "neighbors", growth(results["neighbors"])))
        PLOT.write_text(growth_plot(results["neighbors"]["figures"]), encoding="utf-8")
        written.append(PLOT)
    if "scale" in results:
        written.append(_replace(PERFORMANCE, "refresh", whole(results["scale"])))
    return ", ".join(map(str, written))


def _replace(page: Path, name: str, lines: str) -> Path:
    """Put lines between the page's two comments of that name."""
    marks = [f"<!-- {name}: {which} -->" for which in ("begin", "end")]
    before, begin, rest = page.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise SystemExit(f"{page} lacks the lines {' and '.join(marks)}")
    page.write_text(f"{before}{begin}\n{lines}\n{end}{after}", encoding="utf-8")
    return page


def _figures(results: dict[str, Figures]) -> str:
    rows = ["| benchmark | figure | measured | goal |", "|---|---|---|---|"]
    notes = []
    for name, result in results.items():
        rows += [f"| {name} | {row} |" for row in ROWS[name](result["figures"])]
        notes.append(f"- {name}: {result['measured_at'][:10]}, {machine_line(result['machine'])}")
    return "\n".join([*rows, "", *notes])


def _all_pairs(figures: Figures) -> list[str]:
    rows = []
    for label in (key for key in figures if "core" in key):
        speed = figures[label]["pairs_per_second"]
        rows.append(f"`emd_matrix`, {label} | {speed['emd_matrix']:,} pairs/s | ")
        rows += [
            f"times a loop over `{name}` ({speed[name]:,} pairs/s), {label} | {ratio:.1f} | {goal}"
            for name, goal in figures["goals"].items()
            for ratio in [figures[label]["ratio"][name]]
        ]
    worst = max(figures["largest_difference"].values())
    return [*rows, f"largest difference of a distance from POT's | {worst:.1e} | "]


def _learning(figures: Figures) -> list[str]:
    return [
        f"{int(recipes):,} recipes | {size['seconds']:.3f} s | {size['goal']} s"
        for recipes, size in figures["sizes"].items()
    ]


def _neighbors(figures: Figures) -> list[str]:
    goals = figures["goals"]
    rows = []
    for recipes, size in figures["sizes"].items():
        goal = goals.get(f"seconds, {int(recipes):,} recipes", "")
        in_l1 = goals.get(f"seconds in L1, {int(recipes):,} recipes", "")
        rows.append(f"{int(recipes):,} recipes, EMD | {size['seconds']:.3f} s | {goal}")
        rows.append(f"{int(recipes):,} recipes, L1 | {size['seconds_in_l1']:.3f} s | {in_l1}")
    return rows


def growth(result: Figures) -> str:
    """Return the tables of the neighbors' growth, for ``docs/performance.md``."""
    figures = result["figures"]
    sizes, goals = figures["sizes"], figures["goals"]
    exponents = figures["exponent"]
    measured = {
        "all pairs of 1,400 by `ot.emd2`, times as long": _times(sizes["1400"], "ot.emd2"),
        "all pairs of 20,000 by `emd_c`, times as long": _times(sizes["20000"], "emd_c"),
        "10 nearest of 20,000": f"{sizes['20000']['seconds']:.2f} s",
        "10 nearest of 100,000": f"{sizes['100000']['seconds']:.2f} s",
        "10 nearest of 100,000 in L1": f"{sizes['100000']['seconds_in_l1']:.2f} s",
        "exponent of time, 5,000 to 100,000": f"{exponents['seconds']}; "
        f"in L1 {exponents['seconds_in_l1']}",
    }
    updates = figures["updates"]
    tables = [
        _table(
            "what | goal | measured",
            [
                f"{told} | {goal} | {m}"
                for goal, (told, m) in zip(goals.values(), measured.items(), strict=True)
            ],
        ),
        _table(
            "recipes | EMD, s | L1, s | postings | bounded | solved | bare read | reads | entries",
            [
                f"{int(recipes):,} | {size['seconds']:.3f} | {size['seconds_in_l1']:.3f} | "
                f"{size['postings_a_recipe']:,.0f} | {size['bounded_a_recipe']:,.0f} | "
                f"{size['solved_a_recipe']:.0f} | {size['bare_read_seconds']:.3f} s | "
                f"{size['seconds'] / size['bare_read_seconds']:.0f} | "
                f"{size['entries_a_recipe']:,}"
                for recipes, size in sizes.items()
            ],
        ),
        _table(
            "recipes | `ot.emd2` | `emd_c` | our solver | pynndescent; recall",
            [
                " | ".join(
                    (
                        f"{int(recipes):,}",
                        *(_times(size, name) for name in size["loops"]),
                        _recall(figures["pynndescent"].get(recipes), size),
                    )
                )
                for recipes, size in sizes.items()
            ],
        ),
        _table(
            f"gone of {updates['recipes']:,} | cost moves by | searched for | update | search",
            [
                f"{int(number):,} | {run['largest_move_of_cost']} | {run['rows_searched']:,} | "
                f"{run['update_seconds']:.2f} s | {run['search_seconds']:.2f} s"
                for number, run in updates["gone"].items()
            ],
        ),
        _measured(result),
    ]
    return "\n\n".join(tables)


def _table(names: str, rows: list[str]) -> str:
    ruler = "|".join(["---", *["---:"] * names.count("|")])
    return "\n".join(f"| {row} |" for row in [names, ruler, *rows]).replace(
        f"| {ruler} |", f"|{ruler}|"
    )


def _recall(other: Figures | None, size: Figures) -> str:
    if other is None:
        return ""
    return f"{other['seconds'] / size['seconds']:,.0f} x; {other['recall']}"


def _times(size: Figures, loop: str) -> str:
    return f"{size['loops'][loop] / size['seconds']:,.0f} x"


def growth_plot(figures: Figures) -> str:
    """Return the plot of time against recipes."""
    sizes = {int(recipes): size for recipes, size in figures["sizes"].items()}
    others = {int(recipes): run for recipes, run in figures["pynndescent"].items()}
    recall = min(run["recall"] for run in others.values())
    lines = {
        "L1, index": [(n, size["seconds_in_l1"]) for n, size in sizes.items()],
        "EMD, index": [(n, size["seconds"]) for n, size in sizes.items()],
        f"pynndescent, recall {recall}": [(n, run["seconds"]) for n, run in others.items()],
    }
    for loop, label in (
        ("all pairs, same solver", "all pairs, same solver"),
        ("emd_c", "all pairs, emd_c"),
        ("ot.emd2", "all pairs, ot.emd2"),
    ):
        lines[label] = [(n, size["loops"][loop]) for n, size in sizes.items()]
    return plot(
        f"{figures['k']} nearest recipes of each",
        "recipes",
        f"seconds, {figures['cores']} cores",
        lines,
    )


def _refresh(figures: Figures) -> list[str]:
    goals, plain = figures["goals"], figures["straightforward"]
    limits = {
        "warm caches": goals["warm_seconds"],
        "without caches": goals["cold_seconds"],
    }
    rows = []
    for name, run in figures["runs"].items():
        rows.append(f"{name} | {run['wall_seconds']:.1f} s | {limits[name]} s")
        rows.append(f"{name}, CPU time | {run['cpu_seconds']:.1f} s | ")
        rows.append(f"{name}, peak memory | {run['peak_mb']:.0f} MB | {goals['peak_mb']} MB")
    rows.append(
        f"instead, all pairs by a plain `ot.emd2` loop on one core, "
        f"estimated from {plain['estimated_from_pairs']:,} pairs | "
        f"{plain['one_pass_seconds']:.0f} s | "
    )
    return rows + _stages(figures["runs"]["warm caches"])


def _stages(run: Figures) -> list[str]:
    return [f"stage {stage} | {seconds:.2f} s | " for stage, seconds in run["stages"].items()]


def _scale(figures: Figures) -> list[str]:
    rows = []
    for recipes, size in figures["sizes"].items():
        goals = figures["goals"][recipes]
        for name, run in size.items():
            told = f"{int(recipes):,} recipes, map: {scale.TOLD[name]}"
            goal = f"{goals[name]} s" if goals[name] else ""
            rows.append(f"{told} | {run['wall_seconds']:.1f} s | {goal}")
            rows.append(f"{told}: peak memory | {run['peak_mb']:.0f} MB | {goals['peak_mb']} MB")
    return rows


def whole(result: Figures) -> str:
    """Return the table of whole refreshes, for ``docs/performance.md``."""
    figures = result["figures"]
    rows = []
    for recipes, size in figures["sizes"].items():
        goals = figures["goals"][recipes]
        for name, run in size.items():
            least, most = min(run["wall_of_each"]), max(run["wall_of_each"])
            span = f" ({least:.1f} to {most:.1f})" if most > least else ""
            rows.append(
                f"{int(recipes):,} | {scale.TOLD[name]} | "
                + (f"{goals[name]} s" if goals[name] else "")
                + f" | {run['wall_seconds']:.1f} s{span} | {run['cpu_seconds']:.1f} s | "
                f"{run['peak_mb']:.0f} MB; {goals['peak_mb']:,}"
            )
    table = _table("recipes | map | goal | wall | processor time | peak memory; goal", rows)
    return f"{table}\n\n{_measured(result)}"


def _measured(result: Figures) -> str:
    return textwrap.fill(f"{result['measured_at'][:10]}: {machine_line(result['machine'])}", 118)


def _map_moves(figures: Figures) -> list[str]:
    rows = [
        f"laid out anew, {name} map: neighbors kept; seconds | "
        f"{figures[f'anew, {name}']['kept']:.3f}; {figures[f'anew, {name}']['seconds']:.2f} s | "
        for name in ("plain", "learned")
    ]
    for label, told in (("1%", "1% changed"), ("5%", "5% changed"), ("drift", "1% changed, worst")):
        times = f" of {figures['steps']} in a row" if label == "drift" else ""
        middle, outer = figures["goals"]["1%" if label == "drift" else label]
        for name in ("plain", "learned"):
            run = figures[f"{label}, {name}"]
            rows.append(
                f"{told}{times}, {name} map: median move; 95th percentile | "
                f"{run['largest_median']:.2%}; {run['largest_p95']:.2%} | {middle:.1%}; {outer:.0%}"
            )
            rows.append(
                f"{told}{times}, {name} map: neighbors kept; by a map laid out anew | "
                f"{run['kept']:.3f}; {run['kept_anew']:.3f} | within 0.02"
            )
    both = figures["side by side"]
    return [*rows, f"both maps at once, 1% changed | {both['wall_seconds']:.2f} s | 1 s"]


def _shards(figures: Figures) -> list[str]:
    return [
        f"{int(recipes):,} recipes, {name} | {one[key]:,.2f} | "
        for recipes, one in figures["sizes"].items()
        for name, key in shards.ROWS.items()
    ]


ROWS = {
    "map_moves": _map_moves,
    "all_pairs": _all_pairs,
    "learning": _learning,
    "neighbors": _neighbors,
    "refresh": _refresh,
    "scale": _scale,
    "shards": _shards,
}

if __name__ == "__main__":
    print(f"written: {update()}")
