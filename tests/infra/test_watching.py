"""Rules that match what Batch really sends, alarms that CloudWatch accepts, texts that help."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Template

from infra.environments import DEFAULTS, InvalidEnvironment
from infra.watching import METRICS
from tests.infra.event_patterns import matches
from tests.infra.trigger_templates import QUEUE, stack, template

FAILED: dict[str, Any] = {
    "version": "0",
    "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b",
    "detail-type": "Batch Job State Change",
    "source": "aws.batch",
    "account": "123456789012",
    "time": "2026-03-01T12:36:40Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:batch:eu-west-1:123456789012:job/4c7599ae"],
    "detail": {
        "jobArn": "arn:aws:batch:eu-west-1:123456789012:job/4c7599ae",
        "jobName": "refresh-dev-20260301T123000-0a1b2c3d",
        "jobId": "4c7599ae",
        "jobQueue": QUEUE,
        "status": "FAILED",
        "statusReason": "Essential container in task exited",
        "attempts": [],
        "createdAt": 1772368200058,
    },
}
BLOCKED = {
    **FAILED,
    "detail-type": "Batch Job Queue Blocked",
    "detail": {
        **FAILED["detail"],
        "status": "RUNNABLE",
        "statusReason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill",
    },
}


def rules(name: str = "dev") -> dict[str, dict[str, Any]]:
    return {
        logical: resource["Properties"]
        for logical, resource in template(name).find_resources("AWS::Events::Rule").items()
    }


def rule(word: str) -> dict[str, Any]:
    [found] = [properties for logical, properties in rules().items() if word in logical]
    return found


def alarms(name: str = "dev") -> dict[str, dict[str, Any]]:
    found = template(name).find_resources("AWS::CloudWatch::Alarm")
    return {logical: resource["Properties"] for logical, resource in found.items()}


def with_detail(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**event, "detail": {**event["detail"], **changes}}


def test_a_failed_job_of_this_queue_matches_and_nothing_else_does() -> None:
    pattern = rule("JobFailed")["EventPattern"]
    assert matches(pattern, FAILED)
    assert not matches(pattern, with_detail(FAILED, status="SUCCEEDED"))
    assert not matches(pattern, with_detail(FAILED, jobQueue=QUEUE + "2"))
    assert not matches(pattern, BLOCKED)
    assert not matches(pattern, {**FAILED, "source": "aws.ecs"})


def test_a_blocked_queue_matches() -> None:
    pattern = rule("QueueBlocked")["EventPattern"]
    assert matches(pattern, BLOCKED)
    assert not matches(pattern, with_detail(BLOCKED, jobQueue=QUEUE + "2"))
    assert not matches(pattern, FAILED)


def test_both_rules_hand_the_whole_event_to_the_function_and_keep_what_is_lost() -> None:
    [function] = template().find_resources("AWS::Lambda::Function")
    [letters] = template().find_resources("AWS::SQS::Queue")
    for properties in rules().values():
        assert properties["State"] == "ENABLED"
        [target] = properties["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": [function, "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [letters, "Arn"]}}
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] >= 3600
        assert not {"Input", "InputPath", "InputTransformer"} & set(target)


def test_the_rules_may_invoke_the_function_and_fill_the_dead_letter_queue() -> None:
    arns = [{"Fn::GetAtt": [logical, "Arn"]} for logical in rules()]
    allowed = [
        permission["Properties"]["SourceArn"]
        for permission in template().find_resources("AWS::Lambda::Permission").values()
        if permission["Properties"]["Principal"] == "events.amazonaws.com"
    ]
    assert sorted(map(str, allowed)) == sorted(map(str, arns))
    [policy] = template().find_resources("AWS::SQS::QueuePolicy").values()
    sending = [
        statement["Condition"]["ArnEquals"]["aws:SourceArn"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Principal") == {"Service": "events.amazonaws.com"}
    ]
    assert sorted(map(str, sending)) == sorted(map(str, arns))


def test_the_function_may_publish_to_the_topic_it_is_told() -> None:
    [topic] = template().find_resources("AWS::SNS::Topic")
    [function] = template().find_resources("AWS::Lambda::Function").values()
    variables = function["Properties"]["Environment"]["Variables"]
    assert variables["ALERT_TOPIC_ARN"] == {"Ref": topic}
    published = [
        statement["Resource"]
        for policy in template().find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "sns:Publish"
    ]
    assert published == [{"Ref": topic}]


def test_alarms_and_budgets_are_let_onto_the_topic() -> None:
    """The first statement replaces SNS's default policy: each service must be named."""
    [policy] = template().find_resources("AWS::SNS::TopicPolicy").values()
    [allowed] = [
        statement
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    services = allowed["Principal"]["Service"]
    assert set(services) == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    assert "aws:SourceAccount" in json.dumps(allowed["Condition"])


def test_an_email_is_subscribed_when_given() -> None:
    template().resource_count_is("AWS::SNS::Subscription", 0)
    Template.from_stack(stack(alarm_email="bar@example.org")).has_resource_properties(
        "AWS::SNS::Subscription", {"Protocol": "email", "Endpoint": "bar@example.org"}
    )


def test_dev_costs_nothing_idle_unless_asked() -> None:
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::Budgets::Budget"):
        template("dev").resource_count_is(kind, 0)
    asked = Template.from_stack(stack("dev", alarms=True, dashboard=True, monthly_budget_usd=5.0))
    asked.resource_count_is("AWS::CloudWatch::Alarm", 2)
    asked.resource_count_is("AWS::CloudWatch::Dashboard", 1)
    asked.resource_count_is("AWS::Budgets::Budget", 1)
    # Who watches nothing pays for no metric either, and a dashboard stands without alarms.
    assert metrics_of(template("dev")) == {""}
    assert metrics_of(Template.from_stack(stack("dev", alarms=True))) == {"RefreshSuccess"}
    Template.from_stack(stack("dev", dashboard=True)).resource_count_is(
        "AWS::CloudWatch::Dashboard", 1
    )


def metrics_of(made: Template) -> set[str]:
    return {
        function["Properties"]["Environment"]["Variables"]["ANALYTICS_METRICS"]
        for function in made.find_resources("AWS::Lambda::Function").values()
    }


def test_a_budget_tells_the_topic_before_and_when_it_is_passed() -> None:
    made = Template.from_stack(stack("prod", monthly_budget_usd=12.5))
    [topic] = made.find_resources("AWS::SNS::Topic")
    [budget] = made.find_resources("AWS::Budgets::Budget").values()
    assert budget["Properties"]["Budget"] == {
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": 12.5, "Unit": "USD"},
    }
    told = budget["Properties"]["NotificationsWithSubscribers"]
    assert {
        (each["Notification"]["NotificationType"], each["Notification"]["Threshold"])
        for each in told
    } == {("ACTUAL", 80), ("FORECASTED", 100)}
    for each in told:
        assert each["Subscribers"] == [{"SubscriptionType": "SNS", "Address": {"Ref": topic}}]


def test_the_freshness_alarm_needs_a_success_and_takes_silence_for_failure() -> None:
    name = "prod"
    [alarm] = [a for logical, a in alarms(name).items() if "Freshness" in logical]
    hours = DEFAULTS[name].freshness_hours
    assert (alarm["Namespace"], alarm["MetricName"]) == ("CocktailAnalytics", "RefreshSuccess")
    assert alarm["Dimensions"] == [{"Name": "Environment", "Value": name}]
    assert alarm["Statistic"] == "Sum"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    assert alarm["Threshold"] == 1
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["EvaluationPeriods"] == alarm["DatapointsToAlarm"] == hours
    # CloudWatch's limit for periods of an hour and more.
    assert alarm["Period"] >= 3600
    assert alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * 24 * 3600


def test_more_hours_than_cloudwatch_looks_back_are_refused() -> None:
    with pytest.raises(InvalidEnvironment, match="169 hours; give 1 to 168"):
        stack(freshness_hours=169)


def test_a_nightly_refresh_keeps_the_freshness_alarm_quiet() -> None:
    """An alarm that rings whenever nobody edits would soon be ignored."""
    for environment in DEFAULTS.values():
        if environment.nightly_refresh:
            assert environment.freshness_hours >= 25
        else:
            assert environment.freshness_hours >= 7 * 24


def test_every_alarm_reaches_the_topic_and_says_what_to_do() -> None:
    [topic] = template("prod").find_resources("AWS::SNS::Topic")
    assert len(alarms("prod")) == 2
    for alarm in alarms("prod").values():
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert "What to do:" in alarm["AlarmDescription"]
        assert len(alarm["AlarmDescription"]) <= 1024  # CloudWatch's limit


def test_one_dead_letter_is_an_alarm() -> None:
    [alarm] = [a for logical, a in alarms("prod").items() if "Undelivered" in logical]
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
    for word in (
        "request for a refresh",
        "monthly patch",
        "ERROR_MESSAGE",
        "aws.batch",
        "--status",
    ):
        assert word in alarm["AlarmDescription"]


def test_the_dashboard_shows_what_the_job_and_the_trigger_measure() -> None:
    [dashboard] = template("prod").find_resources("AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    for metric in METRICS:
        assert metric in body
    assert metrics_of(template("prod")) == {",".join(METRICS)}


def test_the_alarm_listens_to_what_the_job_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespace, metric and dimension agree: an alarm on a figure nobody writes rings for ever."""
    from analytics_core.console.logs import metric_lines

    monkeypatch.setenv("ANALYTICS_ENVIRONMENT", "prod")
    monkeypatch.setenv("ANALYTICS_METRICS", ",".join(METRICS))
    [line, stage] = metric_lines(succeeded=True, seconds=1.0, stage_seconds=[("cost", 0.5)])
    [written] = line["_aws"]["CloudWatchMetrics"]  # type: ignore[index]
    [alarm] = [a for logical, a in alarms("prod").items() if "Freshness" in logical]
    assert alarm["Namespace"] == written["Namespace"]
    assert alarm["MetricName"] in {metric["Name"] for metric in written["Metrics"]}
    assert [d["Name"] for d in alarm["Dimensions"]] == written["Dimensions"][0]
    assert [d["Value"] for d in alarm["Dimensions"]] == [line["Environment"]]
    [dashboard] = template("prod").find_resources("AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    dimensions = ",".join(stage["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0])  # type: ignore[index]
    assert f"{{CocktailAnalytics,{dimensions}}}" in body
