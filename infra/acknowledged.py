"""Findings of cdk-nag's AwsSolutions pack that stand on purpose, each with its reason.

The trigger's own are in `infra/trigger.py` and `infra/watching.py`, beside what they excuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

if TYPE_CHECKING:
    from infra.analytics_stack import AnalyticsStack

PACK = "AwsSolutions"

REASONS: dict[str, dict[str, str]] = {
    "NetworkStack/Vpc": {
        "AwsSolutions-VPC7": "Flow logs cost more than the rest of an idle network; nothing is "
        "admitted from outside, and the way out is limited to HTTPS and the file system",
    },
    "NetworkStack/Endpoints": {
        "CdkNagValidationFailure": "The rule cannot read a group that is a reference; the only "
        "ingress is HTTPS from the instances' group",
    },
    "BatchStack/Bucket": {
        "AwsSolutions-S1": "Access logs would need a bucket of their own; only the job writes, and "
        "each run's manifest says what it wrote",
    },
    "BatchStack/JobRole": {
        "AwsSolutions-IAM5": "Object keys carry a run's id; the wildcards end at two prefixes",
    },
    "BatchStack/InstanceRole": {
        "AwsSolutions-IAM4": "What the ECS agent calls changes with the agent; AWS keeps this "
        "policy in step",
    },
    "BatchStack/ExecutionRole": {
        "AwsSolutions-IAM5": "ecr:GetAuthorizationToken knows no resources",
    },
}


def acknowledge(stack: AnalyticsStack) -> None:
    """Record the reasons on the constructs they are about, where these exist."""
    for path, reasons in REASONS.items():
        found: IConstruct | None = stack
        for part in path.split("/"):
            found = found.node.try_find_child(part) if found is not None else None
        if found is None:
            continue  # an adopted resource, or a group this network mode has no need of
        for rule, reason in reasons.items():
            Validations.of(found).acknowledge(Acknowledgment(id=f"{PACK}::{rule}", reason=reason))
