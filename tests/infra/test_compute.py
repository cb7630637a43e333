"""The machines: what they are, what they cost idle, how they are patched, what they refuse."""

import base64
import email
import email.policy
import json
from typing import Any

import pytest

from infra.environments import DEFAULTS
from infra.templates import Json, Resource, StackTemplates
from tests.infra.conftest import Synthesized
from tests.infra.finding import across, actions, by_path, named, only, rights

STACKS = pytest.mark.parametrize(("name", "env"), [("DevStack", "dev"), ("ProdStack", "prod")])


def environments(stack: StackTemplates) -> list[Json]:
    return [r.properties for r in stack.resources("AWS::Batch::ComputeEnvironment")]


def template_data(stack: StackTemplates) -> Json:
    found: Json = only(stack, "AWS::EC2::LaunchTemplate").properties["LaunchTemplateData"]
    return found


def flat(value: Any) -> str:
    """What CloudFormation would make of Join and Base64 around literal text."""
    if isinstance(value, str):
        return value
    if "Fn::Base64" in value:
        return base64.b64encode(flat(value["Fn::Base64"]).encode()).decode()
    assert set(value) == {"Fn::Join"}, value
    delimiter, parts = value["Fn::Join"]
    found: str = delimiter.join(map(flat, parts))
    return found


def setup_of(stack: StackTemplates) -> str:
    """The instances' user data as an instance would read it."""
    message = email.message_from_bytes(
        base64.b64decode(flat(template_data(stack)["UserData"])), policy=email.policy.default
    )
    assert message.get_content_type() == "multipart/mixed"
    [part] = message.iter_parts()
    assert part.get_content_type() == "text/x-shellscript"
    found: str = part.get_content()
    return found


def test_spot_first_and_on_demand_behind_it_where_wished(
    dev: StackTemplates, prod: StackTemplates
) -> None:
    def order(stack: StackTemplates) -> list[str]:
        by_id = {r.logical_id: r for r in stack.resources("AWS::Batch::ComputeEnvironment")}
        queue = only(stack, "AWS::Batch::JobQueue").properties["ComputeEnvironmentOrder"]
        ids = [entry["ComputeEnvironment"]["Fn::GetAtt"][0] for entry in queue]
        return [by_id[i].properties["ComputeResources"]["Type"] for i in ids]

    assert order(dev) == ["SPOT"]
    assert order(prod) == ["SPOT", "EC2"]


@STACKS
def test_nothing_runs_idle_and_spot_has_a_choice(
    synthesized: Synthesized, name: str, env: str
) -> None:
    for properties in environments(synthesized.stacks[name]):
        resources = properties["ComputeResources"]
        assert resources["MinvCpus"] == 0
        assert resources["MaxvCpus"] == DEFAULTS[env].max_vcpus
        assert resources["InstanceTypes"] == list(DEFAULTS[env].instance_types)
        assert len(resources["Subnets"]) > 1
        assert resources["Ec2Configuration"] == [{"ImageType": "ECS_AL2023"}]
        assert resources["AllocationStrategy"] == (
            "SPOT_PRICE_CAPACITY_OPTIMIZED"
            if resources["Type"] == "SPOT"
            else "BEST_FIT_PROGRESSIVE"
        )


@STACKS
def test_environments_can_be_updated_in_place(
    synthesized: Synthesized, name: str, env: str
) -> None:
    """A role of its own, or a fixed name, would make AWS replace them and fail."""
    for properties in environments(synthesized.stacks[name]):
        assert "ServiceRole" not in properties
        assert "SpotIamFleetRole" not in properties["ComputeResources"]
        assert "ComputeEnvironmentName" not in properties
        assert properties["ReplaceComputeEnvironment"] is False
        assert properties["UpdatePolicy"] == {
            "TerminateJobsOnUpdate": False,
            "JobExecutionTimeoutMinutes": DEFAULTS[env].longest_minutes,
        }
    assert "JobQueueName" not in only(synthesized.stacks[name], "AWS::Batch::JobQueue").properties


@STACKS
def test_a_changed_launch_template_reaches_the_instances(
    synthesized: Synthesized, name: str, env: str
) -> None:
    """Without a version Batch takes $Default, which stays the first one for ever."""
    stack = synthesized.stacks[name]
    made = only(stack, "AWS::EC2::LaunchTemplate").logical_id
    for properties in environments(stack):
        assert properties["ComputeResources"]["LaunchTemplate"] == {
            "LaunchTemplateId": {"Ref": made},
            "Version": {"Fn::GetAtt": [made, "LatestVersionNumber"]},
        }


@STACKS
def test_instances_are_hardened_down_to_every_disk(
    synthesized: Synthesized, name: str, env: str
) -> None:
    data = template_data(synthesized.stacks[name])
    options = data["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 1)
    assert data["BlockDeviceMappings"]
    assert all(device["Ebs"]["Encrypted"] is True for device in data["BlockDeviceMappings"])


@STACKS
def test_instances_are_an_instance_profile_with_the_agents_rights_alone(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    for compute in stack.resources("AWS::Batch::ComputeEnvironment"):
        profile = named(
            stack, compute.template, compute.properties["ComputeResources"]["InstanceRole"]
        )
        assert profile.type == "AWS::IAM::InstanceProfile"
        [reference] = profile.properties["Roles"]
        role = named(stack, compute.template, reference)
        [managed] = role.properties["ManagedPolicyArns"]
        assert "AmazonEC2ContainerServiceforEC2Role" in json.dumps(managed)
        assert "Policies" not in role.properties
        for policy in stack.resources("AWS::IAM::Policy"):
            if policy.template == role.template:
                assert {"Ref": role.logical_id} not in policy.properties["Roles"]


@STACKS
def test_a_job_that_cannot_start_is_cancelled(
    synthesized: Synthesized, name: str, env: str
) -> None:
    limits = only(synthesized.stacks[name], "AWS::Batch::JobQueue").properties[
        "JobStateTimeLimitActions"
    ]
    assert {limit["Reason"] for limit in limits} == {
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
    }
    for limit in limits:
        assert (limit["State"], limit["Action"]) == ("RUNNABLE", "CANCEL")
        assert limit["MaxTimeSeconds"] == DEFAULTS[env].runnable_minutes * 60


@STACKS
def test_spot_draining_is_on_and_the_jobs_user_has_no_metadata(
    synthesized: Synthesized, name: str, env: str
) -> None:
    """`test_instance_setup.py` runs this script; here it is seen to reach the instances."""
    lines = setup_of(synthesized.stacks[name]).splitlines()
    assert lines[0] == "#!/bin/bash"
    assert any(
        line.startswith('echo "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" >>') for line in lines
    )
    text = " ".join(" ".join(lines).replace("\\", "").split())
    assert "--destination 169.254.169.254/32" in text
    assert '--uid-owner "10001" --jump REJECT' in text
    assert "@" not in text


def patches(stack: StackTemplates) -> list[Resource]:
    return [
        schedule
        for schedule in stack.resources("AWS::Scheduler::Schedule")
        if "updateComputeEnvironment" in json.dumps(schedule.properties["Target"]["Arn"])
    ]


@STACKS
def test_each_environment_is_patched_once_a_month_and_running_jobs_go_on(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    patched = set()
    for schedule in patches(stack):
        assert schedule.properties["ScheduleExpression"] == "cron(41 4 1 * ? *)"
        assert schedule.properties["State"] == "ENABLED"
        parts = schedule.properties["Target"]["Input"]["Fn::Join"][1]
        [reference] = [part for part in parts if isinstance(part, dict)]
        meant = across(stack, schedule.template, reference)
        patched.add(meant.logical_id)
        asked = json.loads("".join(part if isinstance(part, str) else "ARN" for part in parts))
        assert asked["ComputeEnvironment"] == "ARN"
        assert asked["ComputeResources"]["UpdateToLatestImageVersion"] is True
        # A value that is another each time: an update that changes nothing does nothing.
        tags = dict(asked["ComputeResources"]["Tags"])
        assert tags.pop("patched") == "<aws.scheduler.scheduled-time>"
        assert tags == meant.properties["ComputeResources"]["Tags"]
        assert asked["UpdatePolicy"] == meant.properties["UpdatePolicy"]
    assert patched == {r.logical_id for r in stack.resources("AWS::Batch::ComputeEnvironment")}


@STACKS
def test_a_patch_that_fails_lies_where_the_alarm_looks(
    synthesized: Synthesized, name: str, env: str
) -> None:
    """Nobody waits for a schedule's call: without this, machines would age and nobody be told."""
    stack = synthesized.stacks[name]
    letters = only(stack, "AWS::SQS::Queue")
    found = patches(stack)
    assert len(found) == len(environments(stack))
    for schedule in found:
        target = schedule.properties["Target"]
        queue = across(stack, schedule.template, target["DeadLetterConfig"]["Arn"])
        assert queue.logical_id == letters.logical_id
    watched = {
        across(stack, alarm.template, dimension["Value"]).logical_id
        for alarm in stack.resources("AWS::CloudWatch::Alarm")
        if alarm.properties["Namespace"] == "AWS/SQS"
        for dimension in alarm.properties["Dimensions"]
    }
    assert watched == ({letters.logical_id} if DEFAULTS[env].alarms else set())


@STACKS
def test_the_patching_role_may_update_these_environments_and_leave_letters_and_nothing_else(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    role = by_path(stack, "AWS::IAM::Role", "Patches/Role")
    granted = rights(stack, role)
    assert actions(granted) == {"batch:UpdateComputeEnvironment", "sqs:SendMessage"}
    named_there = [statement["Resource"] for statement in granted]
    each = [r for one in named_there for r in (one if isinstance(one, list) else [one])]
    assert {across(stack, role.template, reference).logical_id for reference in each} == {
        resource.logical_id
        for resource in stack.resources("AWS::Batch::ComputeEnvironment", "AWS::SQS::Queue")
    }
    for schedule in patches(stack):
        using = named(stack, schedule.template, schedule.properties["Target"]["RoleArn"])
        assert using.logical_id == role.logical_id
    [trust] = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert "aws:SourceAccount" in json.dumps(trust["Condition"])
