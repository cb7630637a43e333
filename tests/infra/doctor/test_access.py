import dataclasses
import json

import pytest

from infra.doctor.access import api_handler, bootstrap, principal, service_roles
from infra.doctor.account import Account
from infra.doctor.findings import Severity
from infra.environments import DEV, Environment
from infra.templates import Json
from tests.infra.doctor.cloud import Examine, of, say
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import ACCOUNT, REGION

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
EXECUTION_ROLE = f"cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{REGION}"


def bootstrapped(
    aws: Cloud,
    *,
    version: str = "27",
    qualifier: str = "hnb659fds",
    bucket: bool = True,
    repository: bool = True,
) -> None:
    name = f"/cdk-bootstrap/{qualifier}/version"
    aws.client("ssm").put_parameter(Name=name, Value=version, Type="String")
    if bucket:
        aws.client("s3").create_bucket(
            Bucket=f"cdk-{qualifier}-assets-{ACCOUNT}-{REGION}",
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
    if repository:
        name = f"cdk-{qualifier}-container-assets-{ACCOUNT}-{REGION}"
        aws.client("ecr").create_repository(repositoryName=name)


def test_account_and_region_are_told(examined: Examine) -> None:
    (finding,) = examined(DEV, principal)
    assert finding.severity is Severity.OK
    assert ACCOUNT in finding.what
    assert REGION in finding.what


def test_the_root_user_is_warned(account: Account) -> None:
    root = dataclasses.replace(account, arn=f"arn:aws:iam::{ACCOUNT}:root")
    findings = list(principal(root, DEV))
    assert "root" in of(Severity.WARNING, findings)[0]


def test_a_bootstrapped_account_is_well(aws: Cloud, examined: Examine) -> None:
    bootstrapped(aws)
    assert of(Severity.OK, examined(DEV, bootstrap)) == ["the CDK is bootstrapped, version 27"]


def test_an_account_without_bootstrap(examined: Examine) -> None:
    (finding,) = examined(DEV, bootstrap)
    assert finding.severity is Severity.TROUBLE
    assert finding.do == f"cdk bootstrap aws://{ACCOUNT}/{REGION}"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"version": "5"}, "version 5; the stacks need 6"),
        ({"bucket": False}, f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION} is gone"),
        ({"repository": False}, f"cdk-hnb659fds-container-assets-{ACCOUNT}-{REGION} is gone"),
    ],
)
def test_half_a_bootstrap(aws: Cloud, examined: Examine, state: Json, words: str) -> None:
    bootstrapped(aws, **state)
    (what,) = of(Severity.TROUBLE, examined(DEV, bootstrap))
    assert words in what


def test_a_qualifier_of_ones_own(aws: Cloud, account: Account) -> None:
    own = dataclasses.replace(account, qualifier="bar")
    (finding,) = bootstrap(own, DEV)
    assert finding.do.endswith("--qualifier bar")
    bootstrapped(aws, qualifier="bar")
    fresh = dataclasses.replace(own, _answers={})
    assert not of(Severity.TROUBLE, list(bootstrap(fresh, DEV)))


def test_service_roles_that_exist(aws: Cloud, examined: Examine) -> None:
    iam = aws.client("iam")
    for name, service in (
        ("AWSServiceRoleForBatch", "batch"),
        ("AWSServiceRoleForEC2Spot", "spot"),
    ):
        iam.create_role(
            RoleName=name,
            Path=f"/aws-service-role/{service}.amazonaws.com/",
            AssumeRolePolicyDocument=TRUST,
        )
    assert len(of(Severity.OK, examined(DEV, service_roles))) == 2


def test_service_roles_before_the_bootstrap_are_a_warning(examined: Examine) -> None:
    findings = examined(DEV, service_roles)
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert "create-service-linked-role --aws-service-name batch.amazonaws.com" in findings[0].do


@pytest.mark.parametrize(
    ("decision", "severity"),
    [
        ("allowed", Severity.OK),
        ("explicitDeny", Severity.TROUBLE),
        ("implicitDeny", Severity.TROUBLE),
    ],
)
def test_whether_cloudformation_may_make_service_roles(
    aws: Cloud, account: Account, examined: Examine, decision: str, severity: Severity
) -> None:
    aws.client("iam").create_role(RoleName=EXECUTION_ROLE, AssumeRolePolicyDocument=TRUST)
    asked = []

    def simulate(question: Json) -> Json:
        asked.append(question)
        return {"EvaluationResults": [{"EvalDecision": decision}], "IsTruncated": False}

    say(account, "iam.SimulatePrincipalPolicy", simulate)
    findings = examined(DEV, service_roles)
    assert {finding.severity for finding in findings} == {severity}
    assert asked[0]["PolicySourceArn"].endswith(f"role/{EXECUTION_ROLE}")
    assert asked[0]["ActionNames.member.1"] == "iam:CreateServiceLinkedRole"


def handler(arn: str) -> Environment:
    return dataclasses.replace(DEV, api_handler_role_arn=arn)


def test_the_sites_role(aws: Cloud, examined: Examine) -> None:
    made = aws.client("iam").create_role(
        RoleName="ApiHandler", Path="/site/", AssumeRolePolicyDocument=TRUST
    )["Role"]["Arn"]
    assert of(Severity.OK, examined(handler(made), api_handler)) == [
        "the site's role ApiHandler exists"
    ]


def test_a_site_without_its_role(examined: Examine) -> None:
    (finding,) = examined(handler(f"arn:aws:iam::{ACCOUNT}:role/ApiHandler"), api_handler)
    assert finding.severity is Severity.TROUBLE
    assert "does not exist" in finding.what


def test_a_role_named_without_its_path(aws: Cloud, examined: Examine) -> None:
    aws.client("iam").create_role(
        RoleName="ApiHandler", Path="/site/", AssumeRolePolicyDocument=TRUST
    )
    (finding,) = examined(handler(f"arn:aws:iam::{ACCOUNT}:role/ApiHandler"), api_handler)
    assert finding.severity is Severity.TROUBLE
    assert f"arn:aws:iam::{ACCOUNT}:role/site/ApiHandler" in finding.what


def test_a_role_of_another_account_is_left_to_its_owner(examined: Examine) -> None:
    (finding,) = examined(handler("arn:aws:iam::111122223333:role/ApiHandler"), api_handler)
    assert finding.severity is Severity.WARNING
    assert "111122223333" in finding.what
