"""The AWS clients, the clock and the settings an invocation works with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from trigger.claim import Claim
from trigger.settings import Settings, read_settings

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sns import SNSClient


def utc_now() -> datetime:
    """Return the present time, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything outside this package; tests replace the clock and keep the rest.

    Attributes
    ----------
    batch
        Reads with retries.
    submitting
        The same service without retries: `SubmitJob` is not idempotent.
    sns
        Without retries too: `Publish` would send the mail again.
    """

    settings: Settings
    batch: BatchClient
    submitting: BatchClient
    scheduler: EventBridgeSchedulerClient
    s3: S3Client
    logs: CloudWatchLogsClient
    sns: SNSClient
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep

    def claim(self, key: str | None = None) -> Claim:
        """Return the claim at `key`; by default the one that keeps submissions apart."""
        return Claim(
            self.s3,
            bucket=self.settings.bucket,
            key=self.settings.claim_key if key is None else key,
            now=self.now,
            sleep=self.sleep,
        )


@cache
def connect() -> Services:
    """Make the clients, once in the life of the process.

    Raises
    ------
    InvalidSettings
        When the environment is incomplete.
    """
    settings = read_settings()
    # botocore's defaults, 60 s to connect and to read, outlive the function.
    patient = Config(
        connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}
    )
    once = Config(connect_timeout=2, read_timeout=15, retries={"total_max_attempts": 1})
    return Services(
        settings=settings,
        batch=boto3.client("batch", config=patient),
        submitting=boto3.client("batch", config=once),
        scheduler=boto3.client("scheduler", config=patient),
        s3=boto3.client("s3", config=patient),
        logs=boto3.client("logs", config=patient),
        sns=boto3.client("sns", config=once),
    )
