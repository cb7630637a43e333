"""What the stack tells the function through environment variables, checked once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trigger.debounce import DebounceSettings
from trigger.errors import InvalidSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a step of a shared refresh reserves, and how many minutes an attempt may take."""

    vcpus: int
    memory_mib: int
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """How a refresh is shared by many machines; see `trigger.chain`.

    Attributes
    ----------
    shards
        Among how many the search is divided; None for as many as it needs.
    minutes
        How long a shard takes when their number is not given.
    first
        How many there may be when it is not known yet how long the search takes.
    plan, shard, finish
        What each step reserves.
    """

    shards: int | None
    minutes: float
    first: int
    plan: Machine
    shard: Machine
    finish: Machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the function submits, keeps its claim and schedules.

    Attributes
    ----------
    environment
        `dev` or `prod`; part of job names and a metric dimension.
    job_queue, job_definition
        ARNs; the definition's with its revision.
    bucket, claim_key
        Where the claim of `trigger.claim` lives.
    told_prefix
        Where in the bucket `trigger.alerts` notes which mails went out; ends in a slash.
    alert_topic_arn
        The SNS topic of the mails; None where no events of Batch arrive.
    log_group
        The job's CloudWatch log group.
    schedule_group, schedule_name, schedule_role_arn
        The one debounce schedule and the role under which it invokes this function.
    dead_letter_arn
        Queue for a schedule that could not invoke the function; None for none.
    debounce
        Quiet time and maximum wait.
    chain
        How a refresh is shared by many machines; None for one machine.
    """

    environment: str
    job_queue: str
    job_definition: str
    bucket: str
    claim_key: str
    told_prefix: str
    alert_topic_arn: str | None
    log_group: str
    schedule_group: str
    schedule_name: str
    schedule_role_arn: str
    dead_letter_arn: str | None
    debounce: DebounceSettings
    chain: ChainSettings | None = None


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `variables`, by default the process's environment.

    Raises
    ------
    InvalidSettings
        Naming the variable that is missing or wrong.
    """
    given = os.environ if variables is None else variables

    def needed(name: str) -> str:
        value = given.get(name, "").strip()
        if not value:
            raise InvalidSettings(
                f"environment variable {name} is not set; the stack sets it, so deploy again"
            )
        return value

    def minutes(name: str) -> timedelta:
        text = needed(name)
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 < value <= 7 * 24 * 60:
            raise InvalidSettings(f"{name} is {text!r}; give minutes, more than 0, at most 10080")
        return timedelta(minutes=value)

    try:
        debounce = DebounceSettings(
            quiet=minutes("QUIET_MINUTES"), maximum_wait=minutes("MAXIMUM_WAIT_MINUTES")
        )
    except InvalidSettings:
        raise
    except ValueError as error:
        raise InvalidSettings(f"QUIET_MINUTES and MAXIMUM_WAIT_MINUTES: {error}") from None
    return Settings(
        environment=needed("ENVIRONMENT"),
        job_queue=needed("BATCH_JOB_QUEUE"),
        job_definition=needed("BATCH_JOB_DEFINITION"),
        bucket=needed("ANALYTICS_BUCKET"),
        claim_key=given.get("CLAIM_KEY") or "trigger/claim.json",
        told_prefix=given.get("TOLD_PREFIX") or "trigger/told/",
        alert_topic_arn=given.get("ALERT_TOPIC_ARN") or None,
        log_group=needed("JOB_LOG_GROUP"),
        schedule_group=needed("SCHEDULE_GROUP"),
        schedule_name=given.get("SCHEDULE_NAME") or "refresh",
        schedule_role_arn=needed("SCHEDULE_ROLE_ARN"),
        dead_letter_arn=given.get("DEAD_LETTER_ARN") or None,
        debounce=debounce,
        chain=_chain(given.get("CHAIN", "")),
    )


def _chain(text: str) -> ChainSettings | None:
    """Read how a refresh is shared, as the stack writes it."""
    if not text.strip():
        return None
    try:
        told = json.loads(text)
        return ChainSettings(
            shards=None if told["shards"] is None else int(told["shards"]),
            minutes=float(told["minutes"]),
            first=int(told["first"]),
            plan=Machine(**told["plan"]),
            shard=Machine(**told["shard"]),
            finish=Machine(**told["finish"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidSettings(
            f"CHAIN is {text!r}, which makes no sense ({error!r}); the stack sets it, so deploy "
            "again"
        ) from None
