"""`make smoke-aws` against the emulator, whose jobs and functions really run.

Broken on purpose, it says which step failed and with what, and still leaves nothing behind.
"""

import argparse
import json
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.templates import Json
from tests.infra.emulator import ACCOUNT, REGION, REPOSITORY, Emulator, emulator
from tests.infra.emulator.processes import EXITED, TIMED_OUT, tried_again

sys.path.insert(0, str(REPOSITORY / "scripts"))

import smoke_aws
import smoke_run
import smoke_stack
from deployed import Trouble

COMMAND = [sys.executable, str(REPOSITORY / "scripts" / "smoke_aws.py"), "--poll", "0.5"]
STEPS = [
    "refresh here",
    "deploy",
    "listen",
    "load",
    "refresh",
    "compare",
    "break",
    "refresh, broken",
    "mail",
    "remove",
    "nothing left",
]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("aws")
    with emulator(folder, module="tests.infra.emulator.processes") as running:
        running.variables["PYTHONPATH"] = str(REPOSITORY)
        running.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", context={"smoke": {}})
        yield running


def run(aws: Emulator, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=REPOSITORY,
        env=aws.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def steps(output: str) -> list[str]:
    """The steps that output has a line of."""
    return [
        name for name in STEPS if re.search(rf"^ *\d+ s  {re.escape(name)}: ", output, re.MULTILINE)
    ]


def stacks(aws: Emulator) -> set[str]:
    return {s["StackName"] for s in aws.client("cloudformation").describe_stacks()["Stacks"]}


def smoke_of(aws: Emulator, folder: Path) -> smoke_aws.Smoke:
    """The smoke, one step at a time, in this process."""
    options = smoke_aws._parser().parse_args(["--yes", "--poll", "0.5"])
    session = argparse.Namespace(client=aws.client, region_name=REGION)
    smoke = smoke_aws.Smoke(session, ACCOUNT, options, folder)
    smoke.programs.variables = aws.variables
    return smoke


def test_the_bootstrap_that_cdk_json_names_is_the_one_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "cdk.json"
    monkeypatch.setattr("infra.doctor.account.SETTINGS", settings)
    with emulator(tmp_path) as aws:
        aws.client("ssm").put_parameter(
            Name="/cdk-bootstrap/mine/version", Value="21", Type="String"
        )
        smoke = smoke_of(aws, tmp_path)
        settings.write_text('{"context": {"@aws-cdk/core:bootstrapQualifier": "mine"}}')
        smoke_aws._check_beforehand(smoke)
        settings.write_text("{}")
        with pytest.raises(Trouble, match="no parameter /cdk-bootstrap/hnb659fds/version; run"):
            smoke_aws._check_beforehand(smoke)
        settings.write_text("{")
        with pytest.raises(Trouble, match=r"cdk\.json: "):
            smoke_aws._check_beforehand(smoke)


# --- everything holds ------------------------------------------------------------------------


@pytest.mark.slow
def test_every_step_holds_with_the_database_in_s3_and_others_are_left_alone(aws: Emulator) -> None:
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    aws.client("cloudformation").create_stack(StackName="DevStack", TemplateBody=template)
    aws.client("logs").create_log_group(logGroupName="DevStack-logs")
    aws.client("sqs").create_queue(QueueName="somebodys", tags={"environment": "dev"})
    before = stacks(aws)
    done = run(aws, "--yes", "--database-in-s3")
    assert done.returncode == 0, done.stdout
    assert steps(done.stdout) == STEPS
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert f"account {ACCOUNT}, region {REGION}" in done.stdout
    assert "bad data (exit 3)" in done.stdout, "the mail is shown"
    assert "cost: about 0.01 USD" in done.stdout
    assert stacks(aws) == before
    (queue,) = aws.client("sqs").list_queues()["QueueUrls"]
    assert queue.endswith("/somebodys")
    assert aws.client("sns").list_subscriptions()["Subscriptions"] == []
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["DevStack-logs"]


@pytest.mark.slow
def test_nobody_to_ask_is_wrong_use_and_makes_nothing(aws: Emulator) -> None:
    before = stacks(aws)
    done = run(aws)
    assert done.returncode == 2
    assert "give --yes" in done.stdout
    assert stacks(aws) == before


@pytest.mark.slow
def test_ctrl_c_removes_what_was_made(aws: Emulator) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--yes"],
        cwd=REPOSITORY,
        env=aws.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if "deploy:" in line:
            assert smoke_stack.STACK in stacks(aws)
            process.send_signal(signal.SIGINT)
    assert process.wait(120) == smoke_aws.STOPPED, output
    assert "stopped during the step" in output
    assert steps(output)[-2:] == ["remove", "nothing left"]
    assert smoke_stack.STACK not in stacks(aws)


# --- a stack that AWS refuses ----------------------------------------------------------------


@pytest.mark.slow
def test_a_description_that_ec2_refuses_fails_the_deployment(
    aws: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assembly = tmp_path / "synthesized"
    shutil.copytree(aws.folder / "cdk.out", assembly)
    spoil(assembly, '"GroupDescription": "', '"GroupDescription": "The owner\'s ')
    smoke = smoke_of(aws, tmp_path)
    run_program = smoke.programs.run

    def deploy_what_was_spoiled(*command: str) -> tuple[int, str]:
        if command[:2] == ("cdk", "deploy"):
            command = (
                "cdk",
                "deploy",
                smoke_stack.STACK,
                "--app",
                str(assembly),
                "--require-approval",
                "never",
                "--method",
                "direct",
            )
        return run_program(*command)

    monkeypatch.setattr(smoke.programs, "run", deploy_what_was_spoiled)
    with pytest.raises(Trouble, match=r"Invalid .* description"):
        smoke.deploy()
    assert smoke_stack.STACK in stacks(aws), "rolled back, and in the way of the next try"
    assert smoke.leave(1) == 1
    assert steps(capsys.readouterr().out) == ["remove", "nothing left"]
    assert smoke_stack.STACK not in stacks(aws)


def spoil(assembly: Path, text: str, by: str) -> None:
    """Change a text in an assembly's templates, and the names under which they are uploaded."""
    files = [path for path in assembly.rglob("*.json") if path.is_file()]
    contents = {path: path.read_text() for path in files}
    assert any(text in content for content in contents.values())
    manifest = json.loads((assembly / f"{smoke_stack.STACK}.assets.json").read_text())
    hashes = {name: secrets.token_hex(32) for name in manifest["files"]}
    for path, content in contents.items():
        changed = content.replace(text, by)
        if path.name.endswith(("template.json", ".assets.json", "manifest.json")):
            for old, new in hashes.items():
                changed = re.sub(rf'{old}(?=(\.json)?")', new, changed)
        path.write_text(changed)


# --- broken on purpose, step by step ---------------------------------------------------------


@pytest.fixture(scope="module")
def kept(aws: Emulator, tmp_path_factory: pytest.TempPathFactory) -> smoke_aws.Smoke:
    """A stack after a whole run with a file system; its database is broken."""
    done = run(aws, "--yes", "--keep")
    assert done.returncode == 0, done.stdout
    assert steps(done.stdout) == STEPS[:-2]
    assert "ARGS=--remove" in done.stdout
    return smoke_of(aws, tmp_path_factory.mktemp("kept"))


@pytest.mark.slow
def test_a_stack_of_an_earlier_run_is_not_deployed_over(
    aws: Emulator, kept: smoke_aws.Smoke
) -> None:
    done = run(aws, "--yes")
    assert done.returncode == 1
    assert "there is a SmokeStack already" in done.stdout


def one_more(document: Json) -> None:
    document["data"][0]["neighbors"][0]["distance"] += 1e-6


def other_order(document: Json) -> None:
    neighbors = document["data"][0]["neighbors"]
    neighbors[0], neighbors[1] = neighbors[1], neighbors[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alter", "said"), [(one_more, "number is 1e-06 off"), (other_order, "1 drinks have other")]
)
def test_a_document_altered_in_the_bucket_is_noticed(
    kept: smoke_aws.Smoke, alter: Callable[[Json], None], said: str
) -> None:
    published = kept.there.published_documents()
    folder = kept.here / "analytics" / "v1"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in published.items():
        (folder / f"{name}.json").write_bytes(content)
    assert "maps keep 100%" in kept.compare()
    place = {"Bucket": kept.there.outputs["Bucket"], "Key": "analytics/v1/recipe-similar.json"}
    document = json.loads(published["recipe-similar"])
    alter(document)
    s3 = kept.client("s3")
    s3.put_object(**place, Body=json.dumps(document).encode())
    try:
        with pytest.raises(Trouble, match=said):
            kept.compare()
    finally:
        s3.put_object(**place, Body=published["recipe-similar"])


@pytest.mark.slow
def test_a_function_that_knows_no_topic_is_noticed(
    kept: smoke_aws.Smoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = kept.client("lambda")
    name = kept.there.outputs["TriggerFunction"]
    before = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    without = {k: v for k, v in before.items() if k != "ALERT_TOPIC_ARN"}
    function.update_function_configuration(FunctionName=name, Environment={"Variables": without})
    monkeypatch.setattr(smoke_aws, "MAIL_SECONDS", 4)
    kept.listen()
    try:
        kept.refresh_broken()
        with pytest.raises(Trouble, match="no message about the job"):
            kept.mail()
        letter = dead_letter(kept, before["DEAD_LETTER_ARN"])
        assert letter["detail"]["jobId"] == kept.job
    finally:
        function.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def dead_letter(smoke: smoke_aws.Smoke, arn: str) -> Json:
    """The event that no try of the function could tell."""
    sqs = smoke.client("sqs")
    url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    for _ in range(20):
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            found: Json = json.loads(message["Body"])
            return found
        time.sleep(0.5)
    raise AssertionError("no dead letter")


@pytest.mark.slow
def test_a_role_that_may_not_write_is_noticed(kept: smoke_aws.Smoke) -> None:
    kept.programs.analytics("sample-db", str(kept.database))
    kept.load()
    iam = kept.client("iam")
    (role,) = [
        r["RoleName"] for r in iam.list_roles()["Roles"] if "JobsRefreshRole" in r["RoleName"]
    ]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    named = {"RoleName": role, "PolicyName": policy}
    before = json.dumps(iam.get_role_policy(**named)["PolicyDocument"])
    iam.put_role_policy(**named, PolicyDocument=before.replace("s3:PutObject", "s3:GetObjectAcl"))
    try:
        with pytest.raises(Trouble, match=r"read or written \(exit 4\).*s3:PutObject"):
            kept.refresh()
    finally:
        iam.put_role_policy(**named, PolicyDocument=before)


# --- what the emulator's jobs see ------------------------------------------------------------


def submitted(smoke: smoke_aws.Smoke, definition: str, script: str) -> Json:
    job = smoke.client("batch").submit_job(
        jobName="look-around",
        jobQueue=smoke.there.outputs["JobQueue"],
        jobDefinition=smoke.there.outputs[definition],
        containerOverrides={"command": ["sh", "-c", script]},
    )
    return smoke.there.ended(job["jobId"])


@pytest.mark.slow
def test_only_the_load_may_write_to_the_file_system_and_nobody_to_the_root(
    kept: smoke_aws.Smoke,
) -> None:
    look = "touch /scratch/x; for at in /mnt/efs /usr /; do touch $at/x 2>/dev/null && exit 9; done"
    refreshed = submitted(kept, "JobDefinition", f"{look}; exit 0")
    assert refreshed["status"] == "SUCCEEDED", refreshed["container"]
    assert submitted(kept, "JobDefinition", "touch /scratch/x")["status"] == "SUCCEEDED"
    loaded = submitted(kept, "LoadJobDefinition", "touch /mnt/efs/x && rm /mnt/efs/x")
    assert loaded["status"] == "SUCCEEDED", loaded["container"]


@pytest.mark.slow
def test_an_interrupted_attempt_is_tried_again_and_a_failed_one_is_not(
    kept: smoke_aws.Smoke,
) -> None:
    again = submitted(kept, "JobDefinition", "test $AWS_BATCH_JOB_ATTEMPT = 2 || exit 75")
    assert again["status"] == "SUCCEEDED"
    assert [a["container"]["exitCode"] for a in again["attempts"]] == [75, 0]
    failed = submitted(kept, "JobDefinition", "exit 1")
    assert [a["container"]["exitCode"] for a in failed["attempts"]] == [1]


@pytest.mark.slow
def test_a_job_that_is_too_long_or_is_ended_by_hand_is_not_tried_again(
    kept: smoke_aws.Smoke,
) -> None:
    batch = kept.client("batch")
    named = {
        "jobQueue": kept.there.outputs["JobQueue"],
        "jobDefinition": kept.there.outputs["JobDefinition"],
        "containerOverrides": {"command": ["sleep", "60"]},
    }
    long = batch.submit_job(jobName="long", **named, timeout={"attemptDurationSeconds": 1})
    ended = kept.there.ended(long["jobId"])
    assert (ended["status"], ended["statusReason"]) == ("FAILED", TIMED_OUT)
    assert len(ended["attempts"]) == 1
    unwanted = batch.submit_job(jobName="unwanted", **named)["jobId"]
    while batch.describe_jobs(jobs=[unwanted])["jobs"][0]["status"] != "RUNNING":
        time.sleep(0.1)
    batch.terminate_job(jobId=unwanted, reason="nobody wants it")
    ended = kept.there.ended(unwanted)
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "nobody wants it")
    assert ended["isTerminated"]
    assert len(ended["attempts"]) == 1


# --- what is left ----------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_left_behind_is_named(
    aws: Emulator,
    kept: smoke_aws.Smoke,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept.client("logs").create_log_group(logGroupName="SmokeStack-left-behind")
    monkeypatch.setattr(smoke_aws, "GONE_SECONDS", 0)
    tagged, _ = kept.there.left(kept.subscription)
    assert any(":elasticfilesystem:" in arn for arn in tagged), "the list knows tagged resources"
    assert kept.leave(0) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "'nothing left' failed: still there: log group SmokeStack-left-behind cost:" in said
    kept.client("logs").delete_log_group(logGroupName="SmokeStack-left-behind")
    done = run(aws, "--remove")
    assert done.returncode == 0, done.stdout
    assert "remove: there is no stack" in done.stdout


# --- small parts -----------------------------------------------------------------------------


def strategy() -> Json:
    """The deployed rules, as Batch keeps them."""
    return {
        "attempts": 3,
        "evaluateOnExit": [
            {"onStatusReason": "Host EC2*", "action": "retry"},
            {"onStatusReason": "Task failed to start*", "action": "retry"},
            {"onStatusReason": "Error response from daemon*", "action": "retry"},
            {"onExitCode": "75", "action": "retry"},
            {"onReason": "*", "action": "exit"},
        ],
    }


@pytest.mark.parametrize(
    ("end", "again"),
    [
        ({"statusReason": "Host EC2 (instance i-1) terminated."}, True),
        ({"statusReason": "Task failed to start", "container": {"reason": "x"}}, True),
        (
            {"statusReason": EXITED, "container": {"exitCode": 75}},
            True,
        ),
        (
            {"statusReason": EXITED, "container": {"exitCode": 3}},
            False,
        ),
        (
            {"statusReason": EXITED, "container": {"exitCode": 750}},
            False,
        ),
    ],
)
def test_the_first_rule_that_matches_decides(end: Json, again: bool) -> None:
    assert tried_again(strategy(), 1, end) is again
    assert not tried_again(strategy(), 3, end), "no attempt is left"


def test_without_a_rule_that_matches_batch_tries_again() -> None:
    assert tried_again({"attempts": 2}, 1, {"statusReason": "whatever"})
    assert not tried_again({}, 1, {"statusReason": "whatever"})


def test_an_ended_instance_is_billed_to_its_end() -> None:
    begun = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
    ended = {
        "LaunchTime": begun,
        "State": {"Name": "terminated"},
        "StateTransitionReason": "User initiated (2026-11-01 10:12:30 GMT)",
    }
    assert smoke_stack._minutes_of(ended) == 12.5
    running = {"LaunchTime": datetime.now(UTC) - timedelta(minutes=3), "State": {"Name": "running"}}
    assert 2.9 < smoke_stack._minutes_of(running) < 3.5


def test_the_reason_is_the_first_refusal_not_what_was_canceled_after_it() -> None:
    said = """
SmokeStack | 3/9 | 10:00:01 PM | CREATE_FAILED        | AWS::EC2::SecurityGroup | A (A1) Refused
SmokeStack | 3/9 | 10:00:01 PM | CREATE_FAILED        | AWS::EC2::VPC | creation cancelled
"""
    assert smoke_run.why_refused(said) == "AWS::EC2::SecurityGroup A (A1) Refused"


def test_a_profile_is_not_outvoted_by_keys_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody-elses")
    monkeypatch.setenv("ANALYTICS_OUTPUT", "s3://bucket")
    given = smoke_run.Programs(argparse.Namespace(profile="mine", poll=1), REGION).variables
    assert given["AWS_PROFILE"] == "mine"
    assert not {"AWS_ACCESS_KEY_ID", "ANALYTICS_OUTPUT"} & given.keys()
    without = smoke_run.Programs(argparse.Namespace(profile=None, poll=1), REGION).variables
    assert without["AWS_ACCESS_KEY_ID"] == "somebody-elses"


def test_a_tagged_name_of_something_over_is_not_left() -> None:
    there = smoke_stack.Throwaway(argparse.Namespace(client=lambda service: None), poll_seconds=1)
    assert there.passes("arn:aws:batch:eu-west-1:1:job/0123")
    assert not there.passes("arn:aws:s3:::bucket")
    assert not there.passes("arn:aws:elasticfilesystem:eu-west-1:1:file-system/fs-1")
