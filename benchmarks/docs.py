"""Write the kept figures into ``docs/benchmarks.md``: ``python -m benchmarks.docs``."""

from __future__ import annotations

from pathlib import Path

from benchmarks import shards
from benchmarks._common import RESULTS, ROOT, Figures, load_results, machine_line

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def update() -> Path:
    """Replace the table of figures by those of the last full pass."""
    results = load_results()
    if quick := [name for name, result in results.items() if result["quick"]]:
        raise SystemExit(f"{', '.join(quick)}: a quick pass; run `python -m benchmarks` first")
    if not results:
        raise SystemExit(f"{RESULTS} has no figures; run `python -m benchmarks` first")
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} lacks the lines {BEGIN} and {END}")
    PAGE.write_text(f"{before}{BEGIN}\n{_figures(results)}\n{END}{after}", encoding="utf-8")
    return PAGE


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
    return [
        f"pruned, times brute force; pairs solved exactly ({preset} cost) | "
        f"{figures[preset]['ratio']:.1f}; {figures[preset]['share_solved']:.1%} | "
        for preset in ("learned", "reference")
    ]


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
    return [
        f"{figures['recipes']:,} recipes | {figures['wall_seconds']:.1f} s | ",
        f"{figures['recipes']:,} recipes, peak memory | {figures['peak_mb']:.0f} MB | ",
        *_stages(figures),
    ]


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
