import dataclasses
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.model import StringShape

from infra.doctor.account import Account
from infra.doctor.alerts import subscription, undelivered
from infra.doctor.findings import Severity
from infra.doctor.jobs import (
    CHAINED,
    DEPENDENT,
    WAITS_FOR,
    compute_environments,
    queue,
    successes,
    waiting,
)
from infra.doctor.stack import STATES, leftovers, stack
from infra.environments import DEV, PROD, Environment
from infra.templates import Json
from tests.infra.doctor.cloud import Examine, of, say
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import ACCOUNT, REGION
from trigger import alerts
from trigger.chain import STEPS, chain_name, step_of

STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/DevStack/1"
NESTED_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/DevStack-NetworkStack-1/1"
NESTED = "AWS::CloudFormation::Stack"


def in_state(
    account: Account,
    status: str,
    *,
    minutes: float = 5,
    events: Iterable[Json] = (),
    protected: bool = False,
    resources: Iterable[Json] = (),
) -> None:
    """Let DevStack be in a state; events newest first, those of the nested stack by its id."""
    moment = datetime.now(UTC) - timedelta(minutes=minutes)
    found = {
        "StackId": STACK_ID,
        "StackName": "DevStack",
        "StackStatus": status,
        "CreationTime": moment,
        "EnableTerminationProtection": protected,
    }
    say(account, "cloudformation.DescribeStacks", {"Stacks": [found]})

    def of_stack(asked: Json) -> Json:
        mine = [each for each in events if each["StackId"] == asked["StackName"]]
        return {"StackEvents": mine}

    def resources_of(asked: Json) -> Json:
        return {"StackResources": [r for r in resources if r["StackId"] == asked["StackName"]]}

    say(account, "cloudformation.DescribeStackEvents", of_stack)
    say(account, "cloudformation.DescribeStackResources", resources_of)


def event(
    logical: str,
    kind: str,
    status: str,
    reason: str = "",
    physical: str = "x",
    stack_id: str = STACK_ID,
) -> Json:
    return {
        "StackId": stack_id,
        "LogicalResourceId": logical,
        "PhysicalResourceId": physical,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def of_itself(status: str, stack_id: str = STACK_ID) -> Json:
    return event("DevStack", NESTED, status, physical=stack_id, stack_id=stack_id)


def test_no_stack_yet(examined: Examine) -> None:
    (finding,) = examined(DEV, stack)
    assert (finding.severity, finding.what) == (
        Severity.OK,
        "there is no stack DevStack here yet",
    )


def test_a_deployed_stack(aws: Cloud, examined: Examine) -> None:
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    aws.client("cloudformation").create_stack(StackName="DevStack", TemplateBody=body)
    (finding,) = examined(DEV, stack)
    assert (finding.severity, finding.what) == (
        Severity.OK,
        "DevStack is CREATE_COMPLETE: deployed",
    )


@pytest.mark.parametrize("status", [name for name, state in STATES.items() if state.way_out])
def test_every_state_that_needs_one_has_a_way_out(
    account: Account, examined: Examine, status: str
) -> None:
    in_state(account, status)
    finding = examined(DEV, stack)[0]
    undone = status == "UPDATE_ROLLBACK_COMPLETE"
    assert finding.severity is (Severity.WARNING if undone else Severity.TROUBLE)
    assert finding.what.startswith(f"DevStack is {status}: ")
    assert "DevStack" in finding.do
    assert "{" not in finding.do


def test_states_are_those_of_cloudformation(account: Account) -> None:
    """A state misspelled here would never be met."""
    model = account.session.client("cloudformation").meta.service_model
    shape = model.shape_for("StackStatus")
    assert isinstance(shape, StringShape)
    known = set(shape.enum)
    assert set(STATES) <= known
    at_rest = {name for name in known if not name.endswith("_IN_PROGRESS")}
    assert at_rest - set(STATES) == {
        *("DELETE_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED"),
    }


def test_a_state_that_no_deployment_leads_to(account: Account, examined: Examine) -> None:
    in_state(account, "IMPORT_ROLLBACK_FAILED")
    finding = examined(DEV, stack)[0]
    assert finding.severity is Severity.TROUBLE
    assert finding.do.endswith("describe-stack-events --stack-name DevStack`")


@pytest.mark.parametrize(
    ("status", "needed"),
    [("ROLLBACK_COMPLETE", True), ("DELETE_FAILED", True), ("UPDATE_ROLLBACK_FAILED", False)],
)
def test_protection_is_taken_off_where_the_way_out_deletes(
    account: Account, examined: Examine, status: str, needed: bool
) -> None:
    in_state(account, status, protected=True)
    do = examined(DEV, stack)[0].do
    assert ("--no-enable-termination-protection" in do) is needed


def test_what_failed_first_is_told_from_the_nested_stack(
    account: Account, examined: Examine
) -> None:
    group = "AWS::EC2::SecurityGroup"
    events = [
        of_itself("ROLLBACK_COMPLETE"),
        of_itself("ROLLBACK_IN_PROGRESS"),
        event("BatchStack", NESTED, "CREATE_FAILED", "Resource creation cancelled"),
        event("NetworkStack", NESTED, "CREATE_FAILED", "did not stabilize", NESTED_ID),
        of_itself("CREATE_IN_PROGRESS"),
        event("Older", group, "CREATE_FAILED", "of a try before"),
        event(
            "Vpc", "AWS::EC2::VPC", "CREATE_FAILED", "Resource creation cancelled", "y", NESTED_ID
        ),
        event("Instances", group, "CREATE_FAILED", "Invalid description\nat x", "z", NESTED_ID),
        of_itself("CREATE_IN_PROGRESS", NESTED_ID),
    ]
    in_state(account, "ROLLBACK_COMPLETE", events=events)
    assert of(Severity.TROUBLE, examined(DEV, stack))[1:] == [
        f"CloudFormation first stumbled over Instances ({group}): Invalid description"
    ]


def test_what_could_not_be_undone_is_told_too(account: Account, examined: Examine) -> None:
    queue_type, function = "AWS::Batch::JobQueue", "AWS::Lambda::Function"
    events = [
        of_itself("UPDATE_ROLLBACK_FAILED"),
        event("Queue", queue_type, "UPDATE_FAILED", "it is gone"),
        of_itself("UPDATE_ROLLBACK_IN_PROGRESS"),
        event("Function", function, "UPDATE_FAILED", "no such role"),
        of_itself("UPDATE_IN_PROGRESS"),
    ]
    in_state(account, "UPDATE_ROLLBACK_FAILED", events=events)
    assert of(Severity.TROUBLE, examined(DEV, stack))[1:] == [
        f"CloudFormation first stumbled over Function ({function}): no such role",
        f"it could not be undone because of Queue ({queue_type}): it is gone",
    ]


def unfinished(
    logical: str,
    kind: str,
    stack_id: str = STACK_ID,
    physical: str = "x",
    status: str = "CREATE_IN_PROGRESS",
) -> Json:
    return {
        "StackId": stack_id,
        "LogicalResourceId": logical,
        "PhysicalResourceId": physical,
        "ResourceType": kind,
        "ResourceStatus": status,
    }


WAITING_FOR = (
    unfinished("BatchStack", NESTED, physical=NESTED_ID),
    unfinished("Spot", "AWS::Batch::ComputeEnvironment", NESTED_ID),
    unfinished("Role", "AWS::IAM::Role", NESTED_ID, status="CREATE_COMPLETE"),
)


@pytest.mark.parametrize(("minutes", "severity"), [(5, Severity.OK), (90, Severity.WARNING)])
def test_a_deployment_that_hangs_says_what_it_waits_for(
    account: Account, examined: Examine, minutes: int, severity: Severity
) -> None:
    in_state(account, "CREATE_IN_PROGRESS", minutes=minutes, resources=WAITING_FOR)
    (finding,) = examined(DEV, stack)
    assert finding.severity is severity
    assert finding.what == (
        f"DevStack has been CREATE_IN_PROGRESS for {minutes} minutes; it waits for Spot "
        "(AWS::Batch::ComputeEnvironment)"
    )


def test_an_update_that_hangs_can_be_cancelled(account: Account, examined: Examine) -> None:
    in_state(account, "UPDATE_IN_PROGRESS", minutes=90, resources=WAITING_FOR)
    assert "cancel-update-stack --stack-name DevStack" in examined(DEV, stack)[0].do


def test_a_deployment_being_undone_says_why(account: Account, examined: Examine) -> None:
    events = [
        of_itself("ROLLBACK_IN_PROGRESS"),
        event("Spot", "AWS::Batch::ComputeEnvironment", "CREATE_FAILED", "not authorized"),
        of_itself("CREATE_IN_PROGRESS"),
    ]
    in_state(account, "ROLLBACK_IN_PROGRESS", events=events, resources=WAITING_FOR)
    troubles = of(Severity.TROUBLE, examined(DEV, stack))
    assert troubles[1].endswith("Spot (AWS::Batch::ComputeEnvironment): not authorized")


def test_parameters_of_a_stack_that_is_gone(aws: Cloud, examined: Examine) -> None:
    name = "/cocktail-analytics/dev/bucket"
    aws.client("ssm").put_parameter(Name=name, Value="x", Type="String")
    assert examined(PROD, leftovers) == []
    (finding,) = examined(DEV, leftovers)
    assert finding.severity is Severity.TROUBLE
    assert finding.do.endswith(f"--names {name}")


def test_parameters_of_the_stack_that_is_there(
    aws: Cloud, account: Account, examined: Examine
) -> None:
    name = "/cocktail-analytics/dev/bucket"
    aws.client("ssm").put_parameter(Name=name, Value="x", Type="String")
    in_state(account, "CREATE_COMPLETE")
    assert examined(DEV, leftovers) == []


QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/Queue"
CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/Batch"
COMPUTE = {
    "computeEnvironmentName": "Spot",
    "state": "ENABLED",
    "status": "VALID",
    "ecsClusterArn": CLUSTER,
    "computeResources": {"type": "SPOT", "desiredvCpus": 0},
}
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:Topic"


def deployed(
    account: Account,
    *,
    queue: Json | None = None,
    compute: Json | None = None,
    jobs: Json | None = None,
) -> None:
    """Let DevStack be deployed, with a queue, its compute environments and jobs by status."""
    outputs = {"JobQueue": QUEUE, "Topic": TOPIC, "TriggerFunction": "Trigger"}
    said = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    say(account, "cloudformation.DescribeStacks", {"Stacks": [{"Outputs": said}]})
    found = {
        "jobQueueName": "Queue",
        "jobQueueArn": QUEUE,
        "state": "ENABLED",
        "status": "VALID",
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "Spot"}],
    } | (queue or {})
    say(account, "batch.DescribeJobQueues", {"jobQueues": [found]})
    environments = [COMPUTE | (compute or {})]
    say(account, "batch.DescribeComputeEnvironments", {"computeEnvironments": environments})

    def listed(asked: Json) -> Json:
        """Children of an array are listed by its id, and never by the queue."""
        key = asked["jobStatus"]
        key = f"{asked['arrayJobId']} {key}" if "arrayJobId" in asked else key
        return {"jobSummaryList": (jobs or {}).get(key, [])}

    say(account, "batch.ListJobs", listed)


def job(name: str = "refresh-dev-1", minutes: float = 5.0, **more: Any) -> Json:
    moment = int((datetime.now(UTC) - timedelta(minutes=minutes)).timestamp() * 1000)
    return {"jobName": name, "jobId": name, "createdAt": moment, "stoppedAt": moment} | more


JOBS = (queue, compute_environments, waiting, successes)


def test_before_the_deployment_no_job_is_asked_for(examined: Examine) -> None:
    assert examined(DEV, *JOBS) == []


def test_a_queue_that_works(account: Account, examined: Examine) -> None:
    deployed(account, jobs={"SUCCEEDED": [job(minutes=120)]})
    assert [finding.what for finding in examined(DEV, *JOBS)] == [
        "the job queue takes jobs",
        "the compute environment SPOT is valid",
        "no job waits for an instance",
        "the last refresh that succeeded ended 2.0 hours ago",
    ]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"state": "DISABLED"}, "is DISABLED: it takes no jobs"),
        ({"status": "INVALID", "statusReason": "no role"}, "is INVALID: no role"),
    ],
)
def test_a_queue_that_takes_no_jobs(
    account: Account, examined: Examine, state: Json, words: str
) -> None:
    deployed(account, queue=state)
    (what,) = of(Severity.TROUBLE, examined(DEV, queue))
    assert words in what


@pytest.mark.parametrize(
    ("state", "severity", "words"),
    [
        (
            {"status": "INVALID", "statusReason": "CLIENT_ERROR - x"},
            Severity.TROUBLE,
            "CLIENT_ERROR",
        ),
        ({"state": "DISABLED"}, Severity.TROUBLE, "no instance starts"),
        ({"status": "UPDATING"}, Severity.WARNING, "is UPDATING: Batch gives no reason"),
    ],
)
def test_a_compute_environment_that_starts_nothing(
    account: Account, examined: Examine, state: Json, severity: Severity, words: str
) -> None:
    deployed(account, compute=state)
    (finding,) = examined(DEV, compute_environments)
    assert finding.severity is severity
    assert words in finding.what


def test_a_job_that_has_just_been_submitted(account: Account, examined: Examine) -> None:
    deployed(account, jobs={"RUNNABLE": [job(minutes=4)]})
    assert of(Severity.OK, examined(DEV, waiting))


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot", "on_demand_fallback"),
        ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - x", "raise max_vcpus"),
        ("MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - x", "list a larger type"),
        ("MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS - x", "mend what it names"),
    ],
)
def test_a_job_that_batch_says_is_stuck(
    account: Account, examined: Examine, reason: str, advice: str
) -> None:
    deployed(account, jobs={"RUNNABLE": [job(minutes=40, statusReason=reason)]})
    (finding,) = examined(DEV, waiting)
    assert finding.severity is Severity.TROUBLE
    assert reason in finding.what
    assert advice in finding.do


@pytest.mark.parametrize(
    ("joined", "words"), [([], "none joins the cluster"), ([CLUSTER], "for 40 minutes")]
)
def test_a_job_whose_instances_never_join(
    account: Account, examined: Examine, joined: list[Any] | list[str], words: str
) -> None:
    deployed(
        account,
        compute={"computeResources": {"desiredvCpus": 2}},
        jobs={"RUNNABLE": [job(minutes=40)]},
    )
    say(account, "ecs.ListContainerInstances", {"containerInstanceArns": joined})
    (finding,) = examined(DEV, waiting)
    assert finding.severity is Severity.TROUBLE
    assert words in finding.what


def test_no_success_for_longer_than_it_should(account: Account, examined: Examine) -> None:
    deployed(account, jobs={"SUCCEEDED": [job(minutes=(DEV.freshness_hours + 1) * 60)]})
    (what,) = of(Severity.WARNING, examined(DEV, successes))
    assert "more than freshness_hours" in what


def test_a_load_is_no_refresh(account: Account, examined: Examine) -> None:
    deployed(account, jobs={"SUCCEEDED": [job("load-dev-1")]})
    (what,) = of(Severity.WARNING, examined(DEV, successes))
    assert what.startswith("no refresh has succeeded")


@pytest.mark.parametrize(("minutes", "told"), [(1, True), (600, False)])
def test_a_failure_counts_until_the_next_success(
    account: Account, examined: Examine, minutes: int, told: bool
) -> None:
    failed = job("refresh-dev-2", minutes, statusReason="Essential container in task exited")
    deployed(account, jobs={"SUCCEEDED": [job(minutes=60)], "FAILED": [failed]})
    troubles = of(Severity.TROUBLE, examined(DEV, successes))
    assert bool(troubles) is told
    assert not told or "refresh-dev-2, failed: Essential container" in troubles[0]


CHAIN = "refresh-dev-20260301T115000Z-1a2b3c4d"


def step(which: str, submitted: float, ended: float | None = None, **more: Any) -> Json:
    """A job of a chain that was submitted, and ended, so many minutes ago; a shard by its index."""
    name = f"{CHAIN}-{'shard' if which.isdigit() else which}"
    found = job(name, submitted, **({"jobId": f"{CHAIN}-shard:{which}"} if which.isdigit() else {}))
    del found["stoppedAt"]
    if ended is not None:
        found["stoppedAt"] = job(minutes=ended)["stoppedAt"]
    return found | more


ARRAY = {"arrayProperties": {"size": 64}}
NOTHING_WAITS = "no job waits for an instance"


def test_names_of_chains_are_those_that_the_trigger_gives() -> None:
    for name in (CHAIN, "refresh-dev-20260301T115000-1a2b3c4d", "load-dev-1", f"{CHAIN}-other"):
        for which in ("-plan", "-shard", "-finish", ""):
            named = {"jobName": name + which}
            chained = CHAINED.fullmatch(named["jobName"])
            ours = (chained[1], chained[2]) if chained else (None, None)
            assert ours == (chain_name(named), step_of(named)), named
    assert set(WAITS_FOR) | set(WAITS_FOR.values()) == set(STEPS)
    assert DEPENDENT == alerts.DEPENDENT


def test_shards_without_an_instance_are_seen_though_the_queue_does_not_list_them(
    account: Account, examined: Examine
) -> None:
    children = [step(str(index), 230, statusReason="UNDETERMINED - x") for index in range(64)]
    deployed(
        account,
        jobs={
            "SUCCEEDED": [step("plan", 230, 200)],
            "PENDING": [step("shard", 230) | ARRAY, step("finish", 230)],
            f"{CHAIN}-shard RUNNABLE": children,
        },
    )
    (finding,) = examined(DEV, waiting)
    assert finding.severity is Severity.TROUBLE
    assert "-shard has waited in RUNNABLE for 200 minutes: UNDETERMINED" in finding.what


@pytest.mark.parametrize("state", ["STARTING", "RUNNING"])
def test_shards_that_wait_for_the_places_of_others_are_no_trouble(
    account: Account, examined: Examine, state: str
) -> None:
    deployed(
        account,
        jobs={
            "SUCCEEDED": [step("plan", 230, 200)],
            "PENDING": [step("shard", 230) | ARRAY],
            f"{CHAIN}-shard RUNNABLE": [step(str(index), 230) for index in range(1, 64)],
            f"{CHAIN}-shard {state}": [step("0", 230)],
        },
    )
    said = [finding.what for finding in examined(DEV, waiting)]
    assert said == [f"shards of {CHAIN}-shard that wait for those that run: 63", NOTHING_WAITS]


def test_a_step_waits_from_when_the_one_before_was_over(
    account: Account, examined: Examine
) -> None:
    before = [step("plan", 210, 200), step("shard", 210, 3) | ARRAY]
    deployed(account, jobs={"SUCCEEDED": before, "RUNNABLE": [step("finish", 210)]})
    (finding,) = examined(DEV, waiting)
    assert finding.severity is Severity.OK
    assert "-finish has waited in RUNNABLE for 3 minutes" in finding.what


def test_an_array_whose_shards_all_run_waits_for_nothing(
    account: Account, examined: Examine
) -> None:
    array = step("shard", 230) | ARRAY
    deployed(account, jobs={"SUCCEEDED": [step("plan", 230, 200)], "PENDING": [array]})
    (finding,) = examined(DEV, waiting)
    assert finding.what == NOTHING_WAITS


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ([], "no refresh has succeeded"),
        ([step("finish", 240, 60)], "the last refresh that succeeded ended 1.0 hours ago"),
    ],
)
def test_of_a_chain_only_the_last_step_is_a_refresh_that_succeeded(
    account: Account, examined: Examine, finish: list[Json], words: str
) -> None:
    done = [step("plan", 240, 200), step("shard", 240, 100) | ARRAY]
    deployed(account, jobs={"SUCCEEDED": [*done, *finish]})
    (finding,) = examined(DEV, successes)
    assert finding.what.startswith(words)


EXITED = "Essential container in task exited"


@pytest.mark.parametrize(
    ("failed", "culprit"),
    [
        ([step("plan", 9, 5, statusReason=EXITED)], f"{CHAIN}-plan"),
        ([step("shard", 9, 5, statusReason="Array Child Job failed") | ARRAY], f"{CHAIN}-shard:7"),
        ([step("shard", 9, 5, statusReason=EXITED)], f"{CHAIN}-shard"),
        ([step("finish", 9, 5, statusReason=EXITED)], f"{CHAIN}-finish"),
    ],
)
def test_a_chain_that_failed_is_told_of_by_the_job_it_began_with(
    account: Account, examined: Examine, failed: list[Json], culprit: str
) -> None:
    dependent = [
        step(which, 9, 4, statusReason="Dependent Job failed")
        for which in ("shard", "finish")
        if which not in failed[0]["jobName"] and "finish" not in failed[0]["jobName"]
    ]
    children = [step("9", 9, 6, statusReason="later"), step("7", 9, 7, statusReason=EXITED)]
    deployed(
        account,
        jobs={
            "SUCCEEDED": [job(minutes=60)],
            "FAILED": [*dependent, *failed],
            f"{CHAIN}-shard FAILED": children,
        },
    )
    (finding,) = [f for f in examined(DEV, successes) if f.severity is Severity.TROUBLE]
    assert finding.what.endswith(f"failed: {EXITED}")
    assert f"--status {culprit} shows" in finding.do


MAILING = dataclasses.replace(DEV, alarm_email="bar@example.org")


@pytest.mark.parametrize("environment", [DEV, PROD])  # dev has no alarms, but failures are mailed
def test_without_an_address_nobody_hears(examined: Examine, environment: Environment) -> None:
    (finding,) = examined(environment, subscription)
    assert finding.severity is Severity.WARNING
    assert "nobody hears" in finding.what


def test_before_the_deployment_there_is_no_topic(examined: Examine) -> None:
    assert examined(MAILING, subscription, undelivered) == []


@pytest.mark.parametrize(
    ("address", "state", "severity"),
    [
        ("bar@example.org", f"{TOPIC}:1", Severity.OK),
        ("bar@example.org", "PendingConfirmation", Severity.WARNING),
        ("bar@example.org", "Deleted", Severity.TROUBLE),
        ("else@example.org", f"{TOPIC}:1", Severity.TROUBLE),
    ],
)
def test_whether_the_address_is_subscribed(
    account: Account, examined: Examine, address: str, state: str, severity: Severity
) -> None:
    deployed(account)
    said = [{"Endpoint": address, "SubscriptionArn": state}]
    say(account, "sns.ListSubscriptionsByTopic", {"Subscriptions": said})
    (finding,) = examined(MAILING, subscription)
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("count", "severity", "words"),
    [
        (0, Severity.OK, "no request was lost"),
        (1, Severity.TROUBLE, "a request, mail or patch that failed lies in the dead-letter queue"),
        (
            2,
            Severity.TROUBLE,
            "2 requests, mails or patches that failed lie in the dead-letter queue",
        ),
    ],
)
def test_requests_that_were_lost(
    aws: Cloud, account: Account, examined: Examine, count: int, severity: Severity, words: str
) -> None:
    deployed(account)
    sqs = aws.client("sqs")
    address = sqs.create_queue(QueueName="DeadLetters")["QueueUrl"]
    for _ in range(count):
        sqs.send_message(QueueUrl=address, MessageBody="{}")
    letters = f"arn:aws:sqs:{REGION}:{ACCOUNT}:DeadLetters"
    function = {"DeadLetterConfig": {"TargetArn": letters}}
    say(account, "lambda.GetFunctionConfiguration", function)
    (finding,) = examined(DEV, undelivered)
    assert (finding.severity, finding.what) == (severity, words)
    assert (address in finding.do) == (count > 0)


def test_a_trigger_function_that_is_gone(account: Account, examined: Examine) -> None:
    deployed(account)
    (finding,) = examined(DEV, undelivered)
    assert finding.severity is Severity.TROUBLE
    assert "Trigger is gone" in finding.what
