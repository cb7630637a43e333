"""The real `cdk` against an emulator on this machine; boto3 reads back what came of it."""

import json
from collections.abc import Iterator

import pytest

from infra.templates import Json
from tests.infra.emulator import ACCOUNT, REGION, Emulator, emulator

pytestmark = pytest.mark.slow

DEPLOY = ("--require-approval", "never", "--method", "direct")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("aws")) as aws:
        aws.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        aws.cdk("deploy", "DevStack", *DEPLOY)
        yield aws


def output(aws: Emulator, name: str) -> str:
    stack = aws.client("cloudformation").describe_stacks(StackName="DevStack")["Stacks"][0]
    found: str = {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}[name]
    return found


def definitions(aws: Emulator) -> dict[str, Json]:
    """The active job definitions by the output that names each."""
    found = aws.client("batch").describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    arns = {output(aws, name): name for name in ("JobDefinition", "LoadJobDefinition")}
    return {arns[d["jobDefinitionArn"]]: d for d in found}


def test_the_image_is_built_for_arm64_and_pushed_under_its_hash(deployed: Emulator) -> None:
    calls = deployed.docker_calls()
    build = next(call for call in calls if call[0] == "build")
    assert build[build.index("--platform") + 1] == "linux/arm64"
    pushed = next(call[1] for call in calls if call[0] == "push")
    images = {d["containerProperties"]["image"] for d in definitions(deployed).values()}
    assert images == {pushed}, "both jobs run the one image"
    assert len(pushed.rpartition(":")[2]) == 64


def test_queue_and_environment(deployed: Emulator) -> None:
    batch = deployed.client("batch")
    (queue,) = batch.describe_job_queues()["jobQueues"]
    assert queue["jobQueueArn"] == output(deployed, "JobQueue")
    assert (queue["state"], queue["status"]) == ("ENABLED", "VALID")
    (environment,) = batch.describe_compute_environments()["computeEnvironments"]
    resources = environment["computeResources"]
    assert queue["computeEnvironmentOrder"] == [
        {"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}
    ]
    assert resources["type"] == "SPOT"
    assert resources["minvCpus"] == 0
    assert "optimal" not in resources["instanceTypes"]
    assert len(resources["subnets"]) == 2


def test_definition_with_its_mount_and_retry_rules(deployed: Emulator) -> None:
    definition = definitions(deployed)["JobDefinition"]
    container = definition["containerProperties"]
    assert container["mountPoints"] == [
        {"containerPath": "/mnt/efs", "readOnly": True, "sourceVolume": "database"}
    ]
    efs = deployed.client("efs")
    (point,) = efs.describe_access_points()["AccessPoints"]
    (volume,) = container["volumes"]
    assert volume["efsVolumeConfiguration"] == {
        "fileSystemId": point["FileSystemId"],
        "transitEncryption": "ENABLED",
        "authorizationConfig": {"accessPointId": point["AccessPointId"], "iam": "ENABLED"},
    }
    assert [
        {key.lower(): value.lower() for key, value in rule.items()}
        for rule in definition["retryStrategy"]["evaluateOnExit"]
    ] == [
        {"action": "retry", "onstatusreason": "host ec2*"},
        {"action": "retry", "onstatusreason": "task failed to start*"},
        {"action": "retry", "onstatusreason": "error response from daemon*"},
        {"action": "retry", "onexitcode": "75"},
        {"action": "exit", "onreason": "*"},
    ]
    assert definition["retryStrategy"]["attempts"] == 3
    assert definition["timeout"] == {"attemptDurationSeconds": 1800}
    group = container["logConfiguration"]["options"]["awslogs-group"]
    (found,) = deployed.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found["retentionInDays"] == 14
    assert group == output(deployed, "JobLogGroup")


def test_each_job_has_its_own_rights(deployed: Emulator) -> None:
    iam = deployed.client("iam")
    made = definitions(deployed)

    def allowed(role: str) -> set[str]:
        trust = json.dumps(iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"])
        assert "ecs-tasks.amazonaws.com" in trust
        (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        named = [statement["Action"] for statement in document["Statement"]]
        return {a for each in named for a in ([each] if isinstance(each, str) else each)}

    def role(name: str, key: str) -> str:
        found: str = made[name]["containerProperties"][key].rpartition("/")[2]
        return found

    roles = {name: role(name, "jobRoleArn") for name in made}
    executions = {role(name, "executionRoleArn") for name in made}
    assert len({*roles.values(), *executions}) == 3
    assert allowed(roles["JobDefinition"]) == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:ListBucket",
        "elasticfilesystem:ClientMount",
    }
    assert allowed(roles["LoadJobDefinition"]) == {
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:ListBucket",
        "elasticfilesystem:ClientMount",
        "elasticfilesystem:ClientWrite",
    }


def test_bucket_function_and_parameters(deployed: Emulator) -> None:
    bucket = output(deployed, "Bucket")
    # Versioning and the like are left out here by the emulator; `test_stacks.py` has them.
    deployed.client("s3").head_bucket(Bucket=bucket)
    function = deployed.client("lambda").get_function_configuration(
        FunctionName=output(deployed, "TriggerFunction")
    )
    variables = function["Environment"]["Variables"]
    assert variables["BATCH_JOB_QUEUE"] == output(deployed, "JobQueue")
    assert variables["BATCH_JOB_DEFINITION"] == output(deployed, "JobDefinition")
    assert "VpcConfig" not in function or not function["VpcConfig"].get("SubnetIds")
    ssm = deployed.client("ssm")
    for key, name in (("bucket", "Bucket"), ("trigger-function", "TriggerFunction")):
        value = ssm.get_parameter(Name=f"/cocktail-analytics/dev/{key}")["Parameter"]["Value"]
        assert value == output(deployed, name)


def test_the_revision_before_an_update_is_still_accepted(deployed: Emulator) -> None:
    """CloudFormation replaces a definition by a new revision; the function knows the old one."""
    before = output(deployed, "JobDefinition")
    context = {"environments": {"dev": {"timeout_minutes": 45}}}
    deployed.cdk("deploy", "DevStack", *DEPLOY, context=context)
    after = output(deployed, "JobDefinition")
    assert after != before
    assert after.rpartition(":")[0] == before.rpartition(":")[0]
    batch = deployed.client("batch")
    for revision in (before, after):
        asked = {"jobQueue": output(deployed, "JobQueue"), "jobDefinition": revision}
        assert batch.submit_job(jobName="any", **asked)["jobId"]


def test_a_diff_right_after_the_deploy_is_empty(deployed: Emulator) -> None:
    # The same assembly, so that a file edited meanwhile is not taken for a difference.
    said = deployed.cdk("diff", "DevStack", "--no-change-set", again=True)
    assert "Number of stacks with differences: 0" in said, said


def test_adopting_replaces_nothing(deployed: Emulator) -> None:
    """Context in, `cdk diff` out: what is adopted is used and left alone, before and after."""
    ec2, efs = deployed.client("ec2"), deployed.client("efs")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
    within = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    chosen = ec2.describe_subnets(Filters=within)["Subnets"][:2]
    system = efs.create_file_system(CreationToken="the-sites")["FileSystemId"]
    point = efs.create_access_point(ClientToken="the-sites", FileSystemId=system)
    group = ec2.describe_security_groups(Filters=within)["SecurityGroups"][0]["GroupId"]
    deployed.client("s3").create_bucket(
        Bucket="the-sites-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    adopted: Json = {
        "vpc": {
            "vpc_id": vpc["VpcId"],
            "availability_zones": [s["AvailabilityZone"] for s in chosen],
            "subnet_ids": [s["SubnetId"] for s in chosen],
        },
        "file_system": {
            "file_system_id": system,
            "access_point_id": point["AccessPointId"],
            "security_group_id": group,
        },
        "bucket_name": "the-sites-bucket",
    }
    there = kept_by_others(deployed)

    # Onto an empty account: all is new, and nothing is made of what is adopted.
    lines = difference(deployed, adopted)
    assert {line.split()[0] for line in lines} == {"[+]"}
    kinds = {line.split()[1] for line in lines}
    assert "AWS::Batch::JobDefinition" in kinds
    assert not kinds & {"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EFS::FileSystem"}
    assert not kinds & {"AWS::EFS::AccessPoint", "AWS::S3::Bucket"}
    deployed.cdk("deploy", "ProdStack", *DEPLOY, context={"environments": {"prod": adopted}})
    assert kept_by_others(deployed) == there

    # A setting changed: what hangs on it is updated in place, and everything else left as it is.
    lines = difference(deployed, adopted | {"timeout_minutes": 90})
    assert {line.split()[0] for line in lines} == {"[~]"}
    assert {line.split()[1] for line in lines} == {
        "AWS::CloudFormation::Stack",
        "AWS::Batch::ComputeEnvironment",
        "AWS::Batch::JobDefinition",
        "AWS::Scheduler::Schedule",  # the monthly patch waits as long as a job may run
    }
    assert not [line for line in lines if line.endswith("replace")]

    # And it would be said: rules cannot move to another group, so those two are made anew.
    other = adopted["file_system"] | {"security_group_id": "sg-0123456789abcdef0"}
    lines = difference(deployed, adopted | {"file_system": other})
    assert {line.split()[1] for line in lines if line.endswith("replace")} == {
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
    }


def difference(aws: Emulator, prod: Json) -> list[str]:
    """The lines of `cdk diff ProdStack` that name a resource of ours."""
    context = {"environments": {"prod": prod}}
    said = aws.cdk("diff", "ProdStack", "--no-change-set", context=context)
    return [line for line in said.splitlines() if line.startswith("[") and " AWS::" in line]


def kept_by_others(aws: Emulator) -> Json:
    """What was in the account before us, as it is now."""
    ec2, efs = aws.client("ec2"), aws.client("efs")
    return {
        "vpcs": [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]],
        "subnets": [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"]],
        "systems": [s["FileSystemId"] for s in efs.describe_file_systems()["FileSystems"]],
        "points": [p["AccessPointId"] for p in efs.describe_access_points()["AccessPoints"]],
        "buckets": [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]],
    }


def test_zz_destroy_leaves_no_stack(deployed: Emulator) -> None:
    deployed.cdk("destroy", "DevStack", "--force")
    names = {
        stack["StackName"]
        for stack in deployed.client("cloudformation").describe_stacks()["Stacks"]
    }
    assert "DevStack" not in names
    assert deployed.client("batch").describe_job_queues()["jobQueues"] != []  # ProdStack's
