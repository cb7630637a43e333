"""What AWS refuses, or does not answer, is a finding; every service in its own protocol."""

import dataclasses
import socket
import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.config import Config

from infra.doctor.access import bootstrap, service_roles
from infra.doctor.account import Account, identify
from infra.doctor.alerts import subscription
from infra.doctor.bucket import bucket, keys
from infra.doctor.capacity import lambda_concurrency, vcpu_quotas, zones
from infra.doctor.examination import Check, run
from infra.doctor.file_system import file_system
from infra.doctor.findings import Severity
from infra.doctor.jobs import queue, waiting
from infra.doctor.refusals import Unanswered, right
from infra.doctor.stack import stack
from infra.environments import DEV, PROD, AdoptedFileSystem, AdoptedVpc, Environment
from tests.infra.doctor.cloud import ZONES, Examine, of, refuse, say
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import ACCOUNT, REGION

FULL = dataclasses.replace(
    PROD,
    vpc=AdoptedVpc(
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=ZONES,
        subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
    ),
    file_system=AdoptedFileSystem(
        file_system_id="fs-0123456789abcdef0",
        access_point_id="fsap-0123456789abcdef0",
        security_group_id="sg-0123456789abcdef0",
    ),
    bucket_name="the-sites-bucket",
    bucket_key_arn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234-ab",
    alarm_email="bar@example.org",
)

QUEUE = {
    "jobQueueName": "Queue",
    "jobQueueArn": "Queue",
    "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "Spot"}],
}
STUCK = {"jobName": "refresh", "createdAt": 0}
COMPUTE = {"ecsClusterArn": "c", "computeResources": {"desiredvCpus": 2}}


@pytest.fixture
def deployed(account: Account) -> Account:
    outputs = [{"OutputKey": key, "OutputValue": key} for key in ("JobQueue", "Topic")]
    say(account, "cloudformation.DescribeStacks", {"Stacks": [{"Outputs": outputs}]})
    return account


@pytest.mark.parametrize(
    ("check", "environment", "call", "code", "needed"),
    [
        (zones, DEV, "ec2.DescribeSubnets", "UnauthorizedOperation", "ec2:DescribeSubnets"),
        (bootstrap, DEV, "ssm.GetParameter", "AccessDeniedException", "ssm:GetParameter"),
        (service_roles, DEV, "iam.GetRole", "AccessDenied", "iam:GetRole"),
        (
            *(vcpu_quotas, DEV, "service-quotas.GetServiceQuota", "AccessDeniedException"),
            "servicequotas:GetServiceQuota",
        ),
        (
            *(lambda_concurrency, DEV, "lambda.GetAccountSettings", "AccessDeniedException"),
            "lambda:GetAccountSettings",
        ),
        (
            *(file_system, FULL, "efs.DescribeFileSystems", "AccessDeniedException"),
            "elasticfilesystem:DescribeFileSystems",
        ),
        (bucket, FULL, "s3.GetBucketLocation", "AccessDenied", "s3:GetBucketLocation"),
        (keys, FULL, "kms.DescribeKey", "AccessDeniedException", "kms:DescribeKey"),
        (
            *(stack, DEV, "cloudformation.DescribeStacks", "AccessDenied"),
            "cloudformation:DescribeStacks",
        ),
    ],
)
def test_a_question_that_may_not_be_asked(
    account: Account,
    examined: Examine,
    check: Check,
    environment: Environment,
    call: str,
    code: str,
    needed: str,
) -> None:
    refuse(account, call, code)
    findings = examined(environment, check)
    (finding,) = [finding for finding in findings if finding.severity is not Severity.OK]
    assert finding.severity is Severity.WARNING
    assert "this principal may not" in finding.what
    assert f"it needs {needed};" in finding.do


@pytest.mark.parametrize(
    ("check", "call", "code", "needed"),
    [
        (queue, "batch.DescribeJobQueues", "AccessDeniedException", "batch:DescribeJobQueues"),
        (
            *(subscription, "sns.ListSubscriptionsByTopic", "AuthorizationError"),
            "sns:ListSubscriptionsByTopic",
        ),
        (
            *(waiting, "ecs.ListContainerInstances", "AccessDeniedException"),
            "ecs:ListContainerInstances",
        ),
    ],
)
def test_a_question_about_what_is_deployed(
    deployed: Account, examined: Examine, check: Check, call: str, code: str, needed: str
) -> None:
    if check is waiting:
        say(deployed, "batch.DescribeJobQueues", {"jobQueues": [QUEUE]})
        say(deployed, "batch.ListJobs", {"jobSummaryList": [STUCK]})
        say(deployed, "batch.DescribeComputeEnvironments", {"computeEnvironments": [COMPUTE]})
    refuse(deployed, call, code, 403)
    (finding,) = examined(FULL, check)
    assert finding.severity is Severity.WARNING
    assert f"it needs {needed};" in finding.do


def test_the_bootstraps_bucket_and_repository_may_not_be_asked_for(
    account: Account, examined: Examine
) -> None:
    say(account, "ssm.GetParameter", {"Parameter": {"Value": "27"}})
    refuse(account, "s3.HeadBucket", "")
    (finding,) = [f for f in examined(DEV, bootstrap) if f.severity is not Severity.OK]
    assert "it needs s3:ListBucket;" in finding.do
    say(account, "s3.HeadBucket", {})
    refuse(account, "ecr.DescribeRepositories", "AccessDeniedException")
    again = list(run("bootstrap", bootstrap(dataclasses.replace(account, _answers={}), DEV)))
    assert "it needs ecr:DescribeRepositories;" in again[-1].do


def test_what_was_found_before_the_refusal_is_kept(account: Account, examined: Examine) -> None:
    say(account, "ssm.GetParameter", {"Parameter": {"Value": "27"}})
    refuse(account, "s3.HeadBucket", "")
    assert of(Severity.OK, examined(DEV, bootstrap)) == ["the CDK is bootstrapped, version 27"]


@pytest.mark.parametrize("code", ["Throttling", "RequestLimitExceeded"])
def test_a_busy_service(account: Account, examined: Examine, code: str) -> None:
    impatient = Config(retries={"total_max_attempts": 1})
    account._clients["ec2"] = account.session.client("ec2", config=impatient)
    refuse(account, "ec2.DescribeSubnets", code, 503)
    (finding,) = examined(DEV, zones)
    del account._clients["ec2"]
    assert finding.severity is Severity.WARNING
    assert f"too busy ({code})" in finding.what


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "the credentials have expired"),
        ("InvalidClientTokenId", "does not accept these credentials"),
    ],
)
def test_credentials_that_are_not_accepted(
    account: Account, examined: Examine, code: str, words: str
) -> None:
    refuse(account, "cloudformation.DescribeStacks", code)
    (finding,) = examined(DEV, stack)
    assert finding.severity is Severity.TROUBLE
    assert words in finding.what


def test_an_error_nobody_foresaw_is_quoted_in_one_line(account: Account, examined: Examine) -> None:
    refuse(account, "cloudformation.DescribeStacks", "Odd", 400, message="Oh no\n  at x\n  at y")
    (finding,) = examined(DEV, stack)
    assert finding.severity is Severity.WARNING
    assert finding.what == "could not ask cloudformation to describe-stacks: Odd Oh no"


def test_an_answer_that_cannot_be_read(account: Account, examined: Examine) -> None:
    refuse(account, "iam.GetRole", "<", 500)
    (finding,) = examined(DEV, service_roles)
    assert finding.severity is Severity.WARNING
    assert finding.what.startswith("could not ask iam to get-role: ")


def test_an_answer_nobody_foresaw_is_no_traceback(account: Account, examined: Examine) -> None:
    say(account, "cloudformation.DescribeStacks", {"Stacks": [{}]})
    (finding,) = examined(DEV, stack)
    assert finding.severity is Severity.WARNING
    assert "KeyError" in finding.what


@pytest.fixture
def silent_service() -> Iterator[str]:
    """Takes connections and never says a word."""
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            try:
                while True:
                    taken.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for connection in taken:
            connection.close()


def test_a_service_that_does_not_answer_is_waited_for_once(
    aws: Cloud, account: Account, silent_service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent_service)
    short = Config(connect_timeout=1, read_timeout=0.3, retries={"total_max_attempts": 1})
    mute = dataclasses.replace(account, config=short, _clients={}, _answers={})
    for question in ("describe_subnets", "describe_vpcs"):
        with pytest.raises(Unanswered) as caught:
            mute.ask("ec2", question)
        assert caught.value.finding.what == "no answer from ec2 (ReadTimeoutError)"
    assert len(mute._answers) == 1


def test_an_account_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    once = Config(retries={"total_max_attempts": 1})
    with pytest.raises(Unanswered) as caught:
        identify(boto3.Session("a", "b"), region=REGION, config=once)
    assert caught.value.finding.what.startswith("no answer from sts")


def test_only_questions_are_asked(account: Account) -> None:
    with pytest.raises(ValueError, match="is no question"):
        account.ask("ec2", "delete_vpc", VpcId="vpc-0123456789abcdef0")


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("ec2", "describe_instance_type_offerings", "ec2:DescribeInstanceTypeOfferings"),
        (
            "service-quotas",
            "get_aws_default_service_quota",
            "servicequotas:GetAWSDefaultServiceQuota",
        ),
        ("s3", "get_bucket_lifecycle_configuration", "s3:GetLifecycleConfiguration"),
        ("s3", "get_bucket_versioning", "s3:GetBucketVersioning"),
        (
            "efs",
            "describe_mount_target_security_groups",
            "elasticfilesystem:DescribeMountTargetSecurityGroups",
        ),
    ],
)
def test_rights_are_named_as_iam_names_them(service: str, operation: str, name: str) -> None:
    assert right(service, operation) == name
