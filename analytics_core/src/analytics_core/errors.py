"""Every error the package raises on purpose, and the exit code each one means.

::

    BaseException
     ├─ Exception
     │   └─ AnalyticsError        exit 1   something else went wrong
     │       ├─ DataError         exit 3   the database cannot be used (also a ValueError)
     │       ├─ StorageError      exit 4   results cannot be read or written (also an OSError)
     │       │   ├─ NotFound               nothing is stored there
     │       │   └─ Damaged                what is stored there is not what was written
     │       ├─ GateClosed        exit 5   the new set differs too much; the earlier one stays
     │       ├─ Busy              exit 75  the database gave no copy for others' locks, try again
     │       └─ SolverError       exit 1   a transport problem is malformed (also a ValueError)
     └─ Interrupted               exit 75  asked to stop; finished stages are kept, try again

``Interrupted`` stands apart, like ``KeyboardInterrupt``, so that nobody's ``except Exception``
swallows a request to stop: botocore would take it for a broken connection, and try again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_BAD_DATA = 3
EXIT_STORAGE = 4
EXIT_GATE = 5
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h; the job's retry rules act on it

LONGEST_SENTENCE = 1500
"""Characters of an error about data, which may quote names of any length."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class AnalyticsError(Exception):
    """Base of the errors that carry a sentence meant for the person who runs the job."""

    exit_code = EXIT_FAILURE


class DataError(AnalyticsError, ValueError):
    """The database is missing, broken, or lacks what the analytics need.

    Parameters
    ----------
    sentence
        It may quote what the database holds: line breaks and signs that steer a terminal become
        blanks, and of thousands of characters the middle is left out.
    """

    exit_code = EXIT_BAD_DATA

    def __init__(self, sentence: str) -> None:
        plain = _CONTROLS.sub(" ", sentence)
        if len(plain) > LONGEST_SENTENCE:
            plain = f"{plain[: LONGEST_SENTENCE - 301]}…{plain[-300:]}"
        super().__init__(plain)


class Busy(AnalyticsError):  # noqa: N818 - named for what happened
    """Others have the database locked, or never pause writing it; nothing is wrong with it."""

    exit_code = EXIT_TRY_AGAIN


class StorageError(AnalyticsError, OSError):
    """Documents or stage results could not be read, written or verified."""

    exit_code = EXIT_STORAGE


class NotFound(StorageError):  # noqa: N818 - named for what happened
    """Nothing is stored under the key."""


class Damaged(StorageError):  # noqa: N818 - named for what happened
    """What is stored is not what was published."""


class GateClosed(AnalyticsError):  # noqa: N818 - named for what happened
    """A set differs so much from the one before it that it was not published.

    Attributes
    ----------
    figures : dict
        What was compared, by name.
    """

    exit_code = EXIT_GATE

    def __init__(self, sentence: str, *, figures: Mapping[str, float]) -> None:
        super().__init__(sentence)
        self.figures = dict(figures)


class SolverError(AnalyticsError, ValueError):
    """A transport problem has negative, non-finite or mismatched masses or costs."""


class Interrupted(BaseException):
    """The process was asked to stop; what was finished is kept for the next attempt."""

    exit_code = EXIT_TRY_AGAIN
