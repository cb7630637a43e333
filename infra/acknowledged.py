"""Findings of cdk-nag's AwsSolutions pack that stand on purpose, each with its reason.

The pack's own acknowledgments are by exact text, which holds generated ids that differ between
stacks; here findings are matched by pattern. A reason nothing matches any more fails a test.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aws_cdk import App
from cdk_nag import AwsSolutionsChecks


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a finding stands.

    Attributes
    ----------
    path
        Regular expression on the construct's path below its stack.
    finding
        Regular expression on the finding, without the pack's name.
    reason
        One sentence.
    """

    path: str
    finding: str
    reason: str


REASONS = (
    Reason(
        r"NetworkStack/Vpc/Resource",
        r"VPC7",
        "Flow logs cost more than the rest of an idle network; nothing is admitted from outside, "
        "and the way out is limited to HTTPS and the file system",
    ),
    Reason(
        r"BatchStack/Bucket/Resource",
        r"S1",
        "Access logs need a bucket of their own; only the job writes, and each run's manifest says "
        "what it wrote",
    ),
    Reason(
        r"BatchStack/Jobs/(Refresh|Load)Role/DefaultPolicy/Resource",
        r"IAM5\[Resource::.*/(analytics/v1|workspace|incoming)/\*\]",
        "Object keys carry a run's id or an upload's; the wildcards end at a job's own prefixes",
    ),
    Reason(
        r"BatchStack/Jobs/ExecutionRole/DefaultPolicy/Resource",
        r"IAM5\[Resource::\*\]",
        "ecr:GetAuthorizationToken knows no resources",
    ),
    Reason(
        r"BatchStack/Compute/InstanceRole/Resource",
        r"IAM4\[.*AmazonEC2ContainerServiceforEC2Role\]",
        "What the ECS agent calls changes with the agent; AWS keeps this policy in step",
    ),
    Reason(
        r"TriggerStack/Role/DefaultPolicy/Resource",
        r"IAM5\[Resource::\*\]",
        "DescribeJobs and ListJobs know no resources",
    ),
    Reason(
        r"TriggerStack/Role/DefaultPolicy/Resource",
        r"IAM5\[Resource::.*:log-stream:\*\]",
        "Log streams get their names as they are made",
    ),
    Reason(
        r"TriggerStack/Role/DefaultPolicy/Resource",
        r"IAM5\[Resource::arn:.*:batch:.*:\*\]",
        "Every revision of the one job definition: while a stack is updated, the function still "
        "submits the revision before",
    ),
    Reason(
        r"TriggerStack/Role/DefaultPolicy/Resource",
        r"IAM5\[Resource::.*/trigger/\*\]",
        "Notes of what was told carry a job's id; the wildcard ends at the trigger's own prefix",
    ),
    Reason(
        r"TriggerStack/ScheduleRole/DefaultPolicy/Resource",
        r"IAM5\[Resource::<Function\w+\.Arn>:\*\]",
        "Every version of the one function, as the CDK grants an invocation",
    ),
    Reason(
        r"TriggerStack/Function/Resource",
        r"L1",
        "python3.13 brings boto3, runs on ARM64 and is what the code was written for",
    ),
)


def unexplained(app: App) -> tuple[list[str], set[Reason]]:
    """Run the pack on a synthesized app.

    Returns
    -------
    tuple
        The findings without a reason, one sentence each, and the reasons that were needed.
    """
    troubles = []
    needed = set()
    for violation in AwsSolutionsChecks(app).validate_scope(app).violations:
        finding = violation.rule_name.removeprefix("AwsSolutions-")
        for resource in violation.violating_resources:
            path = resource.construct_path or ""
            known = [
                reason
                for reason in REASONS
                if re.fullmatch(reason.finding, finding, re.DOTALL)
                and re.fullmatch(reason.path, path.partition("/")[2])
            ]
            needed.update(known)
            if not known:
                troubles.append(f"{path}: {violation.description} [cdk-nag {finding}]")
    return troubles, needed
