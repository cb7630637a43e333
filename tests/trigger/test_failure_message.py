"""A failing job becomes a mail, by the rules and the function of the template.

EventBridge itself is not here: moto sends no Batch events. Its part is played by the test, with the
rules' own patterns from the synthesized template; the job, the topic and the queue that is
subscribed to it are the emulator's.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infra.trigger_templates import QUEUE, template
from tests.trigger.conftest import Cloud, Driver
from tests.trigger.mailbox import Mailbox, event_of, passed_on
from trigger import services as services_module


def rules(cloud: Cloud) -> list[dict[str, Any]]:
    """The template's rules for events, about the test's own queue."""
    found = template("dev").find_resources("AWS::Events::Rule").values()
    text = json.dumps([rule["Properties"] for rule in found]).replace(QUEUE, cloud.queue)
    return [rule for rule in json.loads(text) if "EventPattern" in rule]


def deliver(driver: Driver, event: dict[str, Any]) -> int:
    """Invoke the function with what the rules pass on; how often that was."""
    given = [seen for rule in rules(driver.cloud) for seen in passed_on(rule, event)]
    for seen in given:
        driver.invoke(seen)
    return len(given)


@pytest.fixture
def mailbox(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    topic = cloud.client("sns").create_topic(Name=f"topic-{cloud.bucket}")["TopicArn"]
    monkeypatch.setenv("ALERT_TOPIC_ARN", topic)
    services_module.connect.cache_clear()
    return Mailbox.subscribed(cloud, topic)


def test_a_failing_job_leads_to_one_mail_that_says_what_to_do(
    mailbox: Mailbox, driver: Driver, cloud: Cloud
) -> None:
    job_id = driver.invoke({})["jobId"]
    for status in ("RUNNABLE", "STARTING", "RUNNING"):
        cloud.emulator.set_job(job_id, status=status)
        [job] = cloud.jobs()
        assert deliver(driver, event_of(job)) == 0
    cloud.emulator.set_job(
        job_id,
        status="FAILED",
        statusReason="Essential container in task exited",
        container={"exitCode": 3},
    )
    [job] = cloud.jobs()
    assert deliver(driver, event_of(job)) == 1
    assert deliver(driver, event_of(job)) == 1, "EventBridge delivers at least once"
    [(subject, body)] = mailbox.mails()
    assert subject == "Cocktail analytics (dev): refresh failed: bad data (exit 3)"
    assert f"scripts/trigger-analytics-refresh.sh dev --status {job_id}" in body


def test_a_succeeding_job_leads_to_none(mailbox: Mailbox, driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    cloud.emulator.set_job(job_id, status="SUCCEEDED")
    [job] = cloud.jobs()
    assert deliver(driver, event_of(job)) == 0
    assert mailbox.mails() == []


def test_a_blocked_queue_leads_to_a_mail(mailbox: Mailbox, driver: Driver, cloud: Cloud) -> None:
    job_id = driver.invoke({})["jobId"]
    cloud.emulator.set_job(
        job_id,
        status="RUNNABLE",
        statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the "
        "capacity requested for instance type [c7g.medium]",
    )
    [job] = cloud.jobs()
    assert deliver(driver, event_of(job, "Batch Job Queue Blocked")) == 1
    [(subject, body)] = mailbox.mails()
    assert subject == "Cocktail analytics (dev): a job cannot start: no Spot capacity yet"
    assert "What to do: " in body


def test_a_job_of_another_queue_is_none_of_ours(driver: Driver, cloud: Cloud) -> None:
    driver.invoke({})
    [job] = cloud.jobs()
    other = {**job, "status": "FAILED", "jobQueue": job["jobQueue"] + "-other"}
    assert deliver(driver, event_of(other)) == 0
