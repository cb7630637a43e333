"""Names for the arrays that travel between stages, and sparse rows of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

BLOCK_ENTRIES = 1 << 20
"""Entries of a matrix that are worked on at once, where all would be a second matrix."""

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.signedinteger[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]


def off_diagonal_median(square: FloatArray) -> float:
    """Median of what stands off the diagonal; half a matrix is held beside it.

    Parameters
    ----------
    square : float64 (m, m)
        Symmetric, so that what stands above the diagonal has the same median.

    Returns
    -------
    float
        0 where nothing stands there.
    """
    size = square.shape[0]
    above = np.empty(size * (size - 1) // 2)
    start = 0
    for row in range(size - 1):
        stop = start + size - 1 - row
        above[start:stop] = square[row, row + 1 :]
        start = stop
    return float(np.median(above, overwrite_input=True)) if above.size else 0.0


def row_blocks(rows: int, width: int) -> Iterator[slice]:
    """Ranges of rows that are small beside the matrix they stand in.

    Parameters
    ----------
    rows, width : int
        Of the matrix.

    Returns
    -------
    iterator of slice
        In order; together they are all rows.
    """
    step = max(1, BLOCK_ENTRIES // max(1, width))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Rows of which only the entries that are not zero are kept; nothing is said of their sums.

    Attributes
    ----------
    indptr : int64 (rows + 1,)
        Row ``r`` is ``columns[indptr[r]:indptr[r + 1]]``.
    columns : int32 (entries,)
        Ascending within a row.
    values : float64 (entries,)
        Not negative.
    width : int
        Number of columns.
    """

    indptr: IntArray
    columns: IntArray
    values: FloatArray
    width: int

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.indptr.size - 1)

    def row_of_entries(self) -> IntArray:
        """Row of each entry, int64 (entries,)."""
        return np.repeat(np.arange(self.count), np.diff(self.indptr))

    def dense_row(self, row: int) -> FloatArray:
        """Values of one row over all columns.

        Parameters
        ----------
        row : int

        Returns
        -------
        float64 (width,)
        """
        out = np.zeros(self.width)
        span = slice(int(self.indptr[row]), int(self.indptr[row + 1]))
        out[self.columns[span]] = self.values[span]
        return out
