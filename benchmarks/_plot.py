"""A plot of time against recipes on logarithmic axes, as SVG: no library, no scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 760, 470
LEFT, RIGHT, TOP, BOTTOM = 96, 190, 50, 55  # margins; labels of lines stand to the right
COLORS = ("#0b6e4f", "#5aa469", "#7a5195", "#c8553d", "#e09f3e", "#5c6b73")
STYLE = 'role="img" font-family="system-ui, sans-serif" font-size="13" fill="#222"'
MIDDLE = 'text-anchor="middle"'
LABEL_STEP = 16  # pixels between labels, at least


def plot(title: str, x_name: str, y_name: str, lines: Mapping[str, Points]) -> str:
    """Draw lines through points; a single point is a dot.

    Parameters
    ----------
    title, x_name, y_name : str
    lines : mapping
        Points (x, y), both positive, by the label of the line.

    Returns
    -------
    str
        An SVG document.
    """
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    x_low, x_high = math.log10(min(xs)), math.log10(max(xs))
    y_low, y_high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low)
        up = (math.log10(y) - y_low) / (y_high - y_low)
        return LEFT + across * (right - LEFT), bottom - up * (bottom - TOP)

    turned = f"translate(18 {(TOP + bottom) / 2:.0f}) rotate(-90)"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {STYLE}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fff"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="600">{escape(title)}</text>',
        f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 14}" {MIDDLE}>{escape(x_name)}</text>',
        f'<text transform="{turned}" {MIDDLE}>{escape(y_name)}</text>',
    ]
    for power in range(y_low, y_high + 1):
        y = place(min(xs), 10.0**power)[1]
        label = f"{10.0**power:,.{max(0, -power)}f}"
        parts.append(f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for x in sorted(set(xs)):
        across = place(x, 10.0**y_low)[0]
        parts.append(f'<path d="M{across:.1f} {TOP}V{bottom}" stroke="#eee"/>')
        parts.append(f'<text x="{across:.1f}" y="{bottom + 18}" {MIDDLE}>{x:,.0f}</text>')
    lowest_label = math.inf
    for (label, points), color in sorted(
        zip(lines.items(), COLORS, strict=False), key=lambda line: line[0][1][-1][1]
    ):
        drawn = [place(*point) for point in sorted(points)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in drawn)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in drawn]
        x, y = drawn[-1]
        if x == right:
            y = lowest_label = min(y + 4, lowest_label - LABEL_STEP)
        else:  # other lines pass there
            x, y = drawn[0][0] - 10, drawn[0][1] + 2 * LABEL_STEP
        parts.append(f'<text x="{x + 10:.1f}" y="{y:.1f}" fill="{color}">{escape(label)}</text>')
    return "\n".join([*parts, "</svg>", ""])
