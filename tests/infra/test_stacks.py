"""What the finished templates say, resource by resource."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.acknowledged import REASONS
from tests.infra import snapshots
from tests.infra.conftest import REPOSITORY, Synthesized, synthesize
from tests.infra.finding import only

STATEFUL = {
    # Replacing one of these loses data: the logical id and what happens on deletion stay.
    "DevStack": {
        ("AWS::EFS::FileSystem", "FileSystem8A8E25C0", "Delete"),
        ("AWS::S3::Bucket", "Bucket83908E77", "Delete"),
    },
    "ProdStack": {
        ("AWS::EFS::FileSystem", "FileSystem8A8E25C0", "RetainExceptOnCreate"),
        ("AWS::S3::Bucket", "Bucket83908E77", "RetainExceptOnCreate"),
    },
}


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_stateful_resources_keep_their_ids_and_their_end(
    synthesized: Synthesized, name: str
) -> None:
    kinds = (
        "AWS::S3::Bucket",
        "AWS::EFS::FileSystem",
        "AWS::DynamoDB::Table",
        "AWS::RDS::DBInstance",
    )
    resources = list(synthesized.stacks[name].resources(*kinds))
    found = {(r.type, r.logical_id, r.body["DeletionPolicy"]) for r in resources}
    assert found == STATEFUL[name]
    # A replacement is never at creation, and CloudFormation has no such word for it.
    for resource in resources:
        expected = "Delete" if resource.body["DeletionPolicy"] == "Delete" else "Retain"
        assert resource.body["UpdateReplacePolicy"] == expected


def test_a_first_deployment_that_fails_can_be_tried_again(synthesized: Synthesized) -> None:
    """Termination protection would keep the failed stack; the CLI sets it before the resources."""
    manifest = json.loads((synthesized.folder / "manifest.json").read_text())
    stacks = [a for a in manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"]
    assert len(stacks) == 2
    assert not any(stack["properties"].get("terminationProtection") for stack in stacks)


def test_the_templates_are_as_stored(synthesized: Synthesized) -> None:
    changed = snapshots.difference(synthesized.stacks)
    assert not changed, f"`make snapshots` shows and stores this:\n{changed[:4000]}"


def test_cdk_nag_has_no_unexplained_finding_and_no_stale_reason(synthesized: Synthesized) -> None:
    assert synthesized.unexplained == []
    assert synthesized.needed == set(REASONS)


def test_cfn_lint_finds_nothing(synthesized: Synthesized) -> None:
    templates = sorted(map(str, synthesized.folder.glob("*.template.json")))
    assert len(templates) == 8
    linter = Path(sys.executable).with_name("cfn-lint")
    result = subprocess.run(
        # W3005: the CDK states a dependency that a reference already implies.
        [str(linter), "--ignore-checks", "W3005", "--regions", "eu-west-1", "--", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_three_nested_stacks_each(synthesized: Synthesized) -> None:
    for stack in synthesized.stacks.values():
        assert len(list(stack.resources("AWS::CloudFormation::Stack"))) == 3


@pytest.mark.parametrize(("name", "env"), [("DevStack", "dev"), ("ProdStack", "prod")])
def test_outputs_and_parameters_name_what_others_need(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    outputs = set(stack.templates[f"{name}.template.json"]["Outputs"])
    assert outputs == {
        *("TriggerFunction", "JobQueue", "JobDefinition", "LoadJobDefinition", "JobLogGroup"),
        *("Topic", "Bucket", "Documents", "DatabasePath", "FileSystem", "AccessPoint"),
        "InstancesSecurityGroup",
    }
    names = {p.properties["Name"] for p in stack.resources("AWS::SSM::Parameter")}
    assert names == {
        f"/cocktail-analytics/{env}/{key}"
        for key in (
            *("trigger-function", "job-queue", "job-definition", "load-job-definition"),
            *("job-log-group", "topic", "bucket", "documents", "database-path", "file-system"),
            *("access-point", "instances-security-group"),
        )
    }


def test_whoever_deploys_prod_without_an_address_is_warned_once(synthesized: Synthesized) -> None:
    def warnings(name: str) -> list[str]:
        said = json.loads((synthesized.folder / f"{name}.metadata.json").read_text())
        entries = [entry for each in said.values() for entry in each]
        return [entry["data"] for entry in entries if entry["type"] == "aws:cdk:warning"]

    assert warnings("DevStack") == []
    [warning] = warnings("ProdStack")
    assert "set alarm_email" in warning


@pytest.mark.parametrize(("name", "env"), [("DevStack", "dev"), ("ProdStack", "prod")])
def test_everything_that_can_be_tagged_is_for_cost_allocation(
    synthesized: Synthesized, name: str, env: str
) -> None:
    wanted = {"application": "cocktail-analytics", "environment": env}
    tagged = 0
    for resource in synthesized.stacks[name].resources():
        for key in ("Tags", "FileSystemTags", "HostedZoneTags", "AccessPointTags"):
            tags = resource.properties.get(key)
            if tags is None:
                continue
            given = tags if isinstance(tags, dict) else {t["Key"]: t["Value"] for t in tags}
            assert wanted.items() <= given.items(), resource
            tagged += 1
        if resource.type == "AWS::Batch::ComputeEnvironment":
            assert resource.properties["ComputeResources"]["Tags"] == wanted
        if resource.type == "AWS::EC2::LaunchTemplate":  # instances, their disks, itself
            body = json.dumps(resource.properties)
            assert body.count('{"Key": "environment"') == 3
    assert tagged > 25


def test_adopted_resources_are_used_and_not_made(tmp_path: Path) -> None:
    overrides = {
        "dev": {
            "vpc": {
                "vpc_id": "vpc-0123456789abcdef0",
                "availability_zones": ["eu-west-1a", "eu-west-1b"],
                "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            },
            "file_system": {
                "file_system_id": "fs-0123456789abcdef0",
                "access_point_id": "fsap-0123456789abcdef0",
                "security_group_id": "sg-0123456789abcdef0",
            },
            "bucket_name": "the-sites-bucket",
            "api_handler_role_arn": "arn:aws:iam::111122223333:role/ApiHandler",
        },
        "prod": {"network_mode": "nat"},
    }
    made = synthesize(tmp_path / "cdk.out", overrides)
    dev, prod = made.stacks["DevStack"], made.stacks["ProdStack"]
    kinds = {resource.type for resource in dev.resources()}
    assert not kinds & {
        "AWS::EC2::VPC",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPCEndpoint",
        "AWS::EFS::FileSystem",
        "AWS::EFS::MountTarget",
        "AWS::EFS::AccessPoint",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    }
    rule = only(dev, "AWS::EC2::SecurityGroupIngress").properties
    assert rule["GroupId"] == "sg-0123456789abcdef0"
    text = json.dumps(dev.templates)
    for value in (
        "fs-0123456789abcdef0",
        "fsap-0123456789abcdef0",
        "subnet-0123456789abcdef1",
        "the-sites-bucket",
        "role/ApiHandler",
    ):
        assert value in text
    assert len(list(prod.resources("AWS::EC2::NatGateway"))) == 1
    from infra import preflight

    assert preflight.check_assembly(made.folder, made.environments) == []
    assert made.unexplained == []


def test_a_slip_in_the_context_ends_synthesis_with_one_sentence() -> None:
    result = subprocess.run(
        [sys.executable, "app.py"],
        cwd=REPOSITORY,
        env={
            "PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin",
            "CDK_CONTEXT_JSON": json.dumps({"environments": {"dev": {"vcpus": 99}}}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "error: environment 'dev': vcpus is 99 vCPUs; give 1 to 64" in result.stderr
    assert "Traceback" not in result.stderr
