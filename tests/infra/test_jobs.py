"""The job definitions, their roles, and the bucket they meet in."""

import json
import re
from pathlib import Path

import pytest

from infra.environments import DEFAULTS, DEV, PROD, Environment
from infra.templates import Json, StackTemplates
from tests.infra.conftest import Synthesized, synthesize
from tests.infra.finding import actions, job, named, only, resources_for, rights, role_of, variables

STACKS = pytest.mark.parametrize(("name", "env"), [("DevStack", "dev"), ("ProdStack", "prod")])
BOTH = [(s, j) for s in ("DevStack", "ProdStack") for j in ("Refresh", "Load")]
JOBS = pytest.mark.parametrize(("name", "which"), BOTH)
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-1111-2222-333344445555"


def container(stack: StackTemplates, which: str) -> Json:
    found: Json = job(stack, which).properties["ContainerProperties"]
    return found


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """Dev with its database in S3, prod in an adopted bucket with a key, below a prefix."""
    overrides = {
        "dev": {
            "database_path": "s3:///database/cocktails.db",
            "database_layout": "bar-assistant",
            "database_bar": "patio",
        },
        "prod": {
            "bucket_name": "the-sites-bucket",
            "bucket_prefix": "bar/analytics",
            "bucket_key_arn": KEY,
            "database_path": "s3://another-bucket/cocktails.db",
            "database_key_arn": f"{KEY}6",
        },
    }
    return synthesize(tmp_path_factory.mktemp("variants"), overrides)


@pytest.mark.parametrize(("name", "env"), [("DevStack", DEV), ("ProdStack", PROD)])
def test_the_refresh_takes_its_numbers_from_the_environment(
    synthesized: Synthesized, name: str, env: Environment
) -> None:
    definition = job(synthesized.stacks[name], "Refresh")
    inside = definition.properties["ContainerProperties"]
    needs = {need["Type"]: need["Value"] for need in inside["ResourceRequirements"]}
    assert needs == {"VCPU": str(env.vcpus), "MEMORY": str(env.memory_mib)}
    told = variables(definition)
    assert told["DB_PATH"] == env.database_path
    assert told["DB_LAYOUT"] == "auto"
    assert "DB_BAR" not in told
    assert told["ANALYTICS_ENVIRONMENT"] == env.name
    for name in ("ANALYTICS_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        assert told[name] == str(env.vcpus), "the host's processors are not the job's"
    assert told["ANALYTICS_OUTPUT"]["Fn::Join"][1] == ["s3://", {"Ref": "Bucket83908E77"}]
    assert told["ANALYTICS_SCRATCH"] == told["TMPDIR"] == "/scratch"
    assert definition.properties["Timeout"] == {"AttemptDurationSeconds": env.timeout_minutes * 60}
    tmpfs = inside["LinuxParameters"]["Tmpfs"]
    assert [(t["ContainerPath"], t["Size"]) for t in tmpfs] == [("/scratch", env.scratch_mib)]


def test_the_refresh_is_told_which_bar_of_which_layout(variants: Synthesized) -> None:
    told = variables(job(variants.stacks["DevStack"], "Refresh"))
    assert (told["DB_LAYOUT"], told["DB_BAR"]) == ("bar-assistant", "patio")


@JOBS
def test_the_region_is_told_since_a_container_gets_none(
    synthesized: Synthesized, name: str, which: str
) -> None:
    told = variables(job(synthesized.stacks[name], which))
    assert told["AWS_DEFAULT_REGION"] == {"Ref": "AWS::Region"}


@JOBS
def test_what_is_tried_again_and_what_is_not(
    synthesized: Synthesized, name: str, which: str
) -> None:
    strategy = job(synthesized.stacks[name], which).properties["RetryStrategy"]
    assert strategy == {
        "Attempts": 3,
        "EvaluateOnExit": [
            {"Action": "RETRY", "OnStatusReason": "Host EC2*"},
            {"Action": "RETRY", "OnStatusReason": "Task failed to start*"},
            {"Action": "RETRY", "OnStatusReason": "Error response from daemon*"},
            {"Action": "RETRY", "OnExitCode": "75"},
            {"Action": "EXIT", "OnReason": "*"},
        ],
    }


@pytest.mark.parametrize(
    ("ended", "again"),
    [
        ({"statusReason": "Host EC2 (instance i-08784105ffff56b4f) terminated."}, True),
        (
            {
                "statusReason": "Task failed to start",
                "reason": "CannotPullContainerError: context canceled",
            },
            True,
        ),
        (
            {
                "statusReason": "Task failed to start",
                "reason": "DockerTimeoutError: Could not "
                "transition to started; timed out after waiting 3m0s",
            },
            True,
        ),
        (
            {
                "statusReason": "Error response from daemon: create ecs-1-volume: "
                "VolumeDriver.Create: mounting volume failed: mount.nfs4: Connection reset by peer"
            },
            True,
        ),
        ({"statusReason": "Essential container in task exited", "exitCode": "75"}, True),
        ({"statusReason": "Essential container in task exited", "exitCode": "3"}, False),
        ({"statusReason": "Essential container in task exited", "exitCode": "1"}, False),
        (
            {
                "statusReason": "Essential container in task exited",
                "exitCode": "137",
                "reason": "OutOfMemoryError: Container killed due to memory usage",
            },
            False,
        ),
    ],
)
def test_reported_failures_meet_the_rule_that_is_meant(
    dev: StackTemplates, ended: Json, again: bool
) -> None:
    """What AWS was seen to say, through the rules as Batch reads them: the first match counts."""
    rules = job(dev, "Refresh").properties["RetryStrategy"]["EvaluateOnExit"]
    for rule in rules:
        wanted = {"OnReason": "reason", "OnStatusReason": "statusReason", "OnExitCode": "exitCode"}
        held = [
            re.fullmatch(re.escape(rule[key]).replace(r"\*", ".*"), ended.get(field, ""))
            for key, field in wanted.items()
            if key in rule
        ]
        if all(held):
            assert (rule["Action"] == "RETRY") is again
            return
    raise AssertionError("no rule matches, so Batch would retry")


@JOBS
def test_a_submission_with_the_revision_before_an_update_is_accepted(
    synthesized: Synthesized, name: str, which: str
) -> None:
    """CloudFormation deregisters the old revision; the trigger still submits it for a while."""
    definition = job(synthesized.stacks[name], which).properties
    assert definition["ResourceRetentionPolicy"] == {"SkipDeregisterOnUpdate": True}
    assert "JobDefinitionName" not in definition


@JOBS
def test_containers_are_hardened(synthesized: Synthesized, name: str, which: str) -> None:
    inside = container(synthesized.stacks[name], which)
    assert inside["Privileged"] is False
    assert inside["ReadonlyRootFilesystem"] is True
    assert inside["User"] == "10001"
    [scratch] = inside["LinuxParameters"]["Tmpfs"]
    assert set(scratch["MountOptions"]) == {"nosuid", "nodev"}


@STACKS
def test_the_refresh_mounts_read_only_and_the_load_does_not(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    for which, read_only in (("Refresh", True), ("Load", False)):
        inside = container(stack, which)
        assert inside["MountPoints"] == [
            {"ContainerPath": "/mnt/efs", "ReadOnly": read_only, "SourceVolume": "database"}
        ]
        [volume] = inside["Volumes"]
        efs = volume["EfsVolumeConfiguration"]
        assert efs["TransitEncryption"] == "ENABLED"
        assert efs["AuthorizationConfig"]["Iam"] == "ENABLED"
        assert "RootDirectory" not in efs


@STACKS
def test_the_load_is_the_same_image_with_another_command(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    refresh, load = container(stack, "Refresh"), container(stack, "Load")
    assert load["Image"] == refresh["Image"]
    assert "Command" not in refresh
    assert load["Command"] == ["python", "-m", "analytics_core", "load"]
    assert variables(job(stack, "Load"))["DB_PATH"] == DEFAULTS[env].database_path


@STACKS
def test_the_image_is_named_by_its_content_and_made_for_graviton(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    image = container(stack, "Refresh")["Image"]["Fn::Sub"]
    assert re.search(r":[0-9a-f]{64}$", image)
    assert {source["platform"] for source in stack.images.values()} == {"linux/arm64"}


@JOBS
def test_logs_go_to_the_stacks_group_each_under_its_name(
    synthesized: Synthesized, name: str, which: str
) -> None:
    stack = synthesized.stacks[name]
    options = container(stack, which)["LogConfiguration"]["Options"]
    definition = job(stack, which)
    group = named(stack, definition.template, options["awslogs-group"])
    assert group.type == "AWS::Logs::LogGroup"
    assert options["awslogs-stream-prefix"] == which.lower()


@STACKS
def test_every_log_group_has_a_retention(synthesized: Synthesized, name: str, env: str) -> None:
    groups = list(synthesized.stacks[name].resources("AWS::Logs::LogGroup"))
    assert len(groups) == 2
    for group in groups:
        assert group.properties["RetentionInDays"] == DEFAULTS[env].log_retention_days


@STACKS
def test_three_roles_each_trusting_ecs_tasks_of_this_account(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    roles = [
        role_of(stack, job(stack, "Refresh")),
        role_of(stack, job(stack, "Load")),
        role_of(stack, job(stack, "Refresh"), "ExecutionRoleArn"),
    ]
    assert len({role.logical_id for role in roles}) == 3
    for role in roles:
        assert "ManagedPolicyArns" not in role.properties
        [trust] = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert "aws:SourceAccount" in json.dumps(trust["Condition"])


@STACKS
def test_the_refresh_publishes_and_reads_the_load_takes_and_writes(
    synthesized: Synthesized, name: str, env: str
) -> None:
    stack = synthesized.stacks[name]
    refresh = rights(stack, role_of(stack, job(stack, "Refresh")))
    load = rights(stack, role_of(stack, job(stack, "Load")))
    assert actions(refresh) == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:ListBucket",
        "elasticfilesystem:ClientMount",
    }
    assert actions(load) == {
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:ListBucket",
        "elasticfilesystem:ClientMount",
        "elasticfilesystem:ClientWrite",
    }
    written = resources_for(refresh, "s3:PutObject")
    assert len(written) == 2
    assert "/analytics/v1/*" in written[0]
    assert "/workspace/*" in written[1]
    [taken] = resources_for(load, "s3:GetObject")
    assert "/incoming/*" in taken
    for statement in refresh + load:
        assert statement["Resource"] != "*"
        if "elasticfilesystem:ClientMount" in actions([statement]):
            assert "elasticfilesystem:AccessPointArn" in json.dumps(statement["Condition"])


def test_a_database_in_s3_needs_no_file_system_and_no_load(variants: Synthesized) -> None:
    for stack in variants.stacks.values():
        kinds = {resource.type for resource in stack.resources()}
        assert not {kind for kind in kinds if kind.startswith("AWS::EFS")}
        [definition] = stack.resources("AWS::Batch::JobDefinition")
        inside = definition.properties["ContainerProperties"]
        assert not inside.get("Volumes")
        assert not inside.get("MountPoints")
        text = json.dumps(stack.templates)
        assert "elasticfilesystem" not in text
        assert not re.search(r"\b2049\b", text), "a port; the digits may be in an asset's name"
        outputs = set(stack.templates[f"{stack.name}.template.json"]["Outputs"])
        assert not outputs & {"LoadJobDefinition", "FileSystem", "AccessPoint"}


def test_names_can_be_listed_where_documents_and_database_lie_and_nowhere_else(
    synthesized: Synthesized, variants: Synthesized
) -> None:
    """All of them: S3 tells a missing key from a forbidden one only to who may list the bucket."""

    def listed(made: Synthesized, name: str, which: str = "Refresh") -> list[str]:
        stack = made.stacks[name]
        granted = rights(stack, role_of(stack, job(stack, which)))
        for statement in granted:
            if "s3:ListBucket" in actions([statement]):
                assert "Condition" not in statement
        return resources_for(granted, "s3:ListBucket")

    own = json.dumps({"Fn::GetAtt": ["Bucket83908E77", "Arn"]})
    for name, which in BOTH:
        assert listed(synthesized, name, which) == [own]
    assert listed(variants, "DevStack") == [own]
    buckets = {re.findall(r":s3:::([\w-]+)", each)[0] for each in listed(variants, "ProdStack")}
    assert buckets == {"the-sites-bucket", "another-bucket"}


def test_the_own_bucket_may_hold_the_database(variants: Synthesized) -> None:
    stack = variants.stacks["DevStack"]
    path = variables(job(stack, "Refresh"))["DB_PATH"]["Fn::Join"][1]
    assert path == ["s3://", {"Ref": "Bucket83908E77"}, "/database/cocktails.db"]
    read = resources_for(rights(stack, role_of(stack, job(stack, "Refresh"))), "s3:GetObject")
    assert any("/database/cocktails.db" in resource for resource in read)


def test_keys_are_granted_to_every_role_that_touches_the_bucket(variants: Synthesized) -> None:
    stack = variants.stacks["ProdStack"]
    refresh = rights(stack, role_of(stack, job(stack, "Refresh")))
    assert resources_for(refresh, "kms:GenerateDataKey") == [json.dumps(KEY)]
    assert resources_for(refresh, "kms:Decrypt") == [json.dumps(KEY), json.dumps(f"{KEY}6")]
    [function] = stack.resources("AWS::Lambda::Function")
    trigger = rights(stack, named(stack, function.template, function.properties["Role"]))
    assert resources_for(trigger, "kms:Decrypt") == [json.dumps(KEY)]
    assert resources_for(trigger, "kms:GenerateDataKey") == [json.dumps(KEY)]


def test_the_load_may_read_under_the_buckets_key(tmp_path: Path) -> None:
    overrides = {"prod": {"bucket_name": "the-sites-bucket", "bucket_key_arn": KEY}}
    stack = synthesize(tmp_path / "out", overrides).stacks["ProdStack"]
    load = rights(stack, role_of(stack, job(stack, "Load")))
    assert resources_for(load, "kms:Decrypt") == [json.dumps(KEY)]
    assert resources_for(load, "kms:GenerateDataKey") == []


def test_everything_in_an_adopted_bucket_lies_below_the_prefix(variants: Synthesized) -> None:
    stack = variants.stacks["ProdStack"]
    told = variables(job(stack, "Refresh"))
    assert told["ANALYTICS_OUTPUT"] == "s3://the-sites-bucket/bar/analytics"
    assert told["ANALYTICS_WORKSPACE"] == "s3://the-sites-bucket/bar/analytics/workspace"
    [function] = stack.resources("AWS::Lambda::Function")
    lambda_told = function.properties["Environment"]["Variables"]
    assert lambda_told["CLAIM_KEY"] == "bar/analytics/trigger/claim.json"
    assert lambda_told["TOLD_PREFIX"] == "bar/analytics/trigger/told/"
    for policy in stack.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if actions([statement]) & {"s3:PutObject", "s3:DeleteObject"}:
                for resource in resources_for([statement], next(iter(actions([statement])))):
                    assert "the-sites-bucket/bar/analytics/" in resource


def test_the_bucket_is_closed_encrypted_versioned_and_swept(prod: StackTemplates) -> None:
    properties = only(prod, "AWS::S3::Bucket").properties
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "BucketEncryption" in properties
    rules = {rule["Id"]: rule for rule in properties["LifecycleConfiguration"]["Rules"]}
    assert rules["superseded"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["superseded"]["ExpiredObjectDeleteMarker"] is True
    assert rules["workspace"]["Prefix"] == "workspace/"
    assert rules["incoming"]["Prefix"] == "incoming/"
    assert rules["trigger/told"]["Prefix"] == "trigger/told/"
    assert "aws:SecureTransport" in json.dumps(only(prod, "AWS::S3::BucketPolicy").properties)
