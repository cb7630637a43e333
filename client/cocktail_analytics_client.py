"""The API handler's side: ask for a refresh after an edit, and never let it hurt the edit.

This file works on its own: copy it beside the API handler, or install the package. It needs boto3,
which Lambda has, the right to invoke the one function, and the environment variable
`ANALYTICS_TRIGGER_FUNCTION` (name or ARN). ::

    from cocktail_analytics_client import request_refresh

    def save_recipe(...):
        ...                 # the edit, committed
        request_refresh()   # returns within seconds, raises nothing

The trigger collects edits for a quiet time, so call it after each one.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import Any

__all__ = ["request_refresh"]

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_client: Any = None
_said_old_variable = False


def request_refresh() -> bool:
    """Ask for a refresh, asynchronously.

    Returns
    -------
    bool
        True when AWS took the request. False when not; the reason is in the log, and the
        caller's own operation should go on as if nothing had happened. Never raises.
    """
    try:
        _mention_old_variable()
        function = os.environ.get("ANALYTICS_TRIGGER_FUNCTION", "").strip()
        if not function:
            _log.warning(
                "no analytics refresh requested: ANALYTICS_TRIGGER_FUNCTION is not set; "
                "set it to the trigger function's name or ARN"
            )
            return False
        answer = _lambda().invoke(
            FunctionName=function,
            InvocationType="Event",
            Payload=json.dumps({"action": "request"}).encode(),
        )
        status = answer.get("StatusCode")
        if status != 202:
            _log.warning("no analytics refresh requested: %s answered %s", function, status)
            return False
    except Exception:  # noqa: BLE001 - the edit is done; whatever goes wrong here must not undo it
        _log.warning("no analytics refresh requested", exc_info=True)
        return False
    return True


def _mention_old_variable() -> None:
    global _said_old_variable
    if os.environ.get("ANALYTICS_REFRESH_FUNCTION") and not _said_old_variable:
        _said_old_variable = True
        _log.warning(
            "ANALYTICS_REFRESH_FUNCTION is set but no longer used: the refresh function was "
            "replaced by a trigger. Set ANALYTICS_TRIGGER_FUNCTION to the trigger's name and "
            "remove ANALYTICS_REFRESH_FUNCTION"
        )


def _lambda() -> Any:
    global _client
    with _lock:
        if _client is None:
            import boto3
            from botocore.config import Config

            # The user who saved a recipe is waiting: two short tries at most.
            config = Config(
                connect_timeout=1,
                read_timeout=2,
                retries={"mode": "standard", "total_max_attempts": 2},
            )
            _client = boto3.client("lambda", config=config)
        return _client
