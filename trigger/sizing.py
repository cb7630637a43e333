"""Among how many machines the next refresh is shared, when their number is not given.

An array's size has to be said when it is submitted, hours before the plan has read the database.
So it is an upper bound, and the plan decides how many of the shards there really are; those beyond
exit at once. The bound comes from the last refresh: in the last line of its log it says how long
one machine searches (`search_seconds`), and the function may read that log anyway. Nothing of the
bucket has to be opened to it. Of a chain it is the plan's log: the plan measures, and its word
counts even where the rest failed, perhaps since the shards were too few. What was learned last is
kept in the claim's note, since Batch forgets jobs after a week.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from trigger import logs
from trigger.chain import LARGEST_ARRAY
from trigger.services import Services
from trigger.status import last_lines, stream_of, told

GROWTH = 1.25
"""Room for recipes that came since the last refresh."""

LINES = 60


def shards_for_next(services: Services, note: Mapping[str, Any]) -> tuple[int, float | None]:
    """Return how many shards to ask for, 0 for one machine, and the seconds that say so.

    Parameters
    ----------
    note
        Of the last submission: its `jobId`, of a chain `planJobId` too, and the `searchSeconds`
        known then.
    """
    chain = services.settings.chain
    if chain is None:
        return 0, None
    if chain.shards is not None:
        return chain.shards, None
    seconds = _last_search(services, note)
    if seconds is None:
        return chain.first, None
    needed = math.ceil(seconds / (60 * chain.minutes))
    return (0 if needed <= 1 else min(LARGEST_ARRAY, math.ceil(GROWTH * needed))), seconds


def _last_search(services: Services, note: Mapping[str, Any]) -> float | None:
    """Return the seconds that the last refresh told, or those that were known before, or None."""
    known = _positive(note.get("searchSeconds"))
    job_id, event = note.get("planJobId"), "plan.finished"
    if job_id is None:
        job_id, event = note.get("jobId"), "refresh.finished"
    if job_id is None:
        return known
    try:
        jobs = services.batch.describe_jobs(jobs=[str(job_id)])["jobs"]
    except (BotoCoreError, ClientError) as error:
        logs.decision("sizing.unasked", level="warning", error=str(error))
        return known
    done = [job for job in jobs if job["status"] == "SUCCEEDED"]
    stream = stream_of(done[0]) if done else None
    lines = last_lines(services, stream, LINES) if stream else []
    return _positive(told(lines, event).get("search_seconds")) or known


def _positive(value: object) -> float | None:
    sound = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if sound and value > 0 else None  # type: ignore[arg-type, operator]
