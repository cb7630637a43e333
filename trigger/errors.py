"""What the trigger raises on purpose; AWS's own errors pass through unchanged.

::

    Exception
     └─ TriggerError
         ├─ InvalidEvent        the event is neither an action nor Batch's (also a ValueError)
         ├─ InvalidSettings     an environment variable is missing or wrong (also a ValueError)
         ├─ UnknownJob          Batch knows no such job, or no longer (also a LookupError)
         ├─ NoAccess            its own object, or the object's key, is denied (a PermissionError)
         ├─ Busy                others held the claim or kept changing the schedule; try again
         └─ SubmissionUnknown   Batch did not answer; a job may exist or not

Nothing is caught and returned as an answer: Lambda's retries, the dead-letter queue and its
alarm act on exceptions only.
"""

from __future__ import annotations


class TriggerError(Exception):
    """Base of the errors that carry a sentence for the caller."""


class InvalidEvent(TriggerError, ValueError):  # noqa: N818 - named for what is wrong
    """The event names no known action, or lacks what its action needs."""


class InvalidSettings(TriggerError, ValueError):  # noqa: N818 - named for what is wrong
    """The function's environment is incomplete or holds a value that makes no sense."""


class UnknownJob(TriggerError, LookupError):  # noqa: N818 - named for what is wrong
    """Batch does not know the job; it forgets finished jobs after about a week."""


class NoAccess(TriggerError, PermissionError):  # noqa: N818 - named for what is wrong
    """The function's own object in the bucket, or the key it is encrypted with, is out of reach."""


class Busy(TriggerError):  # noqa: N818 - named for what is wrong
    """Other invocations were in the way for too long; nothing was done, so try again."""


class SubmissionUnknown(TriggerError):  # noqa: N818 - named for what is wrong
    """The connection broke while Batch was asked; the claim stays held until that is settled."""
