"""Findings of cdk-nag's AwsSolutions pack that stand on purpose, each with its reason.

The pack's own acknowledgments are by exact text, which holds generated ids that differ between
stacks; here findings are matched by pattern. The trigger acknowledges its own in
`infra/trigger.py`. A reason nothing matches any more fails a test.
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
        r"BatchStack/JobRole/DefaultPolicy/Resource",
        r"IAM5\[Resource::.*/(analytics/v1|workspace)/\*\]",
        "Object keys carry a run's id; the wildcards end at the job's two prefixes",
    ),
    Reason(
        r"BatchStack/ExecutionRole/DefaultPolicy/Resource",
        r"IAM5\[Resource::\*\]",
        "ecr:GetAuthorizationToken knows no resources",
    ),
    Reason(
        r"BatchStack/InstanceRole/Resource",
        r"IAM4\[.*AmazonEC2ContainerServiceforEC2Role\]",
        "What the ECS agent calls changes with the agent; AWS keeps this policy in step",
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
