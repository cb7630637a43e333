"""The trigger's template: rights no wider than needed, and what AWS would only say at deploy."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from infra import trigger as trigger_module
from infra.environments import DEFAULTS
from tests.infra.conftest import Synthesized
from tests.infra.trigger_templates import ACCOUNT, DEFINITION, QUEUE, stack, template
from trigger.claim import LEASE, PATIENCE
from trigger.settings import read_settings


def statements(name: str = "dev") -> dict[str, dict[str, Any]]:
    """Return every allowing statement of the identities, by its name."""
    found = {}
    for policy in template(name).find_resources("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            found[statement.get("Sid", json.dumps(statement["Action"]))] = statement
    return found


def function(name: str = "dev") -> dict[str, Any]:
    [(_, resource)] = template(name).find_resources("AWS::Lambda::Function").items()
    return dict(resource["Properties"])


def test_the_function_is_small_and_outside_the_network() -> None:
    properties = function()
    assert properties["Architectures"] == ["arm64"]
    assert properties["Runtime"] == "python3.13"
    assert "VpcConfig" not in properties
    assert "ReservedConcurrentExecutions" not in properties
    assert "Layers" not in properties
    assert "FunctionName" not in properties
    assert "DeadLetterConfig" in properties


def test_a_claim_outlives_the_function_that_took_it() -> None:
    assert LEASE.total_seconds() > function()["Timeout"] > PATIENCE.total_seconds()


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_function_can_read_its_settings(name: str) -> None:
    variables = {
        key: value if isinstance(value, str) else "arn:some:thing"
        for key, value in function(name)["Environment"]["Variables"].items()
    }
    settings = read_settings(variables)
    assert settings.environment == name
    assert settings.job_queue == QUEUE
    assert settings.job_definition == DEFINITION
    environment = DEFAULTS[name]
    assert settings.debounce.quiet.total_seconds() == environment.quiet_minutes * 60
    assert settings.debounce.maximum_wait.total_seconds() == environment.maximum_wait_minutes * 60


def test_it_may_submit_this_definition_to_this_queue_only() -> None:
    submit = [s for s in statements().values() if "batch:SubmitJob" in json.dumps(s["Action"])]
    [statement] = submit
    definition, queue = statement["Resource"]
    assert queue == QUEUE
    # Any revision: while a stack is updated, the function still submits the one before.
    name = DEFINITION.rpartition(":")[0].removeprefix("arn:aws")
    assert definition["Fn::Join"][1] == ["arn:", {"Ref": "AWS::Partition"}, f"{name}:*"]


def test_stars_stand_only_where_actions_know_no_resource_or_streams_have_no_name_yet() -> None:
    starred = {sid for sid, s in statements().items() if "*" in json.dumps(s["Resource"])}
    assert starred == {
        *("LookAtJobs", "ShowTheJobsLastLines", "SubmitThisJobHere", "KeepNotes"),
        '"lambda:InvokeFunction"',  # every version of the one function
    }
    assert not any("*" in json.dumps(s["Action"]) for s in statements().values())


def test_the_only_role_it_can_pass_is_the_schedules_to_the_scheduler() -> None:
    passing = statements()["LetTheScheduleInvokeUs"]
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}
    }
    target = passing["Resource"]["Fn::GetAtt"][0]
    role = template().find_resources("AWS::IAM::Role")[target]["Properties"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert "aws:SourceAccount" in json.dumps(trust["Condition"])


def test_its_notes_lie_in_its_own_folder() -> None:
    assert '/trigger/*"' in json.dumps(statements()["KeepNotes"]["Resource"])
    variables = function()["Environment"]["Variables"]
    assert variables["CLAIM_KEY"] == "trigger/claim.json"
    assert variables["TOLD_PREFIX"] == "trigger/told/"


def test_no_role_uses_a_managed_policy() -> None:
    for role in template().find_resources("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


def test_the_archive_holds_the_package_under_its_name(synthesized: Synthesized) -> None:
    [made] = synthesized.stacks["DevStack"].resources("AWS::Lambda::Function")
    folder = synthesized.folder / made.body["Metadata"]["aws:asset:path"]
    inside = {path.name: path.stat().st_size for path in (folder / "trigger").iterdir()}
    # As Lambda does: from the archive's folder, with nothing of the repository in reach.
    done = subprocess.run(
        [sys.executable, "-B", "-c", "import trigger.handler as h; print(h.__file__, h.handler)"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(folder))
    assert {"handler.py", "__init__.py"} <= set(inside)
    assert all(name.endswith(".py") for name in inside)
    assert sum(inside.values()) < 200_000, "it bundles nothing that the runtime has"
    assert function()["Handler"] == "trigger.handler.handler"


def test_the_api_handler_may_invoke_when_it_is_named() -> None:
    assert permitted(template()) == ["events.amazonaws.com"] * 2
    role = f"arn:aws:iam::{ACCOUNT}:role/site-api"
    named = permitted(Template.from_stack(stack(api_handler_role_arn=role)))
    assert role in named


def permitted(made: Template) -> list[Any]:
    found = made.find_resources("AWS::Lambda::Permission").values()
    return [permission["Properties"]["Principal"] for permission in found]


def nightly(name: str) -> list[dict[str, Any]]:
    """Return the schedules that invoke the function; the others patch the machines."""
    [function] = template(name).find_resources("AWS::Lambda::Function")
    schedules = template(name).find_resources("AWS::Scheduler::Schedule").values()
    invoking = {"Fn::GetAtt": [function, "Arn"]}
    found = [schedule["Properties"] for schedule in schedules]
    return [each for each in found if each["Target"]["Arn"] == invoking]


def test_the_nightly_refresh_is_prods_choice() -> None:
    assert nightly("dev") == []
    template("prod").has_resource_properties(
        "AWS::Scheduler::Schedule",
        {
            "ScheduleExpression": "cron(17 3 * * ? *)",
            "Target": Match.object_like({"Input": '{"action":"refresh"}'}),
        },
    )
    from trigger.events import Refresh, parse

    [schedule] = nightly("prod")
    target = schedule["Target"]
    assert parse(json.loads(target["Input"])) == Refresh()
    [letters] = template("prod").find_resources("AWS::SQS::Queue")
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [letters, "Arn"]}}


def test_logs_end_with_their_retention() -> None:
    for name in ("dev", "prod"):
        template(name).has_resource_properties(
            "AWS::Logs::LogGroup", {"RetentionInDays": DEFAULTS[name].log_retention_days}
        )


def test_the_dead_letter_queue_is_encrypted_and_keeps_two_weeks() -> None:
    template().has_resource_properties(
        "AWS::SQS::Queue", {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 1209600}
    )


def test_no_physical_names() -> None:
    named = {
        "AWS::Lambda::Function": "FunctionName",
        "AWS::IAM::Role": "RoleName",
        "AWS::SQS::Queue": "QueueName",
        "AWS::SNS::Topic": "TopicName",
        "AWS::Scheduler::ScheduleGroup": "Name",
        "AWS::Scheduler::Schedule": "Name",
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::Events::Rule": "Name",
        "AWS::Logs::LogGroup": "LogGroupName",
    }
    for kind, name in named.items():
        for logical, resource in template("prod").find_resources(kind).items():
            assert name not in resource.get("Properties", {}), logical


def test_the_rights_are_those_of_the_calls_the_code_makes() -> None:
    """Nothing the function calls is missing, nothing it may do is unused."""
    code = "\n".join(path.read_text() for path in sorted(trigger_module.CODE.glob("*.py")))
    calls = {
        (client, method)
        for client, method in re.findall(
            r"(?:services\.|self\._)(batch|submitting|scheduler|logs|s3|sns)\.([a-z_]+)\(", code
        )
        if method != "get_paginator"
    }
    calls |= {("batch", name) for name in re.findall(r'get_paginator\("(\w+)"\)', code)}
    calls |= {("scheduler", name) for name in re.findall(r"\.((?:create|update)_schedule)\b", code)}
    service = {"submitting": "batch"}
    called = {
        f"{service.get(client, client)}:" + "".join(word.title() for word in method.split("_"))
        for client, method in calls
    }
    allowed = {
        action
        for statement in statements().values()
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }
    # What the runtime, the scheduler's targets and Lambda's dead letters need beside.
    beside = {
        "batch:UpdateComputeEnvironment",
        *("iam:PassRole", "lambda:InvokeFunction"),
        *("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        *("logs:CreateLogStream", "logs:PutLogEvents"),
    }
    assert called == allowed - beside
    assert len(called) == 11
