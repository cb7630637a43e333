"""One at a time, by a compare-and-swap on one small S3 object: who submits, who sends a mail.

`SubmitJob` takes no idempotency token, so two invocations that both look for a waiting job, both
find none and both submit would make two jobs. Reserved concurrency of 1 would serialize them but
cannot be deployed in small accounts. S3's conditional writes can (`trigger.swap`); the bucket is
there anyway, and the object holds::

    {"holder": "<random>" | null, "until": "2026-...Z" | null, "note": {...} | null}

*Expiry.* A holder that dies leaves the claim behind; after `until` anybody may replace it, again
by compare-and-swap, so only one successor wins. The lease is longer than the function may run:
whoever is past its lease has been ended by Lambda.

*note* is what a holder leaves to the next one. `trigger.submit` leaves the job last submitted:
Batch's `ListJobs` may not show it in the first moments. `trigger.alerts` leaves that the mail is
out; `SNS.Publish` knows no idempotency token either. That note is final: whoever finds it has
nothing left to do, and takes no claim. So thousands who come for the same mail read once each.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from trigger import logs
from trigger.errors import Busy, TriggerError
from trigger.swap import SwapObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEASE = timedelta(seconds=90)
"""Longer than the function's timeout of 60 s (a test in `tests/infra` compares them)."""

PATIENCE = timedelta(seconds=20)
"""How long to wait for another's claim. Lambda's own retry, a minute later, does the rest."""

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.6
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claim that is ours until `until`.

    Attributes
    ----------
    holder
        Random; it makes the object's content, and so its ETag, unlike anybody else's.
    etag
        Of the object as we wrote it; the condition for releasing it. None when nothing was taken,
        since a final note was there.
    note
        What the holder before left, if anything.
    """

    holder: str
    etag: str | None
    note: Mapping[str, Any] | None


class Claim:
    """The claim object at `key` in `bucket`.

    Parameters
    ----------
    s3
        A boto3 S3 client.
    now, sleep
        Clock and pause, replaceable in tests.
    """

    def __init__(
        self,
        s3: S3Client,
        *,
        bucket: str,
        key: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        lease: timedelta = LEASE,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._object = SwapObject(s3, bucket=bucket, key=key)
        self._now = now
        self._sleep = sleep
        self._lease = lease
        self._patience = patience

    def acquire(self, *, final: bool = False) -> Held:
        """Take the claim, waiting while another holds it.

        Parameters
        ----------
        final
            A note says that all is done: where there is one, or comes while this waits, it is
            returned and nothing is taken, so that there is nothing to release.

        Raises
        ------
        Busy
            When it was not free for the whole of the patience.
        NoAccess
            When the object, or the KMS key of its bucket, may not be used.
        botocore.exceptions.ClientError
            Whatever S3 refuses for other reasons.
        """
        # A new name for each call: a retry by Lambda has the same request id as the
        # invocation that died, and must not take the dead one's claim for its own.
        holder = uuid.uuid4().hex
        waited, pause = 0.0, _FIRST_PAUSE_SECONDS
        while True:
            etag, content = self._object.read()
            note = _note(content.get("note"))
            if final and note is not None:
                return Held(holder=holder, etag=None, note=note)
            until = _moment(content.get("until")) if content.get("holder") else None
            if until is None or until <= self._now():
                if until is not None:
                    self._warn("claim.expired", until=until)
                taken = self._swap(etag, holder=holder, until=self._now() + self._lease, note=note)
                if taken is not None:
                    return Held(holder=holder, etag=taken, note=note)
            if waited >= self._patience.total_seconds():
                raise Busy(
                    f"another invocation held the claim {self._object.key} for {waited:.0f} s; "
                    f"nothing was done. Try again: it expires by itself after "
                    f"{self._lease.total_seconds():.0f} s"
                )
            # Random, so that those who wait do not all come back at once.
            nap = pause * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
            self._sleep(nap)
            waited += nap
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def release(self, held: Held, *, note: Mapping[str, Any] | None) -> None:
        """Give the claim back, and leave a note to the next holder.

        Never raises for S3: what was done under the claim is done, and it expires by itself.
        """
        try:
            released = self._swap(held.etag, holder=None, until=None, note=note)
        except (BotoCoreError, ClientError, TriggerError) as error:
            self._warn("claim.kept", holder=held.holder, error=str(error))
            return
        if released is None:
            # We were too slow and somebody took over; the claim is theirs to release.
            self._warn("claim.lost", holder=held.holder)

    def _warn(self, event: str, **facts: Any) -> None:
        logs.decision(event, level="warning", key=self._object.key, **facts)

    def _swap(
        self,
        etag: str | None,
        *,
        holder: str | None,
        until: datetime | None,
        note: Mapping[str, Any] | None,
    ) -> str | None:
        """Write if nobody wrote since `etag` was read; the new ETag, or None when somebody did."""
        return self._object.write(
            etag,
            {
                "holder": holder,
                "until": until.isoformat() if until else None,
                "note": note,
            },
        )


def _note(content: object) -> dict[str, Any] | None:
    return content if isinstance(content, dict) else None


def _moment(text: object) -> datetime:
    """Parse what `_swap` wrote; anything else counts as expired long ago."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return _LONG_AGO
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
