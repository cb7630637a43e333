"""Pre-flight rules on roles, functions, watching, and on data that must outlive a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.environments import Environment
from infra.rules_common import (
    COMPUTE_ENVIRONMENT,
    JOB_DEFINITION,
    Rule,
    Trouble,
    as_list,
    statements,
    trouble,
)
from infra.templates import Resource, StackTemplates

JOB_ACTIONS = {
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:ListBucket",
    "elasticfilesystem:ClientMount",
}

LARGEST_BUNDLE_BYTES = 1_000_000


def job_roles(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rules 4 and 11: three roles, each with its own trust; the job's with little."""
    for job in stack.resources(JOB_DEFINITION):
        container = job.properties["ContainerProperties"]
        role = stack.named(job.template, container.get("JobRoleArn"))
        execution = stack.named(job.template, container.get("ExecutionRoleArn"))
        if role is None or execution is None or role == execution:
            yield trouble(
                "separate-roles",
                job,
                "the program and the agent that starts it need a role each; with one, the program "
                "can do whatever the agent can.",
            )
        for each in (role, execution):
            if each is not None and not _trusts(each, "ecs-tasks.amazonaws.com"):
                yield trouble(
                    "role-trust",
                    each,
                    "it does not trust ecs-tasks.amazonaws.com: the container gets no credentials "
                    "and the mount fails.",
                )
        if role is not None:
            yield from _little(stack, role)
    for compute in stack.resources(COMPUTE_ENVIRONMENT):
        profile = stack.named(
            compute.template, compute.properties["ComputeResources"].get("InstanceRole")
        )
        if profile is None or profile.type != "AWS::IAM::InstanceProfile":
            yield trouble(
                "instance-profile",
                compute,
                "InstanceRole must be an instance profile (its ARN), else the environment is "
                "INVALID.",
            )


def _little(stack: StackTemplates, role: Resource) -> Iterator[Trouble]:
    if role.properties.get("ManagedPolicyArns"):
        yield trouble("job-rights", role, "the job needs no managed policy; drop it.")
    for statement in statements(stack, role):
        extra = set(as_list(statement["Action"])) - JOB_ACTIONS
        if extra or "*" in as_list(statement["Resource"]):
            what = ", ".join(sorted(extra)) or "every resource"
            yield trouble(
                "job-rights",
                role,
                f"the job may {what}; it needs its bucket and a read-only mount, nothing else.",
            )


def _trusts(role: Resource, service: str) -> bool:
    document = role.properties.get("AssumeRolePolicyDocument", {})
    return any(
        service in as_list(statement.get("Principal", {}).get("Service"))
        for statement in document.get("Statement", [])
    )


def watched(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 16: failure, blockage and silence are all heard."""
    patterns = [
        json.dumps(rule.properties.get("EventPattern", {}))
        for rule in stack.resources("AWS::Events::Rule")
        if rule.properties.get("State", "ENABLED") == "ENABLED" and rule.properties.get("Targets")
    ]
    if not any("Batch Job State Change" in p and "FAILED" in p for p in patterns):
        yield trouble("failed-event", stack.name, "no rule hears of a FAILED job; add one.")
    if not any("Batch Job Queue Blocked" in p for p in patterns):
        yield trouble("blocked-event", stack.name, "no rule hears of a blocked queue; add one.")
    silent = [
        alarm
        for alarm in stack.resources("AWS::CloudWatch::Alarm")
        if alarm.properties.get("TreatMissingData") == "breaching"
        and alarm.properties.get("AlarmActions")
    ]
    if not silent:
        yield trouble(
            "freshness",
            stack.name,
            "no alarm treats silence as trouble: a refresh that no longer starts is noticed by "
            "nobody. Add a freshness alarm with TreatMissingData breaching.",
        )


def functions(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rules 18 and 21: the trigger is thin, outside the VPC, and may submit one thing."""
    for function in stack.resources("AWS::Lambda::Function"):
        if "ReservedConcurrentExecutions" in function.properties:
            yield trouble(
                "reserved-concurrency",
                function,
                "a new account's limit is 10, of which nothing can be reserved: the deploy fails. "
                "Leave it out.",
            )
        role = stack.named(function.template, function.properties.get("Role"))
        rights = [] if role is None else list(statements(stack, role))
        submits = [s for s in rights if "batch:SubmitJob" in as_list(s["Action"])]
        if not submits:
            continue
        if "VpcConfig" in function.properties:
            yield trouble(
                "trigger-outside-vpc",
                function,
                "inside the VPC it needs an endpoint for each API it calls, else it times out.",
            )
        if any("*" in json.dumps(as_list(s["Resource"])) for s in submits):
            yield trouble(
                "submit-rights", function, "it may submit any job; name queue and definition."
            )
        path = function.body.get("Metadata", {}).get("aws:asset:path")
        if stack.folder is not None and path is not None:
            size = sum(f.stat().st_size for f in (stack.folder / path).rglob("*") if f.is_file())
            if size > LARGEST_BUNDLE_BYTES:
                yield trouble(
                    "thin-trigger", function, f"{size} bytes: it bundles what boto3's runtime has."
                )


def data_outlives(stack: StackTemplates, environment: Environment | None) -> Iterator[Trouble]:
    """Rule 22: the environment says whether data goes with the stack."""
    for store in stack.resources("AWS::S3::Bucket", "AWS::EFS::FileSystem"):
        policies = {store.body.get("DeletionPolicy"), store.body.get("UpdateReplacePolicy")}
        if len(policies) != 1 or not policies <= {"Retain", "Delete"}:
            yield trouble(
                "data-policy",
                store,
                "deletion and replacement must be treated alike, and on purpose: set a removal "
                "policy.",
            )
        elif environment is not None and (policies == {"Delete"}) != environment.destroy_data:
            wish = "be destroyed with" if environment.destroy_data else "outlive"
            yield trouble(
                "data-policy",
                store,
                f"it should {wish} the stack, as the environment's destroy_data says; set its "
                "removal policy.",
            )


ACCOUNT_RULES: tuple[Rule, ...] = (job_roles, watched, functions, data_outlives)
