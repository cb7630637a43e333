"""What AWS knows of the throwaway stack of `smoke_aws`: its jobs and documents, leftovers, cost."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from deployed import Trouble
from infra.cost import HOURS_A_MONTH, PRICES
from infra.environments import SMOKE, smallest_fit
from infra.facts import ROOT_VOLUME_GIB, RUN_PREFIX

STACK = SMOKE.stack_name
TAGS = {"environment": SMOKE.name, "application": "cocktail-analytics"}
QUEUE_PREFIX = f"cocktail-analytics-{SMOKE.name}-"
"""Of the name of a queue that listens to the topic for a while."""


class Throwaway:
    """The stack, its nested stacks, and everything with its tags.

    Attributes
    ----------
    started
        When this try began.
    """

    def __init__(self, session: Any, *, poll_seconds: float) -> None:
        self.client = session.client
        self.poll_seconds = poll_seconds
        self.started = datetime.now(UTC)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """What the stack says about itself."""
        stacks = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {o["OutputKey"]: o["OutputValue"] for o in stacks[0].get("Outputs", [])}

    def stacks(self) -> list[str]:
        """Return the names of this stack and its nested ones, where they exist."""
        pages = self.client("cloudformation").get_paginator("list_stacks").paginate()
        return [
            summary["StackName"]
            for page in pages
            for summary in page["StackSummaries"]
            if summary["StackStatus"] != "DELETE_COMPLETE"
            and (summary["StackName"] == STACK or summary["StackName"].startswith(f"{STACK}-"))
        ]

    def buckets(self, stack: str) -> Iterator[str]:
        """Yield the buckets that a stack and its nested stacks made."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=stack):
            for resource in page["StackResourceSummaries"]:
                there = resource.get("PhysicalResourceId")
                if not there or resource["ResourceStatus"] == "DELETE_COMPLETE":
                    continue
                if resource["ResourceType"] == "AWS::S3::Bucket":
                    yield there
                elif resource["ResourceType"] == "AWS::CloudFormation::Stack":
                    yield from self.buckets(there)

    def empty(self, bucket: str) -> int:
        """Remove every version and every marker of a bucket; how many there were."""
        s3, count = self.client("s3"), 0
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if found:
                said = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
                if said.get("Errors"):
                    raise Trouble(f"S3 keeps objects of {bucket}: {said['Errors'][0]['Message']}")
                count += len(found)
        return count

    def queues(self) -> list[str]:
        """Return the queues of this and earlier tries that listen to the topic."""
        found = self.client("sqs").list_queues(QueueNamePrefix=QUEUE_PREFIX)
        return [str(url) for url in found.get("QueueUrls", [])]

    def jobs(self, *states: str) -> list[dict[str, Any]]:
        """Return the queue's jobs in some states."""
        if "JobQueue" not in self.outputs:
            return []
        pages = self.client("batch").get_paginator("list_jobs")
        return [
            summary
            for state in states
            for page in pages.paginate(jobQueue=self.outputs["JobQueue"], jobStatus=state)
            for summary in page["jobSummaryList"]
        ]

    def minutes_of_jobs(self) -> tuple[int, float]:
        """Return how many jobs there were, and how long they ran."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            ended = self.jobs("SUCCEEDED", "FAILED")
        except (Trouble, BotoCoreError, ClientError):
            return 0, 0.0  # no stack, no jobs
        spans = [j.get("stoppedAt", 0) - j.get("startedAt", j.get("stoppedAt", 0)) for j in ended]
        return len(ended), sum(spans) / 60_000

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended, and return what Batch says of it."""
        deadline = time.monotonic() + 60 * (SMOKE.runnable_minutes + SMOKE.timeout_minutes)
        while time.monotonic() < deadline:
            jobs = self.client("batch").describe_jobs(jobs=[job_id])["jobs"]
            if jobs and jobs[0]["status"] in ("SUCCEEDED", "FAILED"):
                return dict(jobs[0])
            time.sleep(self.poll_seconds)
        raise Trouble(f"the job {job_id} did not end")

    def published_documents(self) -> dict[str, bytes]:
        """Return the stable documents in the bucket, by type."""
        bucket, keys = self.published_keys()
        s3, folder = self.client("s3"), re.compile(rf"(?:.*/)?{RUN_PREFIX}/([^/]+)\.json")
        return {
            found[1]: s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for key in keys
            if (found := folder.fullmatch(key))
        }

    def published_keys(self) -> tuple[str, dict[str, str]]:
        """Return the bucket, and the ETag of everything published."""
        place = self.outputs["Documents"].removeprefix("s3://")
        bucket, _, prefix = place.partition("/")
        below = f"{prefix}/{RUN_PREFIX}/" if prefix else f"{RUN_PREFIX}/"
        pages = self.client("s3").get_paginator("list_objects_v2")
        return bucket, {
            entry["Key"]: entry["ETag"]
            for page in pages.paginate(Bucket=bucket, Prefix=below)
            for entry in page.get("Contents", [])
        }

    # --- what is left -------------------------------------------------------------------------

    def left(self, subscription: str) -> tuple[set[str], int]:
        """Return what is still there, and the number of things that only AWS removes."""
        left = {f"stack {name}" for name in self.stacks()}
        tags = [{"Key": key, "Values": [value]} for key, value in TAGS.items()]
        pages = self.client("resourcegroupstaggingapi").get_paginator("get_resources")
        tagged = {
            entry["ResourceARN"]
            for page in pages.paginate(TagFilters=tags)
            for entry in page["ResourceTagMappingList"]
        }
        passing = {arn for arn in tagged if self.passes(arn)}
        left |= tagged - passing
        logs = self.client("logs").get_paginator("describe_log_groups")
        for prefix in (STACK, f"/aws/lambda/{STACK}"):
            for page in logs.paginate(logGroupNamePrefix=prefix):
                left |= {f"log group {group['logGroupName']}" for group in page["logGroups"]}
        left |= set(self.queues())
        if subscription:
            subscriptions = self.client("sns").get_paginator("list_subscriptions")
            for page in subscriptions.paginate():
                arns = {s["SubscriptionArn"] for s in page["Subscriptions"]}
                left |= arns & {subscription}
        return left, len(passing)

    def passes(self, arn: str) -> bool:
        """Whether a tagged thing is over, and its name alone is still known to AWS."""
        service, kind = arn.split(":")[2], re.split("[:/]", arn.split(":", 5)[5])[0]
        if (service, kind) in {
            ("batch", "job"),
            ("ecs", "task"),
            ("ec2", "spot-instances-request"),
        }:
            return True
        if (service, kind) == ("batch", "job-definition"):
            name = arn.rpartition("/")[2].partition(":")[0]
            found = self.client("batch").describe_job_definitions(
                jobDefinitionName=name, status="ACTIVE"
            )["jobDefinitions"]
            return not found
        if (service, kind) == ("ec2", "instance"):
            return all(
                i["State"]["Name"] == "terminated"
                for i in self.instances()
                if i["InstanceId"] == arn.rpartition("/")[2]
            )
        if (service, kind) == ("ecs", "cluster"):
            found = self.client("ecs").describe_clusters(clusters=[arn])["clusters"]
            return all(cluster["status"] == "INACTIVE" for cluster in found)
        return False

    def instances(self) -> list[dict[str, Any]]:
        """Return the stack's instances since this began; EC2 knows ended ones for an hour."""
        filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in TAGS.items()]
        pages = self.client("ec2").get_paginator("describe_instances").paginate(Filters=filters)
        return [
            instance
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
            if instance["LaunchTime"] >= self.started - timedelta(minutes=1)
        ]


class Prices:
    """The price list, applied to one Spot instance at a time."""

    def __init__(self) -> None:
        self._list = tomllib.loads(PRICES.read_text(encoding="utf-8"))
        self.as_of = f"{self._list['region']}'s prices of {self._list['as_of']}"
        self.minutes_around = float(sum(self._list["assumed"]["minutes"].values()))

    def of(self, minutes: float, kind: str | None = None) -> float:
        """Return what a Spot instance costs for so long, in US dollars."""
        kind = kind or smallest_fit(SMOKE) or SMOKE.instance_types[0]
        spot = self._list["instances"]["on_demand_hour"].get(kind, 0.0)
        spot *= self._list["instances"]["spot_share"]
        volume = ROOT_VOLUME_GIB * self._list["storage"]["gp3_gib_month"] / HOURS_A_MONTH
        address = self._list["network"]["public_ipv4_hour"]
        return float(minutes / 60 * (spot + volume + address))

    def tell(self, jobs: tuple[int, float], instances: list[dict[str, Any]]) -> str:
        """Say what jobs (how many, minutes) and instances cost."""
        count, minutes = jobs
        spent = [(_minutes_of(instance), instance["InstanceType"]) for instance in instances]
        if spent:
            dollars = sum(self.of(lasted, kind) for lasted, kind in spent)
            kinds = ", ".join(sorted({kind for _, kind in spent}))
            lasted = sum(lasted for lasted, _ in spent)
            ran = f"{len(spent)} instances ({kinds}), {lasted:.0f} min"
        else:
            minutes_assumed = minutes + self.minutes_around
            dollars = self.of(minutes_assumed)
            ran = f"no instance was seen, {minutes_assumed:.0f} min are assumed"
        return (
            f"cost: about {dollars:.2f} USD, at {self.as_of} "
            f"({count} jobs, {minutes:.1f} min; {ran})"
        )


def _minutes_of(instance: dict[str, Any]) -> float:
    """Return how long an instance ran, or has run; EC2 puts its end into a sentence."""
    ended = datetime.now(UTC)
    found = re.search(r"\((.+) GMT\)", instance.get("StateTransitionReason", ""))
    if found and instance["State"]["Name"] != "running":
        ended = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return float((ended - instance["LaunchTime"]).total_seconds() / 60)
