"""A failing job becomes a message on the topic.

EventBridge itself is not here: moto sends no Batch events. Its part is played by the test, with the
rule's own pattern and transformer from the synthesized template; the job, the topic and the queue
that is subscribed to it are the emulator's.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.infra.event_patterns import matches
from tests.infra.trigger_templates import QUEUE, template
from tests.trigger.conftest import Cloud, Driver


def rules() -> list[dict[str, Any]]:
    found = template("dev").find_resources("AWS::Events::Rule").values()
    return json.loads(json.dumps([rule["Properties"] for rule in found]).replace(QUEUE, "{QUEUE}"))


def transformed(transformer: dict[str, Any], event: dict[str, Any]) -> str:
    """Fill the template in as EventBridge does; a path without a value leaves nothing."""

    def value(match: re.Match[str]) -> str:
        found: Any = event
        for part in transformer["InputPathsMap"][match[1]].removeprefix("$.").split("."):
            found = found.get(part, "") if isinstance(found, dict) else ""
        return str(found)

    return re.sub(r"<([\w-]+)>", value, transformer["InputTemplate"])


def deliver(cloud: Cloud, event: dict[str, Any], topic: str) -> int:
    """Publish what the rules make of the event; how many rules matched."""
    matched = 0
    for rule in rules():
        pattern = json.loads(json.dumps(rule["EventPattern"]).replace("{QUEUE}", cloud.queue))
        if matches(pattern, event):
            matched += 1
            [target] = rule["Targets"]
            message = transformed(target["InputTransformer"], event)
            cloud.client("sns").publish(TopicArn=topic, Message=message)
    return matched


@pytest.fixture
def topic(cloud: Cloud) -> tuple[str, str]:
    """A topic and the URL of a queue subscribed to it."""
    arn = cloud.client("sns").create_topic(Name=f"topic-{cloud.bucket}")["TopicArn"]
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=f"mail-{cloud.bucket}")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    cloud.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue["QueueArn"])
    return arn, url


def event_of(job: dict[str, Any], detail_type: str) -> dict[str, Any]:
    """Batch's event: its detail is the job as DescribeJobs gives it."""
    return {
        "version": "0",
        "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b",
        "detail-type": detail_type,
        "source": "aws.batch",
        "account": "123456789012",
        "time": "2026-03-01T12:00:00Z",
        "region": "eu-west-1",
        "resources": [job["jobArn"]],
        "detail": job,
    }


def messages(cloud: Cloud, url: str) -> list[str]:
    received = cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(m["Body"])["Message"] for m in received.get("Messages", [])]


def test_a_failing_job_leads_to_one_message_that_says_what_to_do(
    driver: Driver, cloud: Cloud, topic: tuple[str, str]
) -> None:
    job_id = driver.invoke({})["jobId"]
    arn, url = topic
    for status in ("RUNNABLE", "STARTING", "RUNNING"):
        cloud.emulator.set_job(job_id, status=status)
        [job] = cloud.jobs()
        assert deliver(cloud, event_of(job, "Batch Job State Change"), arn) == 0
    cloud.emulator.set_job(
        job_id, status="FAILED", statusReason="Essential container in task exited"
    )
    [job] = cloud.jobs()
    assert deliver(cloud, event_of(job, "Batch Job State Change"), arn) == 1
    [message] = messages(cloud, url)
    assert "Essential container in task exited" in message
    assert f"scripts/trigger-analytics-refresh.sh dev --status {job_id}" in message
    assert "<" not in message, "every placeholder is filled in"


def test_a_succeeding_job_leads_to_none(
    driver: Driver, cloud: Cloud, topic: tuple[str, str]
) -> None:
    job_id = driver.invoke({})["jobId"]
    cloud.emulator.set_job(job_id, status="SUCCEEDED")
    [job] = cloud.jobs()
    assert deliver(cloud, event_of(job, "Batch Job State Change"), topic[0]) == 0
    assert messages(cloud, topic[1]) == []


def test_a_blocked_queue_leads_to_a_message(
    driver: Driver, cloud: Cloud, topic: tuple[str, str]
) -> None:
    job_id = driver.invoke({})["jobId"]
    cloud.emulator.set_job(
        job_id,
        status="RUNNABLE",
        statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the "
        "capacity requested for instance type [c7g.medium]",
    )
    [job] = cloud.jobs()
    assert deliver(cloud, event_of(job, "Batch Job Queue Blocked"), topic[0]) == 1
    [message] = messages(cloud, topic[1])
    assert "the queue is blocked" in message
    assert "INSUFFICIENT_INSTANCE_CAPACITY" in message
