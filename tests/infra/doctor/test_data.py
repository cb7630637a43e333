import dataclasses
import json
from typing import Any

import pytest

from infra.doctor.account import Account
from infra.doctor.bucket import bucket, database, encryption, keys, lifecycle
from infra.doctor.examination import Check
from infra.doctor.file_system import access_point, file_system, mount_targets, security_group
from infra.doctor.findings import Finding, Severity
from infra.doctor.neighbors import shared
from infra.environments import CONTAINER_UID, DEV, PROD, Environment
from infra.templates import Json
from tests.infra.doctor.cloud import ZONES, Examine, Files, Network, of, say
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import ACCOUNT, REGION

BUCKET = "the-sites-bucket"
FILE_SYSTEM = (file_system, mount_targets, access_point, security_group)


@pytest.fixture
def network(aws: Cloud) -> Network:
    return Network(aws)


@pytest.fixture
def files(aws: Cloud, network: Network) -> Files:
    return Files(aws, network)


def on(files: Files, **changes: Any) -> Environment:
    adopted = dataclasses.replace(files.adopted, **changes)
    return dataclasses.replace(DEV, vpc=files.network.adopted, file_system=adopted)


def test_a_sound_file_system(files: Files, examined: Examine) -> None:
    findings = examined(on(files), *FILE_SYSTEM)
    assert {finding.severity for finding in findings} == {Severity.OK}
    assert (
        f"through {files.access_point_id} the job reads /mnt/efs/cocktails.db as uid 1000, gid "
        f"100, below /site of {files.file_system_id}"
    ) in [finding.what for finding in findings]


def test_a_file_system_made_by_the_stack_is_not_asked_about(examined: Examine) -> None:
    assert examined(DEV, *FILE_SYSTEM) == []


@pytest.mark.parametrize(
    ("field", "wrong", "check"),
    [
        ("file_system_id", "fs-0123456789abcdef0", file_system),
        ("access_point_id", "fsap-0123456789abcdef0", access_point),
        ("security_group_id", "sg-0123456789abcdef0", security_group),
    ],
)
def test_an_id_that_does_not_exist(
    files: Files, examined: Examine, field: str, wrong: str, check: Check
) -> None:
    (finding,) = examined(on(files, **{field: wrong}), check)
    assert finding.severity is Severity.TROUBLE
    assert wrong in finding.what
    assert field in finding.do


def test_a_file_system_under_way(account: Account, files: Files, examined: Examine) -> None:
    said = {"FileSystemId": files.file_system_id, "LifeCycleState": "deleting"}
    say(account, "efs.DescribeFileSystems", {"FileSystems": [said]})
    (what,) = of(Severity.TROUBLE, examined(on(files), file_system))
    assert what.endswith("is deleting")


def test_a_zone_without_mount_target(files: Files, examined: Examine) -> None:
    files.efs.delete_mount_target(MountTargetId=files.target_ids[1])
    (finding,) = examined(on(files), mount_targets)
    assert f"has no mount target in {ZONES[1]}" in finding.what
    assert finding.severity is Severity.TROUBLE


def test_mount_targets_with_another_group(files: Files, examined: Examine) -> None:
    other = files.network.group("another")
    troubles = of(Severity.TROUBLE, examined(on(files, security_group_id=other), mount_targets))
    assert len(troubles) == 2
    assert f"has {files.network.group_id}, not {other}" in troubles[0]


def test_a_mount_target_under_way(account: Account, files: Files, examined: Examine) -> None:
    said = files.efs.describe_mount_targets(FileSystemId=files.file_system_id)["MountTargets"]
    said[0]["LifeCycleState"] = "creating"
    say(account, "efs.DescribeMountTargets", {"MountTargets": said})
    (what,) = of(Severity.TROUBLE, examined(on(files), mount_targets))
    assert what.endswith("is creating")


def test_mount_targets_of_another_network(
    account: Account, files: Files, examined: Examine
) -> None:
    said = files.efs.describe_mount_targets(FileSystemId=files.file_system_id)["MountTargets"]
    other = [target | {"VpcId": "vpc-0123456789abcdef0"} for target in said]
    say(account, "efs.DescribeMountTargets", {"MountTargets": other})
    troubles = of(Severity.TROUBLE, examined(on(files), mount_targets))
    assert "is mounted in vpc-0123456789abcdef0" in troubles[0]


def test_an_access_point_of_another_file_system(files: Files, examined: Examine) -> None:
    other = files.efs.create_file_system(CreationToken="other")["FileSystemId"]
    (what,) = of(Severity.TROUBLE, examined(on(files, file_system_id=other), access_point))
    assert f"is of {files.file_system_id}, not of {other}" in what


def test_an_access_point_whose_folder_may_be_missing(
    aws: Cloud, network: Network, examined: Examine
) -> None:
    (what,) = of(
        Severity.WARNING,
        examined(on(Files(aws, network, root={"Path": "/site"})), access_point),
    )
    assert "makes no folder /site" in what


def test_an_access_point_without_a_user_leaves_the_images(
    account: Account, files: Files, examined: Examine
) -> None:
    point = {
        "FileSystemId": files.file_system_id,
        "LifeCycleState": "available",
        "RootDirectory": {"Path": "/"},
    }
    say(account, "efs.DescribeAccessPoints", {"AccessPoints": [point]})
    (finding,) = examined(on(files), access_point)
    assert f"as the image's uid {CONTAINER_UID}, below / of" in finding.what


def test_an_access_point_under_way(account: Account, files: Files, examined: Examine) -> None:
    said = files.efs.describe_access_points(AccessPointId=files.access_point_id)["AccessPoints"]
    said[0]["LifeCycleState"] = "deleting"
    say(account, "efs.DescribeAccessPoints", {"AccessPoints": said})
    (what,) = of(Severity.TROUBLE, examined(on(files), access_point))
    assert what.endswith("is deleting")


def test_a_group_in_another_network(files: Files, examined: Examine) -> None:
    ec2 = files.network.ec2
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    stray = ec2.create_security_group(GroupName="x", Description="x", VpcId=other)["GroupId"]
    (what,) = of(Severity.TROUBLE, examined(on(files, security_group_id=stray), security_group))
    assert f"is in {other}" in what


def denying(**more: Any) -> str:
    statement = {"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "*"} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, Severity.OK),
        ({"Action": "elasticfilesystem:ClientRootAccess"}, Severity.OK),
        ({"Effect": "Allow"}, Severity.OK),
        ({}, Severity.TROUBLE),
        ({"Action": ["elasticfilesystem:Client*"]}, Severity.TROUBLE),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Bar"}}, Severity.WARNING),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalArn": "x"}}}, Severity.WARNING),
    ],
)
def test_the_file_systems_policy(
    account: Account, files: Files, examined: Examine, more: Json, severity: Severity
) -> None:
    said = {"FileSystemId": files.file_system_id, "Policy": denying(**more)}
    say(account, "efs.DescribeFileSystemPolicy", said)
    assert examined(on(files), file_system)[0].severity is severity


@pytest.fixture
def s3(aws: Cloud) -> Any:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


ADOPTING = dataclasses.replace(PROD, bucket_name=BUCKET)


def test_a_bucket_made_by_the_stack_is_not_asked_about(examined: Examine) -> None:
    assert examined(DEV, bucket, lifecycle, encryption, keys, database) == []


def test_a_sound_bucket(s3: Any, examined: Examine) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert {finding.severity for finding in examined(ADOPTING, bucket)} == {Severity.OK}


def test_a_bucket_without_versions(s3: Any, examined: Examine) -> None:
    (what,) = of(Severity.WARNING, examined(ADOPTING, bucket))
    assert "keeps no versions" in what


def test_a_bucket_that_does_not_exist(examined: Examine) -> None:
    (finding,) = examined(ADOPTING, bucket)
    assert (finding.severity, finding.what) == (Severity.TROUBLE, f"there is no bucket {BUCKET}")


@pytest.mark.parametrize(
    ("constraint", "region"),
    [("eu-central-1", "eu-central-1"), (None, "us-east-1"), ("EU", REGION)],
)
def test_where_a_bucket_is(
    account: Account, examined: Examine, constraint: str | None, region: str
) -> None:
    say(account, "s3.GetBucketLocation", {"LocationConstraint": constraint})
    say(account, "s3.GetBucketVersioning", {"Status": "Enabled"})
    troubles = of(Severity.TROUBLE, examined(ADOPTING, bucket))
    assert troubles == (
        []
        if region == REGION
        else [f"the bucket {BUCKET} is in {region}, the stack goes to {REGION}"]
    )


def expire(s3: Any, **rule: Any) -> None:
    rule = {"ID": "old", "Status": "Enabled", "Expiration": {"Days": 3}} | rule
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})


@pytest.mark.parametrize("prefix", ["workspace/", "work"])
def test_a_bucket_that_forgets_the_workspace(s3: Any, examined: Examine, prefix: str) -> None:
    expire(s3, Filter={"Prefix": prefix})
    (finding,) = examined(ADOPTING, lifecycle)
    assert finding.severity is Severity.OK


def test_the_workspace_lies_below_the_environments_prefix(s3: Any, examined: Examine) -> None:
    expire(s3, Filter={"Prefix": "workspace/"})
    environment = dataclasses.replace(ADOPTING, bucket_prefix="bar")
    (what,) = of(Severity.WARNING, examined(environment, lifecycle))
    assert "no lifecycle rule for bar/workspace/" in what


@pytest.mark.parametrize(
    "rule",
    [
        None,
        {"Filter": {"Prefix": "logs/"}},
        {"Filter": {"Prefix": "workspace/"}, "Status": "Disabled"},
        {"Filter": {"And": {"Prefix": "workspace/", "Tags": [{"Key": "a", "Value": "b"}]}}},
    ],
)
def test_a_bucket_that_keeps_the_workspace(s3: Any, examined: Examine, rule: Json | None) -> None:
    if rule is not None:
        expire(s3, **rule)
    (what,) = of(Severity.WARNING, examined(ADOPTING, lifecycle))
    assert "no lifecycle rule for workspace/" in what


@pytest.mark.parametrize(
    "prefix", ["", "analytics/", "analytics/v1/", "analytics/v1/runs/", "analytics/v1/keys/a"]
)
def test_a_bucket_that_forgets_the_documents(s3: Any, examined: Examine, prefix: str) -> None:
    expire(s3, Filter={"Prefix": prefix})
    (what,) = of(Severity.TROUBLE, examined(ADOPTING, lifecycle))
    assert "the published documents too" in what


@pytest.mark.parametrize("prefix", ["analytics/v10/", "analytics2/", "trigger/told/"])
def test_a_rule_beside_the_documents_is_none_of_theirs(
    s3: Any, examined: Examine, prefix: str
) -> None:
    expire(s3, Filter={"Prefix": prefix})
    assert not of(Severity.TROUBLE, examined(ADOPTING, lifecycle))


@pytest.mark.parametrize(
    ("path", "prefix", "told"),
    [
        ("s3:///database/bar.db", "database/", True),
        (f"s3://{BUCKET}/database/bar.db", "data", True),
        ("s3:///database/bar.db", "database/old/", False),
        ("s3://another-bucket/database/bar.db", "database/", False),
    ],
)
def test_a_bucket_that_forgets_the_database(
    s3: Any, examined: Examine, path: str, prefix: str, told: bool
) -> None:
    expire(s3, Filter={"Prefix": prefix})
    environment = dataclasses.replace(ADOPTING, database_path=path)
    troubles = of(Severity.TROUBLE, examined(environment, lifecycle))
    assert [what.endswith("the database too") for what in troubles] == [True] * told


def encrypt(s3: Any, key: Json) -> None:
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=BUCKET,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )


@pytest.fixture
def key(aws: Cloud) -> Json:
    found: Json = aws.client("kms").create_key()["KeyMetadata"]
    return found


def keyed(arn: str) -> Environment:
    return dataclasses.replace(ADOPTING, bucket_key_arn=arn)


def test_s3s_own_encryption(s3: Any, examined: Examine) -> None:
    (finding,) = examined(ADOPTING, encryption)
    assert finding.severity is Severity.OK


@pytest.mark.parametrize("named", ["Arn", "KeyId"])
def test_a_bucket_with_its_key(s3: Any, key: Json, examined: Examine, named: str) -> None:
    encrypt(s3, key[named])
    (finding,) = examined(keyed(key["Arn"]), encryption)
    assert finding.severity is Severity.OK


def test_a_bucket_whose_key_nobody_may_use(s3: Any, key: Json, examined: Examine) -> None:
    encrypt(s3, key["Arn"])
    (finding,) = examined(ADOPTING, encryption)
    assert finding.severity is Severity.TROUBLE
    assert finding.do == f"set bucket_key_arn to {key['Arn']}"


def test_a_bucket_with_another_key(aws: Cloud, s3: Any, key: Json, examined: Examine) -> None:
    encrypt(s3, aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    (finding,) = examined(keyed(key["Arn"]), encryption)
    assert finding.severity is Severity.TROUBLE
    assert "not with bucket_key_arn" in finding.what


def test_a_key_for_a_bucket_that_has_none(s3: Any, key: Json, examined: Examine) -> None:
    (finding,) = examined(keyed(key["Arn"]), encryption)
    assert finding.severity is Severity.WARNING


def test_the_key_that_aws_manages_needs_no_right(
    account: Account, s3: Any, key: Json, examined: Examine
) -> None:
    encrypt(s3, key["Arn"])
    say(account, "kms.DescribeKey", {"KeyMetadata": key | {"KeyManager": "AWS"}})
    (finding,) = examined(ADOPTING, encryption)
    assert finding.severity is Severity.OK


def test_a_usable_key(key: Json, examined: Examine) -> None:
    (finding,) = examined(keyed(key["Arn"]), keys)
    assert finding.severity is Severity.OK


def test_a_key_that_does_not_exist(examined: Examine) -> None:
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234-ab"
    (finding,) = examined(keyed(arn), keys)
    assert (finding.severity, finding.what) == (
        Severity.TROUBLE,
        f"bucket_key_arn names no key: {arn}",
    )


def test_a_key_of_another_region(examined: Examine) -> None:
    (finding,) = examined(keyed(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234-ab"), keys)
    assert finding.severity is Severity.TROUBLE
    assert "a key of us-east-1" in finding.what


def test_a_key_that_is_switched_off(aws: Cloud, key: Json, examined: Examine) -> None:
    aws.client("kms").disable_key(KeyId=key["KeyId"])
    (finding,) = examined(keyed(key["Arn"]), keys)
    assert finding.severity is Severity.TROUBLE
    assert "is Disabled" in finding.what


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, Severity.OK),
        ({"Action": ["kms:Decrypt", "kms:Generate*"]}, Severity.OK),
        ({"Action": "kms:Decrypt"}, Severity.WARNING),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/Site"}}, Severity.WARNING),
        ({"Condition": {"StringEquals": {"aws:PrincipalArn": "x"}}}, Severity.WARNING),
    ],
)
def test_whether_the_key_leaves_it_to_iam(
    aws: Cloud, key: Json, examined: Examine, more: Json, severity: Severity
) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Statement": [statement | more]}
    aws.client("kms").put_key_policy(
        KeyId=key["KeyId"], PolicyName="default", Policy=json.dumps(document)
    )
    (finding,) = examined(keyed(key["Arn"]), keys)
    assert finding.severity is severity


STORED = dataclasses.replace(DEV, database_path="s3://the-sites-bucket/bar.db")


def test_a_database_in_s3(s3: Any, examined: Examine) -> None:
    s3.put_object(Bucket=BUCKET, Key="bar.db", Body=b"1" * 2048)
    (finding,) = examined(STORED, database)
    assert finding.what == f"s3://{BUCKET}/bar.db is there, 2,048 bytes"


def test_a_database_that_is_not_there_yet(s3: Any, examined: Examine) -> None:
    (finding,) = examined(STORED, database)
    assert finding.severity is Severity.WARNING
    assert finding.do.startswith("scripts/load-database.sh dev site.db")


def test_a_database_in_no_bucket(examined: Examine) -> None:
    (finding,) = examined(STORED, database)
    assert finding.severity is Severity.TROUBLE


def test_a_database_in_another_region(account: Account, s3: Any, examined: Examine) -> None:
    s3.put_object(Bucket=BUCKET, Key="bar.db", Body=b"1")
    say(account, "s3.GetBucketLocation", {"LocationConstraint": "eu-north-1"})
    (what,) = of(Severity.WARNING, examined(STORED, database))
    assert "the database is in eu-north-1" in what


def test_a_database_in_the_bucket_to_be_made(examined: Examine) -> None:
    environment = dataclasses.replace(DEV, database_path="s3:///database/bar.db")
    (finding,) = examined(environment, database)
    assert finding.severity is Severity.OK
    assert "database/bar.db in the bucket that the stack will make" in finding.what


@pytest.mark.parametrize(("given", "severity"), [(False, Severity.TROUBLE), (True, Severity.OK)])
def test_a_database_under_a_key(
    s3: Any, key: Json, examined: Examine, given: bool, severity: Severity
) -> None:
    s3.put_object(
        Bucket=BUCKET,
        Key="bar.db",
        Body=b"1",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key["Arn"],
    )
    environment = dataclasses.replace(STORED, database_key_arn=key["Arn"] if given else None)
    assert examined(environment, database)[0].severity is severity


def deployed(account: Account, environment: Environment, **outputs: str) -> None:
    """Let an environment's stack have outputs; other environments have none."""
    said = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]

    def describe(asked: Json) -> Json:
        mine = asked["StackName"] == environment.stack_name
        return {"Stacks": [{"Outputs": said if mine else []}]}

    say(account, "cloudformation.DescribeStacks", describe)


def judged(account: Account, environment: Environment, other: Environment) -> list[Finding]:
    return list(shared(account, environment, other))


def test_neighbors_that_share_nothing(account: Account) -> None:
    (finding,) = judged(account, PROD, DEV)
    assert finding.severity is Severity.OK


def test_prod_in_the_bucket_of_dev(account: Account) -> None:
    deployed(account, DEV, Bucket=BUCKET)
    findings = of(Severity.TROUBLE, judged(account, ADOPTING, DEV))
    assert "overwrite each other's documents" in findings[0]
    assert "goes with DevStack" in findings[1]
    apart = dataclasses.replace(ADOPTING, bucket_prefix="prod")
    (what,) = of(Severity.TROUBLE, judged(account, apart, DEV))
    assert "goes with DevStack" in what


def test_dev_in_the_bucket_of_prod_below_a_prefix(account: Account) -> None:
    deployed(account, PROD, Bucket=BUCKET)
    dev = dataclasses.replace(DEV, bucket_name=BUCKET, bucket_prefix="dev")
    assert not of(Severity.TROUBLE, judged(account, dev, PROD))


def test_prod_on_the_file_system_of_dev(account: Account, files: Files) -> None:
    deployed(account, DEV, FileSystem=files.file_system_id)
    prod = dataclasses.replace(PROD, vpc=files.network.adopted, file_system=files.adopted)
    (what,) = of(Severity.TROUBLE, judged(account, prod, DEV))
    assert "which goes with DevStack" in what


def test_both_on_one_database_file(account: Account, files: Files) -> None:
    prod, dev = (
        dataclasses.replace(each, vpc=files.network.adopted, file_system=files.adopted)
        for each in (PROD, DEV)
    )
    (what,) = of(Severity.WARNING, judged(account, prod, dev))
    assert "read the same database file" in what
    apart = dataclasses.replace(dev, database_path="/mnt/efs/dev.db")
    assert not of(Severity.WARNING, judged(account, prod, apart))


def test_prod_in_the_network_of_dev(account: Account, network: Network) -> None:
    made_by = [{"Key": "aws:cloudformation:stack-name", "Value": "DevStack-NetworkStack-1ABC"}]
    say(account, "ec2.DescribeVpcs", {"Vpcs": [{"VpcId": network.vpc_id, "Tags": made_by}]})
    prod = dataclasses.replace(PROD, vpc=network.adopted)
    (what,) = of(Severity.WARNING, judged(account, prod, DEV))
    assert "which DevStack made" in what
