"""The emulator refuses what AWS refuses: shown with templates of a few lines, and by boto3."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.templates import Json
from tests.infra.emulator import ACCOUNT, REGION, Emulator, emulator

VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "scheduler.amazonaws.com"},
        }
    ],
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture
def cloud(aws: Emulator) -> Any:
    return aws.client("cloudformation")


@pytest.fixture
def name() -> str:
    return f"Stack-{uuid.uuid4().hex[:8]}"


def group(description: str = "Instances") -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": description, "VpcId": {"Ref": "Vpc"}},
    }


def egress(description: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::SecurityGroupEgress",
        "Properties": {
            "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
            "IpProtocol": "tcp",
            "FromPort": 2049,
            "ToPort": 2049,
            "CidrIp": "10.0.0.0/16",
            "Description": description,
        },
    }


def template(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def make(cloud: Any, name: str, body: str, **more: Any) -> str:
    """Create a stack and return its status."""
    cloud.create_stack(StackName=name, TemplateBody=body, **more)
    return status(cloud, name)


def status(cloud: Any, name: str) -> str:
    found: str = cloud.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return found


def why(cloud: Any, name: str) -> str:
    """Return why the first resource failed."""
    events = cloud.describe_stack_events(StackName=name)["StackEvents"]
    found: str = next(
        e["ResourceStatusReason"] for e in events if e["ResourceStatus"].endswith("FAILED")
    )
    return found


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


# Texts.


def test_an_apostrophe_in_a_rule_fails_the_stack_in_the_words_of_ec2(cloud: Any, name: str) -> None:
    body = template(Vpc=VPC, Group=group(), Rule=egress("The file system's mount targets"))
    assert make(cloud, name, body) == "ROLLBACK_COMPLETE"
    assert "Invalid rule description. Valid descriptions are strings" in why(cloud, name)
    assert "InvalidParameterValue" in why(cloud, name)


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (
            {
                "Type": "AWS::IAM::Role",
                "Properties": {"Description": "dash —", "AssumeRolePolicyDocument": TRUST},
            },
            "ValidationError",
        ),
        (
            {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Name": "/aws/mine", "Type": "String", "Value": "x"},
            },
            "ValidationException",
        ),
        (
            {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x" * 101}},
            "less than or equal to 100",
        ),
        (
            {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Role": f"arn:aws:iam::{ACCOUNT}:role/any",
                    "Handler": "h.h",
                    "Runtime": "python3.13",
                    "Code": {"ZipFile": "x = 1"},
                    "Environment": {"Variables": {"AWS_REGION": "eu-west-1"}},
                },
            },
            "Reserved keys used in this request: AWS_REGION",
        ),
        (
            {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Role": f"arn:aws:iam::{ACCOUNT}:role/any",
                    "Handler": "h.h",
                    "Runtime": "python3.13",
                    "Code": {"ZipFile": "x = 1"},
                    "Environment": {"Variables": {"LONG": "x" * 4096}},
                },
            },
            "exceeded the 4KB limit",
        ),
        (
            {
                "Type": "AWS::SQS::Queue",
                "Properties": {"Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]},
            },
            "less than or equal to 50",
        ),
        (
            {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": ["aws.batch"]},
                    "Targets": [
                        {"Id": f"t{n}", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"}
                        for n in range(6)
                    ],
                },
            },
            "less than or equal to 5",
        ),
    ],
)
def test_other_services_refuse_in_their_words(
    cloud: Any, name: str, resource: Json, said: str
) -> None:
    assert make(cloud, name, template(One=resource)) == "ROLLBACK_COMPLETE"
    assert said in why(cloud, name)


def test_a_text_is_checked_as_it_reaches_the_service(cloud: Any, name: str) -> None:
    joined = {"Fn::Join": ["", ["/cocktail-analytics/", {"Ref": "AWS::StackName"}, "/it's"]]}
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": joined, "Type": "String", "Value": "x"},
    }
    assert make(cloud, name, template(One=parameter)) == "ROLLBACK_COMPLETE"
    assert f"/cocktail-analytics/{name}/it's" in why(cloud, name)


def test_an_attribute_that_is_not_there_fails_the_stack(cloud: Any, name: str) -> None:
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::GetAtt": ["Log", "Color"]}},
    }
    body = template(Log={"Type": "AWS::EFS::FileSystem"}, One=parameter)
    assert make(cloud, name, body) == "ROLLBACK_COMPLETE"
    assert "Color" in why(cloud, name)


# A stack's life.


def kept_bucket(policy: str) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy}


def buckets(aws: Emulator, name: str) -> list[str]:
    found = aws.client("s3").list_buckets()["Buckets"]
    return [b["Name"] for b in found if b["Name"].startswith(name.lower())]


@pytest.mark.parametrize(
    ("policy", "left"), [("Retain", 1), ("RetainExceptOnCreate", 0), ("Delete", 0)]
)
def test_a_failed_creation_leaves_what_is_plainly_retained(
    aws: Emulator, cloud: Any, name: str, policy: str, left: int
) -> None:
    body = template(Data=kept_bucket(policy), Vpc=VPC, Group=group("it's"))
    assert make(cloud, name, body) == "ROLLBACK_COMPLETE"
    assert len(buckets(aws, name)) == left
    cloud.delete_stack(StackName=name)
    assert len(buckets(aws, name)) == left


@pytest.mark.parametrize(("policy", "left"), [("Retain", 1), ("RetainExceptOnCreate", 1)])
def test_a_deleted_stack_leaves_its_data(
    aws: Emulator, cloud: Any, name: str, policy: str, left: int
) -> None:
    assert make(cloud, name, template(Data=kept_bucket(policy))) == "CREATE_COMPLETE"
    cloud.delete_stack(StackName=name)
    assert len(buckets(aws, name)) == left


def test_a_stack_that_failed_can_only_be_deleted(cloud: Any, name: str) -> None:
    bad, good = (template(Vpc=VPC, Group=group(text)) for text in ("it's", "Instances"))
    make(cloud, name, bad)
    assert "is in ROLLBACK_COMPLETE state and can not be updated" in refused(
        cloud.update_stack, StackName=name, TemplateBody=good
    )
    assert "can not be updated" in refused(
        cloud.create_change_set, StackName=name, ChangeSetName="again", TemplateBody=good
    )
    assert "AlreadyExists" in refused(cloud.create_stack, StackName=name, TemplateBody=good)
    cloud.delete_stack(StackName=name)
    assert make(cloud, name, good) == "CREATE_COMPLETE"


def test_protection_refuses_the_deletion_of_a_failed_stack_too(cloud: Any, name: str) -> None:
    bad = template(Vpc=VPC, Group=group("it's"))
    make(cloud, name, bad, EnableTerminationProtection=True)
    said = refused(cloud.delete_stack, StackName=name)
    assert "cannot be deleted while TerminationProtection is enabled" in said
    assert status(cloud, name) == "ROLLBACK_COMPLETE"
    cloud.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cloud.delete_stack(StackName=name)
    assert "does not exist" in refused(cloud.describe_stacks, StackName=name)


def test_a_bucket_with_objects_keeps_its_stack_from_going(
    aws: Emulator, cloud: Any, name: str
) -> None:
    make(cloud, name, template(Data=kept_bucket("Delete")))
    [bucket] = buckets(aws, name)
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="one", Body=b"1")
    cloud.delete_stack(StackName=name)
    assert status(cloud, name) == "DELETE_FAILED"
    assert "not empty" in why(cloud, name)
    s3.delete_object(Bucket=bucket, Key="one")
    cloud.delete_stack(StackName=name)
    assert buckets(aws, name) == []


def test_a_change_set_goes_by_the_same_rules(aws: Emulator, cloud: Any, name: str) -> None:
    for text, ends in (("it's", "ROLLBACK_COMPLETE"), ("Instances", "CREATE_COMPLETE")):
        stack = f"{name}-{ends[:4]}"
        cloud.create_change_set(
            StackName=stack,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=template(Vpc=VPC, Group=group(text)),
        )
        cloud.execute_change_set(StackName=stack, ChangeSetName="first")
        assert status(cloud, stack) == ends


def uploaded(aws: Emulator, key: str, body: str) -> str:
    s3 = aws.client("s3")
    if "templates" not in [b["Name"] for b in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(
            Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
    s3.put_object(Bucket="templates", Key=key, Body=body)
    return f"{aws.endpoint}/templates/{key}"


def outer(url: str, **more: Any) -> str:
    return template(
        Inner={"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}, **more
    )


def test_a_failed_nested_stack_fails_the_outer_one(aws: Emulator, cloud: Any, name: str) -> None:
    url = uploaded(aws, "bad.json", template(Vpc=VPC, Group=group("it's")))
    first = kept_bucket("RetainExceptOnCreate")
    assert make(cloud, name, outer(url, Data=first)) == "ROLLBACK_COMPLETE"
    assert "Embedded stack" in why(cloud, name)
    assert buckets(aws, name) == []


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_what_fails_in_a_nested_stack_fails_after_the_event_that_leads_there(
    aws: Emulator, cloud: Any, name: str, operation: str
) -> None:
    """The CDK's CLI passes over what is older than that event, and so over the reason."""

    def events(stack: str, state: str) -> list[Any]:
        found = cloud.describe_stack_events(StackName=stack)["StackEvents"]
        return [event for event in found if event["ResourceStatus"] == f"{operation}_{state}"]

    bad = outer(uploaded(aws, "bad.json", template(Vpc=VPC, Group=group("it's"))))
    if operation == "CREATE":
        make(cloud, name, bad)
    else:
        make(cloud, name, outer(uploaded(aws, "good.json", template(Vpc=VPC))))
        cloud.update_stack(StackName=name, TemplateBody=bad)
    leading = [e for e in events(name, "IN_PROGRESS") if e["LogicalResourceId"] == "Inner"]
    inner = leading[-1]["PhysicalResourceId"]  # the newest are first
    [failed] = events(inner, "FAILED")
    assert "description" in failed["ResourceStatusReason"]
    began = [event["Timestamp"] for event in events(inner, "IN_PROGRESS")]
    assert leading[-1]["Timestamp"] <= min(began) <= failed["Timestamp"]


def test_data_of_a_finished_nested_stack_goes_when_the_outer_creation_fails(
    aws: Emulator, cloud: Any, name: str
) -> None:
    url = uploaded(aws, "data.json", template(Data=kept_bucket("RetainExceptOnCreate")))
    body = outer(url, Vpc=VPC, Group=group("it's") | {"DependsOn": "Inner"})
    before = len(aws.client("s3").list_buckets()["Buckets"])
    assert make(cloud, name, body) == "ROLLBACK_COMPLETE"
    assert len(aws.client("s3").list_buckets()["Buckets"]) == before


def test_a_nested_stack_is_updated_where_it_is(aws: Emulator, cloud: Any, name: str) -> None:
    def inner(label: str) -> str:
        url = uploaded(
            aws,
            f"{label}.json",
            template(
                Data=kept_bucket("Delete"),
                Topic={"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": label}},
            ),
        )
        return outer(url)

    make(cloud, name, inner("one"))
    before = cloud.describe_stack_resources(StackName=name)["StackResources"][0]
    data = aws.client("s3").list_buckets()["Buckets"]
    cloud.update_stack(StackName=name, TemplateBody=inner("two"))
    assert status(cloud, name) == "UPDATE_COMPLETE"
    after = cloud.describe_stack_resources(StackName=name)["StackResources"][0]
    assert before["PhysicalResourceId"] == after["PhysicalResourceId"]
    assert aws.client("s3").list_buckets()["Buckets"] == data


def test_an_update_may_leave_a_parameter_at_its_default(cloud: Any, name: str) -> None:
    def body(display: str) -> str:
        topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display}}
        wished = {"Wished": {"Type": "String", "Default": "x"}}
        return json.dumps({"Parameters": wished, "Resources": {"Topic": topic}})

    make(cloud, name, body("one"))
    cloud.update_stack(
        StackName=name,
        TemplateBody=body("two"),
        Parameters=[{"ParameterKey": "Wished", "UsePreviousValue": True}],
    )
    assert status(cloud, name) == "UPDATE_COMPLETE"


def test_a_failed_update_goes_back(aws: Emulator, cloud: Any, name: str) -> None:
    make(cloud, name, template(Vpc=VPC, Group=group()))
    added = kept_bucket("RetainExceptOnCreate")
    body = template(Vpc=VPC, Group=group(), Data=added, Rule=egress("it's"))
    cloud.update_stack(StackName=name, TemplateBody=body)
    assert status(cloud, name) == "UPDATE_ROLLBACK_COMPLETE"
    assert buckets(aws, name) == []
    cloud.update_stack(StackName=name, TemplateBody=template(Vpc=VPC, Group=group(), Data=added))
    assert status(cloud, name) == "UPDATE_COMPLETE"
    assert len(buckets(aws, name)) == 1


# Resources that moto only pretends to make.


def test_rules_out_of_a_group_are_there(aws: Emulator, cloud: Any, name: str) -> None:
    assert make(cloud, name, template(Vpc=VPC, Group=group(), Rule=egress("NFS"))) == (
        "CREATE_COMPLETE"
    )
    [made] = aws.client("ec2").describe_security_groups(
        Filters=[
            {"Name": "description", "Values": ["Instances"]},
            {"Name": "egress.ip-permission.to-port", "Values": ["2049"]},
        ]
    )["SecurityGroups"][:1]
    out = [rule for rule in made["IpPermissionsEgress"] if rule.get("ToPort") == 2049]
    assert out[0]["IpRanges"] == [{"CidrIp": "10.0.0.0/16", "Description": "NFS"}]


def role() -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}


def schedule(**target: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Description": "each night",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "cron(17 3 * * ? *)",
            "Target": {
                "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:any",
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                **target,
            },
        },
    }


def test_schedules_alarms_policies_and_budgets_are_there(
    aws: Emulator, cloud: Any, name: str
) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "AlarmDescription": "silence",
            "ComparisonOperator": "LessThanThreshold",
            "EvaluationPeriods": 3,
            "Namespace": "Mine",
            "MetricName": "Success",
            "Dimensions": [{"Name": "Environment", "Value": "dev"}],
            "Period": 3600,
            "Statistic": "Sum",
            "Threshold": 1,
            "TreatMissingData": "breaching",
        },
    }
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Data"},
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": "*",
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
        },
    }
    budget = {
        "Type": "AWS::Budgets::Budget",
        "Properties": {
            "Budget": {
                "BudgetName": name,
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": 10, "Unit": "USD"},
            }
        },
    }
    body = template(
        Role=role(),
        Nightly=schedule(),
        Alarm=alarm,
        Budget=budget,
        Policy=policy,
        Data=kept_bucket("Delete"),
    )
    assert make(cloud, name, body) == "CREATE_COMPLETE", why(cloud, name)
    [alarmed] = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarmed["TreatMissingData"] == "breaching"
    assert alarmed["Dimensions"] == [{"Name": "Environment", "Value": "dev"}]
    [nightly] = aws.client("scheduler").list_schedules(NamePrefix=name)["Schedules"]
    assert nightly["State"] == "ENABLED"
    [bucket] = buckets(aws, name)
    assert "SecureTransport" in aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    budgets = aws.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert name in [b["BudgetName"] for b in budgets]
    cloud.delete_stack(StackName=name)
    assert aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
    assert aws.client("scheduler").list_schedules(NamePrefix=name)["Schedules"] == []
    assert buckets(aws, name) == []


# The Scheduler, as the trigger calls it.


def test_the_scheduler_refuses_a_name_and_a_role_it_may_not_take(aws: Emulator) -> None:
    scheduler, iam = aws.client("scheduler"), aws.client("iam")
    trusted = iam.create_role(
        RoleName=f"r-{uuid.uuid4().hex}", AssumeRolePolicyDocument=json.dumps(TRUST)
    )["Role"]["Arn"]

    def call(**changed: Any) -> dict[str, Any]:
        target = {
            "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:any",
            "RoleArn": changed.pop("role", trusted),
        }
        return {
            "Name": "refresh",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "at(2030-01-01T00:00:00)",
            "Target": target,
            **changed,
        }

    said = refused(scheduler.create_schedule, **call(Name="it's"))
    assert said.startswith("ValidationException")
    assert "Member must satisfy regular expression pattern" in said
    said = refused(scheduler.create_schedule, **call(Description="x" * 513))
    assert "less than or equal to 512" in said
    said = refused(scheduler.create_schedule, **call(role=f"arn:aws:iam::{ACCOUNT}:role/other"))
    assert "must allow AWS EventBridge Scheduler to assume the role" in said
    scheduler.create_schedule(**call())
    said = refused(scheduler.update_schedule, **call(Description="x" * 513))
    assert "less than or equal to 512" in said


UPDATE = "arn:aws:scheduler:::aws-sdk:batch:updateComputeEnvironment"


@pytest.mark.parametrize(
    ("arn", "given", "said"),
    [
        (UPDATE, {"ComputeEnvironment": "Spot", "UpdatePolicy": {}}, None),
        (UPDATE, {"computeEnvironment": "Spot"}, "field computeEnvironment is not one of"),
        (
            UPDATE,
            {"ComputeEnvironment": "Spot", "ComputeResources": {"maxvCpus": 4}},
            "field maxvCpus is not one of",
        ),
        (UPDATE, {"UpdatePolicy": {}}, "ComputeEnvironment is required"),
        ("arn:aws:scheduler:::aws-sdk:batch:listJobs", {}, "only reads"),
        ("arn:aws:scheduler:::aws-sdk:batch:patchAll", {}, "not a supported service"),
    ],
)
def test_a_universal_target_is_a_call_that_there_is(
    cloud: Any, name: str, arn: str, given: Json, said: str | None
) -> None:
    one = schedule(Arn=arn, Input=json.dumps(given))
    ends = make(cloud, name, template(Role=role(), One=one))
    assert ends == ("CREATE_COMPLETE" if said is None else "ROLLBACK_COMPLETE")
    if said is not None:
        assert said in why(cloud, name)


def test_an_alarm_looks_back_a_week_at_most(cloud: Any, name: str) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "ComparisonOperator": "LessThanThreshold",
            "EvaluationPeriods": 169,
            "Period": 3600,
            "Namespace": "Mine",
            "MetricName": "Success",
            "Statistic": "Sum",
            "Threshold": 1,
        },
    }
    assert make(cloud, name, template(One=alarm)) == "ROLLBACK_COMPLETE"
    assert "604800" in why(cloud, name)


# Batch.


def definition(**changed: Any) -> dict[str, Any]:
    container = {
        "Image": "image",
        "JobRoleArn": f"arn:aws:iam::{ACCOUNT}:role/any",
        "ResourceRequirements": [
            {"Type": "VCPU", "Value": "1"},
            {"Type": "MEMORY", "Value": "2048"},
        ],
        "MountPoints": [{"ContainerPath": "/mnt/efs", "SourceVolume": "database"}],
        "Volumes": [
            {
                "Name": "database",
                "EfsVolumeConfiguration": {
                    "FileSystemId": "fs-0123456789abcdef0",
                    "TransitEncryption": "ENABLED",
                    "AuthorizationConfig": {"AccessPointId": "fsap-0123", "Iam": "ENABLED"},
                },
            }
        ],
    }
    return {
        "Type": "AWS::Batch::JobDefinition",
        "Properties": {
            "Type": "container",
            "ContainerProperties": container | changed.pop("container", {}),
            "RetryStrategy": {"Attempts": 3, "EvaluateOnExit": []},
            **changed,
        },
    }


def efs_volume(**changed: Any) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "FileSystemId": "fs-0123456789abcdef0",
        "TransitEncryption": "ENABLED",
        "AuthorizationConfig": {"AccessPointId": "fsap-0123", "Iam": "ENABLED"},
    }
    volume = {"Name": "database", "EfsVolumeConfiguration": configuration | changed}
    return {"container": {"Volumes": [volume]}}


def rule(**when: str) -> dict[str, str]:
    return {"Action": "RETRY", **when}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"RetryStrategy": {"Attempts": 11}}, "between 1 and 10"),
        ({"RetryStrategy": {"Attempts": 0}}, "between 1 and 10"),
        ({"RetryStrategy": {"EvaluateOnExit": [rule(OnReason="*")]}}, "attempts must be specified"),
        (
            {"RetryStrategy": {"Attempts": 2, "EvaluateOnExit": [rule(OnReason="a")] * 6}},
            "less than or equal to 5",
        ),
        (
            {"RetryStrategy": {"Attempts": 2, "EvaluateOnExit": [rule(OnStatusReason="*Spot*")]}},
            "one '*' at most, at the end",
        ),
        (efs_volume(RootDirectory="/data"), "rootDirectory must be omitted"),
        (efs_volume(TransitEncryption="DISABLED"), "transitEncryption must be enabled"),
        ({"container": {"Volumes": []}}, "names volume database, which is not there"),
        ({"container": {"JobRoleArn": ""}}, "jobRoleArn must be specified"),
        (
            {"container": {"Environment": [{"Name": "AWS_BATCH_JQ", "Value": "x"}]}},
            "begin with a letter",
        ),
        ({"Timeout": {"AttemptDurationSeconds": 59}}, "at least 60"),
    ],
)
def test_batch_refuses_a_definition(cloud: Any, name: str, changed: Json, said: str) -> None:
    assert make(cloud, name, template(One=definition(**changed))) == "ROLLBACK_COMPLETE"
    assert said in why(cloud, name)


def test_a_queue_waits_for_ten_minutes_at_least(cloud: Any, name: str) -> None:
    queue = {
        "Type": "AWS::Batch::JobQueue",
        "Properties": {
            "Priority": 1,
            "ComputeEnvironmentOrder": [],
            "JobStateTimeLimitActions": [
                {
                    "Action": "CANCEL",
                    "Reason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
                    "State": "RUNNABLE",
                    "MaxTimeSeconds": 599,
                }
            ],
        },
    }
    assert make(cloud, name, template(One=queue)) == "ROLLBACK_COMPLETE"
    assert "between 600 and 86400" in why(cloud, name)


def test_a_submission_may_not_set_what_batch_sets(aws: Emulator) -> None:
    said = refused(
        aws.client("batch").submit_job,
        jobName="any",
        jobQueue="none",
        jobDefinition="none",
        containerOverrides={"environment": [{"name": "AWS_BATCH_JOB_ID", "value": "1"}]},
    )
    assert "AWS_BATCH_JOB_ID begins with AWS_BATCH" in said


def test_registration_by_the_api_is_as_strict(aws: Emulator) -> None:
    said = refused(
        aws.client("batch").register_job_definition,
        jobDefinitionName="mine",
        type="container",
        containerProperties={"image": "image", "vcpus": 1, "memory": 128},
        retryStrategy={"attempts": 2, "evaluateOnExit": [{"action": "RETRY", "onReason": "*a*"}]},
    )
    assert said.startswith("ClientException")


def test_an_environment_that_mixes_processors_is_invalid(
    aws: Emulator, cloud: Any, name: str
) -> None:
    subnet = {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.0.0/24"},
    }
    profile = {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}}

    def body(*kinds: str) -> str:
        compute = {
            "Type": "AWS::Batch::ComputeEnvironment",
            "Properties": {
                "Type": "managed",
                "ComputeResources": {
                    "Type": "SPOT",
                    "InstanceRole": {"Fn::GetAtt": ["Profile", "Arn"]},
                    "InstanceTypes": list(kinds),
                    "MinvCpus": 0,
                    "MaxvCpus": 4,
                    "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
                    "Subnets": [{"Ref": "Subnet"}],
                },
            },
        }
        return template(
            Vpc=VPC, Subnet=subnet, Group=group(), Role=role(), Profile=profile, Compute=compute
        )

    assert make(cloud, name, body("c7g.large", "optimal")) == "ROLLBACK_COMPLETE"
    assert "INVALID" in why(cloud, name)
    assert make(cloud, f"{name}-2", body("c7g.large", "m7g.large")) == "CREATE_COMPLETE"


@pytest.mark.parametrize("kept", [True, False])
def test_an_update_registers_a_revision_and_takes_the_old_one_away_unless_kept(
    aws: Emulator, cloud: Any, name: str, kept: bool
) -> None:
    """A submission with the revision from before the update, as the trigger may still make it."""
    batch = aws.client("batch")
    policy = {"ResourceRetentionPolicy": {"SkipDeregisterOnUpdate": kept}}
    output = {"Outputs": {"Arn": {"Value": {"Ref": "One"}}}}

    def body(attempts: int) -> str:
        one = definition(RetryStrategy={"Attempts": attempts}, **policy)
        return json.dumps({"Resources": {"One": one}, **output})

    def arn() -> str:
        [stack] = cloud.describe_stacks(StackName=name)["Stacks"]
        return str(stack["Outputs"][0]["OutputValue"])

    make(cloud, name, body(1))
    before = arn()
    cloud.update_stack(StackName=name, TemplateBody=body(2))
    after = arn()
    assert before.rpartition(":")[0] == after.rpartition(":")[0]
    assert (before[-2:], after[-2:]) == (":1", ":2")
    found = batch.describe_job_definitions(jobDefinitions=[before])["jobDefinitions"]
    assert [d["status"] for d in found] == ["ACTIVE" if kept else "INACTIVE"]
    # There is no queue here, and it is looked for after the definition.
    said = refused(batch.submit_job, jobName="refresh", jobQueue="none", jobDefinition=before)
    assert ("is not in an ACTIVE state" in said) == (not kept)
    assert ("Job queue none does not exist" in said) == kept


def test_a_network_goes_with_its_stack(aws: Emulator, cloud: Any, name: str) -> None:
    ref = {"Ref": "Vpc"}
    body = template(
        Vpc=VPC,
        Gateway={"Type": "AWS::EC2::InternetGateway"},
        Attachment={
            "Type": "AWS::EC2::VPCGatewayAttachment",
            "Properties": {"VpcId": ref, "InternetGatewayId": {"Ref": "Gateway"}},
        },
        Subnet={
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": ref, "CidrBlock": "10.0.0.0/24"},
        },
        Table={"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref}},
        Association={
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"RouteTableId": {"Ref": "Table"}, "SubnetId": {"Ref": "Subnet"}},
        },
        Route={
            "Type": "AWS::EC2::Route",
            "DependsOn": "Attachment",
            "Properties": {
                "RouteTableId": {"Ref": "Table"},
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": {"Ref": "Gateway"},
            },
        },
        Endpoint={
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": ref,
                "ServiceName": f"com.amazonaws.{REGION}.s3",
                "VpcEndpointType": "Gateway",
                "RouteTableIds": [{"Ref": "Table"}],
            },
        },
        Group=group(),
    )
    ec2 = aws.client("ec2")

    def there() -> list[int]:
        return [
            len(ec2.describe_vpcs()["Vpcs"]),
            len(ec2.describe_subnets()["Subnets"]),
            len(ec2.describe_route_tables()["RouteTables"]),
            len(ec2.describe_internet_gateways()["InternetGateways"]),
            len(ec2.describe_security_groups()["SecurityGroups"]),
            len(ec2.describe_vpc_endpoints()["VpcEndpoints"]),
        ]

    before = there()
    assert make(cloud, name, body) == "CREATE_COMPLETE", why(cloud, name)
    assert all(now > then for now, then in zip(there(), before, strict=True))
    cloud.delete_stack(StackName=name)
    assert there() == before
