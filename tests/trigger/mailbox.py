"""The owner's end: what Batch's events look like, and which mails arrive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.infra.event_patterns import matches
from tests.trigger.conftest import Cloud


@dataclass
class Mailbox:
    """A queue subscribed to the topic; what arrives there arrived at the owner's, too."""

    cloud: Cloud
    url: str

    @classmethod
    def subscribed(cls, cloud: Cloud, topic_arn: str) -> Mailbox:
        sqs = cloud.client("sqs")
        url = sqs.create_queue(QueueName=f"mail-{cloud.bucket}"[:80])["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        cloud.client("sns").subscribe(
            TopicArn=topic_arn, Protocol="sqs", Endpoint=queue["QueueArn"]
        )
        return cls(cloud, url)

    def mails(self) -> list[tuple[str, str]]:
        """Subjects and bodies that came since the last look."""
        sqs = self.cloud.client("sqs")
        found = []
        while received := sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in received:
                content = json.loads(message["Body"])
                found.append((content["Subject"], content["Message"]))
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


def event_of(job: dict[str, Any], kind: str = "Batch Job State Change") -> dict[str, Any]:
    """Batch's event in EventBridge's envelope; its detail is the job as DescribeJobs gives it."""
    return {
        "version": "0",
        "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b",
        "detail-type": kind,
        "source": "aws.batch",
        "account": "123456789012",
        "time": "2026-03-01T11:56:02Z",
        "region": "eu-west-1",
        "resources": [job["jobArn"]],
        "detail": job,
    }


def passed_on(rule: dict[str, Any], event: dict[str, Any]) -> list[dict[str, Any]]:
    """What a rule (its pattern, and its targets as the API has them) gives to each target.

    The whole event and nothing made of it: a target with an input of its own is refused here,
    since the function wants the event as it is.
    """
    if not matches(rule["EventPattern"], event):
        return []
    for target in rule["Targets"]:
        assert not {"Input", "InputPath", "InputTransformer"} & set(target), target
    return [json.loads(json.dumps(event)) for _ in rule["Targets"]]
