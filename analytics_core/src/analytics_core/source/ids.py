"""Ids of rows that are not trusted: in order, found again, and how findings name them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from analytics_core.errors import DataError
from analytics_core.source.findings import Findings
from analytics_core.source.rows import BAD_ID, NULL_ID


def labels(ids: NDArray[np.int64], names: Sequence[str], rows: Iterable[int]) -> list[str]:
    """Return how findings name some rows."""
    return [f"{names[row]} (id {ids[row]})" for row in rows]


def sorted_ids(
    database: object, table: str, column: Sequence[int], findings: Findings
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return a table's ids ascending, and the rows they stand in."""
    raw = np.array(column, dtype=np.int64)
    order = np.argsort(raw, kind="stable")
    bad = int(np.count_nonzero(raw <= BAD_ID))
    findings.add(
        "bad-id",
        "Left out {} whose id is not a whole number.",
        ("row", "rows"),
        [f"table {table}"] * bad,
    )
    order = order[bad:]  # the stand-ins are the smallest numbers there are
    ids = raw[order]
    twice = ids[1:][ids[1:] == ids[:-1]]
    if twice.size:
        raise DataError(
            f"The database {database} has more than one row with id {twice[0]} "
            f"in the table {table}."
        )
    return ids, order


def find(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the position of each wanted id in the ascending `ids`; -1 where it is absent."""
    if not ids.size:
        return np.full(wanted.shape, -1, dtype=np.int32)
    position = np.minimum(np.searchsorted(ids, wanted), ids.size - 1)
    found: NDArray[np.int32] = np.where(ids[position] == wanted, position, -1).astype(np.int32)
    return found


def id_text(value: np.int64) -> str:
    """Return an id as findings show it."""
    return {NULL_ID: "NULL", BAD_ID: "not a number"}.get(int(value), str(value))
