"""The picture that a link's preview shows: the map, every drink a point, as a PNG."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1200, 630
"""Pixels: what services that show previews ask for."""
_MARGIN = 60  # pixels
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#b8559a", "#e08e00", "#3d9bd6", "#8c7a00", "#5b4a8a")
"""The page's, of the most frequent bases."""
_OTHERS, _GROUND = "#8a8177", "#faf6ee"
_LARGEST, _SMALLEST = 7.0, 2.0  # radius of a point in pixels, of few and of many drinks
_ROOM = 220.0  # square pixels of radius that all points share, times the root of their number


def map_picture(
    positions: Sequence[Mapping[str, Any]], details: Sequence[Mapping[str, Any]]
) -> bytes:
    """Draw the map of a published set.

    Parameters
    ----------
    positions : sequence of mapping
        Rows of `cocktail-space-em`.
    details : sequence of mapping
        Rows of `recipe-details`; points are colored by their base.

    Returns
    -------
    bytes
        A PNG of `WIDTH` by `HEIGHT` pixels; the same for the same rows.
    """
    base = {row["recipe_id"]: row["base_ingredient_id"] for row in details}
    counts = Counter(base.values())
    ranked = sorted(counts, key=lambda each: (-counts[each], each))
    color = {each: _rgb(of) for each, of in zip(ranked, _COLORS, strict=False)}
    picture = np.empty((HEIGHT, WIDTH, 3))
    picture[:] = _rgb(_GROUND)
    radius = min(_LARGEST, max(_SMALLEST, _ROOM / max(1.0, len(positions) ** 0.5)))
    places = _places(np.array([(row["x"], row["y"]) for row in positions], dtype=np.float64))
    for row, (x, y) in zip(positions, places.tolist(), strict=True):
        _stamp(picture, x, y, radius + 1.0, _rgb(_GROUND))
        _stamp(picture, x, y, radius, color.get(base.get(row["recipe_id"]), _rgb(_OTHERS)))
    return _png(np.rint(picture).astype(np.uint8))


def _places(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay points into the picture, both axes in one scale, float64 (points, 2) in pixels."""
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    if not points.size:
        return np.empty((0, 2))
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(high - low, 1e-9)  # of a map that is one point
    scale = ((2 * (middle - _MARGIN)) / span).min()
    laid: NDArray[np.float64] = middle + (points - (low + high) / 2) * scale * [1.0, -1.0]
    return laid


def _stamp(
    picture: NDArray[np.float64], x: float, y: float, radius: float, color: NDArray[np.float64]
) -> None:
    """Lay a disc with a soft edge over a picture."""
    left, right = int(x - radius - 1), int(x + radius + 2)
    top, bottom = int(y - radius - 1), int(y + radius + 2)
    rows, columns = np.mgrid[top:bottom, left:right]
    cover = np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0.0, 1.0)[..., None]
    under = picture[top:bottom, left:right]
    under += cover * (color - under)


def _rgb(color: str) -> NDArray[np.float64]:
    return np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    # each row begins with its filter: none
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
            chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
            chunk(b"IEND", b""),
        ]
    )
