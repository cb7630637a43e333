"""What the finished templates say, resource by resource."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.acknowledged import REASONS
from infra.environments import DEV, PROD
from tests.infra import snapshots
from tests.infra.conftest import REPOSITORY, synthesize

STATEFUL = {
    # Replacing one of these loses data: the logical id and what happens on deletion stay.
    "DevStack": {
        ("AWS::EFS::FileSystem", "FileSystem8A8E25C0", "Delete"),
        ("AWS::S3::Bucket", "Bucket83908E77", "Delete"),
    },
    "ProdStack": {
        ("AWS::EFS::FileSystem", "FileSystem8A8E25C0", "Retain"),
        ("AWS::S3::Bucket", "Bucket83908E77", "Retain"),
    },
}


def only(stack, kind):
    found = list(stack.resources(kind))
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


@pytest.mark.parametrize("name", sorted(STATEFUL))
def test_stateful_resources_keep_their_ids_and_their_end(synthesized, name):
    kinds = (
        "AWS::S3::Bucket",
        "AWS::EFS::FileSystem",
        "AWS::DynamoDB::Table",
        "AWS::RDS::DBInstance",
    )
    found = {
        (r.type, r.logical_id, r.body["DeletionPolicy"])
        for r in synthesized.stacks[name].resources(*kinds)
    }
    assert found == STATEFUL[name]


def test_the_templates_are_as_stored(synthesized):
    changed = snapshots.difference(synthesized.stacks)
    assert not changed, f"`make snapshots` shows and stores this:\n{changed[:4000]}"


def test_cdk_nag_has_no_unexplained_finding_and_no_stale_reason(synthesized):
    assert synthesized.unexplained == []
    assert synthesized.needed == set(REASONS)


def test_cfn_lint_finds_nothing(synthesized):
    templates = sorted(map(str, synthesized.folder.glob("*.template.json")))
    assert len(templates) == 8
    linter = Path(sys.executable).with_name("cfn-lint")
    result = subprocess.run(
        # W3005: the CDK states a dependency that a reference already implies.
        [str(linter), "--ignore-checks", "W3005", "--regions", "eu-west-1", "--", *templates],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_three_nested_stacks_each(synthesized):
    for stack in synthesized.stacks.values():
        assert len(list(stack.resources("AWS::CloudFormation::Stack"))) == 3


def test_the_public_network_admits_nothing_and_costs_nothing_idle(dev):
    kinds = {resource.type for resource in dev.resources()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    endpoints = [e.properties["VpcEndpointType"] for e in dev.resources("AWS::EC2::VPCEndpoint")]
    assert endpoints == ["Gateway"]
    subnets = list(dev.resources("AWS::EC2::Subnet"))
    assert len(subnets) == 2
    assert all(s.properties["MapPublicIpOnLaunch"] for s in subnets)


def test_the_isolated_network_has_no_way_out(prod):
    kinds = {resource.type for resource in prod.resources()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::EIP"}
    gateway = next(
        e for e in prod.resources("AWS::EC2::VPCEndpoint")
        if e.properties["VpcEndpointType"] == "Gateway"
    )  # fmt: skip
    policy = json.dumps(gateway.properties["PolicyDocument"])
    assert "starport-layer-bucket" in policy
    assert "aws:ResourceAccount" in policy


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_security_groups_let_out_443_and_2049_and_let_in_only_each_other(synthesized, name):
    stack = synthesized.stacks[name]
    ports_out = set()
    for group in stack.resources("AWS::EC2::SecurityGroup"):
        described = group.properties["GroupDescription"]
        ingress = group.properties.get("SecurityGroupIngress", [])
        if described.startswith("Batch instances"):
            assert ingress == []
            ports_out |= {
                (rule["FromPort"], rule["ToPort"])
                for rule in group.properties["SecurityGroupEgress"]
            }
        else:  # CDK's way to say "nothing": a rule that cannot match
            assert all(
                rule["CidrIp"] == "255.255.255.255/32"
                for rule in group.properties["SecurityGroupEgress"]
            )
        assert all("CidrIp" not in rule for rule in ingress)
    ports_out |= {
        (rule.properties["FromPort"], rule.properties["ToPort"])
        for rule in stack.resources("AWS::EC2::SecurityGroupEgress")
    }
    assert ports_out == {(443, 443), (2049, 2049)}
    for rule in stack.resources("AWS::EC2::SecurityGroupIngress"):
        assert "SourceSecurityGroupId" in rule.properties


def test_the_file_system_is_encrypted_backed_up_in_prod_and_reached_encrypted(dev, prod):
    for stack, backup in ((dev, "DISABLED"), (prod, "ENABLED")):
        properties = only(stack, "AWS::EFS::FileSystem").properties
        assert properties["Encrypted"] is True
        assert properties.get("BackupPolicy", {"Status": "DISABLED"}) == {"Status": backup}
        assert "aws:SecureTransport" in json.dumps(properties["FileSystemPolicy"])
        assert len(list(stack.resources("AWS::EFS::MountTarget"))) == 2


@pytest.mark.parametrize(("name", "env"), [("DevStack", DEV), ("ProdStack", PROD)])
def test_the_job_takes_its_numbers_from_the_environment(synthesized, name, env):
    job = only(synthesized.stacks[name], "AWS::Batch::JobDefinition").properties
    container = job["ContainerProperties"]
    needs = {need["Type"]: need["Value"] for need in container["ResourceRequirements"]}
    assert needs == {"VCPU": str(env.vcpus), "MEMORY": str(env.memory_mib)}
    variables = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
    assert variables["DB_PATH"] == env.database_path
    assert variables["ANALYTICS_ENVIRONMENT"] == env.name
    assert variables["ANALYTICS_THREADS"] == str(env.vcpus)
    assert variables["ANALYTICS_BUCKET"] == {"Ref": "Bucket83908E77"}
    assert variables["ANALYTICS_SCRATCH"] == "/scratch"
    assert job["Timeout"] == {"AttemptDurationSeconds": env.timeout_minutes * 60}
    assert job["RetryStrategy"]["Attempts"] == 3
    tmpfs = container["LinuxParameters"]["Tmpfs"]
    assert [(t["ContainerPath"], t["Size"]) for t in tmpfs] == [("/scratch", env.scratch_mib)]
    assert container["MountPoints"] == [
        {"ContainerPath": "/mnt/efs", "ReadOnly": True, "SourceVolume": "database"}
    ]


def test_spot_first_and_on_demand_behind_it_where_wished(dev, prod):
    def order(stack):
        by_id = {r.logical_id: r for r in stack.resources("AWS::Batch::ComputeEnvironment")}
        queue = only(stack, "AWS::Batch::JobQueue").properties["ComputeEnvironmentOrder"]
        ids = [entry["ComputeEnvironment"]["Fn::GetAtt"][0] for entry in queue]
        return [by_id[i].properties["ComputeResources"]["Type"] for i in ids]

    assert order(dev) == ["SPOT"]
    assert order(prod) == ["SPOT", "EC2"]


def test_the_bucket_is_closed_encrypted_versioned_and_swept(prod):
    properties = only(prod, "AWS::S3::Bucket").properties
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in properties
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    assert rules["superseded"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["superseded"]["ExpiredObjectDeleteMarker"] is True
    assert rules["workspace"]["Prefix"] == "workspace/"
    assert "aws:SecureTransport" in json.dumps(only(prod, "AWS::S3::BucketPolicy").properties)


@pytest.mark.parametrize(("name", "env"), [("DevStack", "dev"), ("ProdStack", "prod")])
def test_outputs_and_parameters_name_what_others_need(synthesized, name, env):
    stack = synthesized.stacks[name]
    outputs = set(stack.templates[f"{name}.template.json"]["Outputs"])
    assert outputs >= {"TriggerFunction", "JobQueue", "JobDefinition", "Bucket"}
    names = {p.properties["Name"] for p in stack.resources("AWS::SSM::Parameter")}
    assert names == {
        f"/cocktail-analytics/{env}/{key}"
        for key in ("trigger-function", "job-queue", "job-definition", "bucket", "job-log-group")
    }


def test_adopted_resources_are_used_and_not_made(tmp_path):
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
        "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::VPCEndpoint", "AWS::EFS::FileSystem",
        "AWS::EFS::MountTarget", "AWS::EFS::AccessPoint", "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    }  # fmt: skip
    rule = only(dev, "AWS::EC2::SecurityGroupIngress").properties
    assert rule["GroupId"] == "sg-0123456789abcdef0"
    text = json.dumps(dev.templates)
    for value in ("fs-0123456789abcdef0", "fsap-0123456789abcdef0", "subnet-0123456789abcdef1",
                  "the-sites-bucket", "role/ApiHandler"):  # fmt: skip
        assert value in text
    assert len(list(prod.resources("AWS::EC2::NatGateway"))) == 1
    from infra import preflight

    assert preflight.check_assembly(made.folder, made.environments) == []
    assert made.unexplained == []


def test_a_slip_in_the_context_ends_synthesis_with_one_sentence():
    result = subprocess.run(
        [sys.executable, "app.py"],
        cwd=REPOSITORY,
        env={"PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin",
             "CDK_CONTEXT_JSON": json.dumps({"environments": {"dev": {"vcpus": 3}}})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "error: environment 'dev': vcpus is 3; give 1, 2, 4 or 8" in result.stderr
    assert "Traceback" not in result.stderr
