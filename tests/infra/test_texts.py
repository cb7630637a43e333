"""Names, descriptions and tags: each row is broken, kept, and held to AWS's own models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.facts_text import COUNTS, LAMBDA_RESERVED, TEMPLATE, TEXTS, Text
from infra.rules_text import TEXT_RULES, counts, function_variables, reach, texts
from infra.templates import StackTemplates
from tests.infra.conftest import Synthesized, synthesize

ROWS = [(kind, path) for kind, rows in TEXTS.items() for path in rows]
NAMES = [f"{kind} {path}" for kind, path in ROWS]

NOT_OURS = {
    "AWS::EC2::LaunchTemplate": {"LaunchTemplateData.BlockDeviceMappings[].DeviceName"},
    "AWS::EC2::VPCEndpoint": {"ServiceName"},
    "AWS::CloudFormation::Stack": {"Parameters"},
    "AWS::Batch::JobDefinition": {"PropagateTags"},
    "AWS::Lambda::Permission": {"FunctionName"},
}
"""Properties that name what AWS has, or that only end like a name."""


def around(kind: str, path: str, value: Any) -> StackTemplates:
    """Return one stack with one resource that has `value` at `path`."""
    body: Any = value
    for step in reversed(path.split(".")):
        name = re.sub(r"\[\]|\{keys\}|\{values\}", "", step)
        if step.endswith("[]"):
            body = [body]
        elif step.endswith("{keys}"):
            body = {body: {"Type": "AWS::SNS::Topic"}}
        elif step.endswith("{values}"):
            body = {"one": body}
        body = {name: body}
    if kind == TEMPLATE:
        return StackTemplates("Some", {"some.json": {"Resources": {}, **body}})
    resources = {"One": {"Type": kind, "Properties": body}}
    return StackTemplates("Some", {"some.json": {"Resources": resources}})


def found(kind: str, path: str, value: Any) -> list[str]:
    return [trouble.what for trouble in texts(around(kind, path, value), None)]


def accepted(text: Text) -> st.SearchStrategy[str]:
    """Texts that a service accepts."""
    if text.shape is not None and text.stray("é"):
        made = st.from_regex(text.pattern, fullmatch=True)
        return made.filter(lambda value: text.shortest <= len(value) <= text.longest)
    alphabet = [c for c in (*map(chr, range(0x180)), "漢", "😀") if not text.stray(c)]
    longest = min(text.longest, 300) // (4 if text.in_bytes else 1)
    return st.text(st.sampled_from(alphabet), min_size=text.shortest, max_size=longest).filter(
        lambda value: text.pattern.fullmatch(value)
    )


def sound_and_stray(text: Text) -> tuple[str, str]:
    """Return a character that is accepted and one that is not."""
    sound = next(c for c in "a0A" if not text.stray(c))
    return sound, next(c for c in ("'", "\x00", "\x7f") if text.stray(c))


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_our_texts_are_accepted(synthesized: Synthesized, name: str) -> None:
    assert [str(t) for rule in TEXT_RULES for t in rule(synthesized.stacks[name], None)] == []


@pytest.mark.parametrize(("kind", "path"), ROWS, ids=NAMES)
def test_a_character_that_is_not_accepted_is_named(kind: str, path: str) -> None:
    text = TEXTS[kind][path]
    one, stray = sound_and_stray(text)
    for value in (
        f"{one}{stray}{one}",
        {"Fn::Join": ["", [one, {"Ref": "AWS::Region"}, f"{stray}{one}"]]},
        {"Fn::Join": [stray, [{"Ref": "AWS::Region"}, {"Ref": "AWS::Region"}]]},
        {"Fn::Sub": f"{one}{stray}${{AWS::Region}}"},
        {"Fn::If": ["Never", f"{stray}", {"Ref": "AWS::NoValue"}]},
    ):
        if path.endswith("{keys}") and not isinstance(value, str):
            continue
        [said] = found(kind, path, value)
        assert f"has {stray!r}; only [{text.characters}]" in said
        assert text.source in said
        assert said.endswith(".")


@pytest.mark.parametrize(("kind", "path"), ROWS, ids=NAMES)
def test_a_text_too_long_or_too_short_is_refused(kind: str, path: str) -> None:
    text = TEXTS[kind][path]
    one, _ = sound_and_stray(text)
    assert found(kind, path, one * (text.longest + 1))
    if not path.endswith("{keys}"):
        assert found(kind, path, {"Fn::Sub": one * (text.longest + 1) + "${AWS::Region}"})
    if text.shortest > 0:
        assert found(kind, path, one * (text.shortest - 1))


@pytest.mark.parametrize(("kind", "path"), ROWS, ids=NAMES)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_whatever_the_table_allows_passes(kind: str, path: str, data: st.DataObject) -> None:
    assert found(kind, path, data.draw(accepted(TEXTS[kind][path]))) == []


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("AWS::EC2::SecurityGroupEgress", "Description", "The file system's mount targets"),
        ("AWS::EC2::SecurityGroupEgress", "Description", "a rule & a peer"),
        ("AWS::EC2::SecurityGroup", "GroupName", "sg-mine"),
        ("AWS::SSM::Parameter", "Name", "/aws/mine"),
        ("AWS::SSM::Parameter", "Name", "SsmMine"),
        ("AWS::SSM::Parameter", "Name", "/a" * 16),
        ("AWS::SSM::Parameter", "Name", "no/leading/slash"),
        ("AWS::SSM::Parameter", "Value", "{{resolve:this}}"),
        ("AWS::IAM::Policy", "PolicyDocument.Statement[].Sid", "Two words"),
        ("AWS::IAM::Role", "Description", "an em dash —"),
        ("AWS::Logs::LogGroup", "LogGroupName", "aws/mine"),
        ("AWS::S3::Bucket", "BucketName", "two..dots"),
        ("AWS::S3::Bucket", "BucketName", "192.168.0.1"),
        ("AWS::S3::Bucket", "Tags[].Key", "AWS:mine"),
        ("AWS::SSM::Parameter", "Tags{keys}", "aws:mine"),
        ("AWS::EFS::AccessPoint", "RootDirectory.Path", "/a/b/c/d/e"),
        ("AWS::EFS::AccessPoint", "RootDirectory.Path", "cocktails"),
        ("AWS::EFS::AccessPoint", "RootDirectory.CreationInfo.Permissions", "u=rw"),
        ("AWS::Batch::JobDefinition", "RetryStrategy.EvaluateOnExit[].OnReason", "*Spot*"),
        ("AWS::Batch::JobDefinition", "RetryStrategy.EvaluateOnExit[].OnExitCode", "7*5"),
        (
            "AWS::Batch::JobDefinition",
            "ContainerProperties.Environment[].Name",
            "AWS_BATCH_JOB_NAME",
        ),
        ("AWS::Batch::JobQueue", "JobStateTimeLimitActions[].Reason", "NO:CAPACITY"),
        *(
            ("AWS::Lambda::Function", "Environment.Variables{keys}", name)
            for name in (*LAMBDA_RESERVED, "X", "9LIVES")
        ),
    ],
)
def test_what_only_its_shape_forbids_is_refused(kind: str, path: str, value: str) -> None:
    assert found(kind, path, value)


def test_the_finding_names_resource_property_and_how_to_mend_it() -> None:
    stack = around("AWS::EC2::SecurityGroup", "SecurityGroupEgress[].Description", "it's")
    [trouble] = texts(stack, None)
    assert trouble.where == "some.json/One"
    assert trouble.what.startswith('SecurityGroupEgress[0].Description "it\'s" has "\'"')


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, rows in COUNTS.items() for path in rows]
)
def test_too_many_entries_are_refused(kind: str, path: str) -> None:
    most = COUNTS[kind][path].most

    def entries(number: int) -> dict[str, Any]:
        return {f"k{n}": {"Type": "AWS::SNS::Topic"} for n in range(number)}

    assert list(counts(around(kind, path, entries(most)), None)) == []
    [trouble] = counts(around(kind, path, entries(most + 1)), None)
    assert f"{most + 1} entries; {most} are accepted" in trouble.what
    if kind != TEMPLATE:
        assert list(counts(around(kind, path, list(entries(most + 1))), None))


def test_all_variables_of_a_function_share_four_kilobytes() -> None:
    def of(size: int) -> StackTemplates:
        variables = {"A1": "x" * (size - 4), "B1": {"Ref": "AWS::Region"}}
        return around("AWS::Lambda::Function", "Environment", {"Variables": variables})

    assert list(function_variables(of(4096), None)) == []
    assert [t.rule for t in function_variables(of(4097), None)] == ["function-variables"]


# Completeness: what our templates use has a row.


@pytest.fixture(scope="module")
def all_ours(
    synthesized: Synthesized, tmp_path_factory: pytest.TempPathFactory
) -> list[StackTemplates]:
    """Every stack that some setting leads to, as far as it brings in other resources."""
    wishes = {
        "dev": {"network_mode": "nat", "alarm_email": "bar@example.org"},
        "prod": {"network_mode": "endpoints"},
    }
    widest = synthesize(tmp_path_factory.mktemp("cdk.out"), wishes)
    return [*synthesized.stacks.values(), *widest.stacks.values()]


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each property, in the table's spelling but for mappings."""
    if isinstance(value, list):
        for entry in value:
            yield from paths(entry, f"{path}[]")
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key != "Ref" and not key.startswith("Fn::"):
                below = f"{path}.{key}".removeprefix(".")
                yield below
                yield from paths(entry, below)


def test_every_name_description_and_tag_of_ours_has_a_row(all_ours: list[StackTemplates]) -> None:
    missing = set()
    for stack in all_ours:
        for resource in stack.resources():
            rows = TEXTS.get(resource.type, {})
            spelled = {re.sub(r"\{(keys|values)\}", "", row) for row in rows}
            for path in paths(resource.properties):
                if path in NOT_OURS.get(resource.type, ()) or path.startswith("Parameters."):
                    continue
                if re.search(r"(Name|Description|Sid|\.Id|Reason|Token)$", path):
                    inside = any(path.startswith(f"{row}.") for row in spelled)
                    if path not in spelled and not inside:
                        missing.add((resource.type, path))
                if path.endswith("Tags") and not (
                    {f"{path}[].Key", f"{path}{{keys}}"} & set(rows) and COUNTS[resource.type][path]
                ):
                    missing.add((resource.type, path))
    assert missing == set()


def test_every_type_of_ours_that_can_be_tagged_has_rows_for_its_tags(
    all_ours: list[StackTemplates],
) -> None:
    """Which property holds a type's tags, CloudFormation's own schema says."""
    untagged = {
        "AWS::IAM::InstanceProfile",  # cannot be tagged by CloudFormation
        "AWS::EFS::MountTarget",
    }
    missing = set()
    for stack in all_ours:
        for kind in {resource.type for resource in stack.resources()} - untagged:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
            named = schema.get("tagging", {}).get("tagProperty", "").rpartition("/")[2]
            if named and named in schema["properties"]:
                rows = TEXTS.get(kind, {})
                if not {f"{named}[].Key", f"{named}{{keys}}"} & set(rows):
                    missing.add((kind, named))
    assert missing == set()


def test_every_row_names_a_property_that_cloudformation_knows() -> None:
    """A path with a slip of the pen would check nothing."""
    unknown = set()
    for kind, path in ROWS:
        if kind == TEMPLATE:
            continue
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        if not known(schema, schema, re.sub(r"\[\]|\{keys\}|\{values\}", "", path).split(".")):
            unknown.add((kind, path))
    assert unknown == set()


def known(schema: dict[str, Any], part: dict[str, Any], names: list[str]) -> bool:
    while "$ref" in part or part.get("type") == "array":
        if "$ref" in part:
            part = schema["definitions"][part["$ref"].rpartition("/")[2]]
        else:
            part = part["items"]
    if not names or "properties" not in part:
        return True  # a document, or a mapping with keys of its owner's choice
    return names[0] in part["properties"] and known(schema, part["properties"][names[0]], names[1:])


def test_reach_follows_lists_mappings_and_conditions() -> None:
    body = {"A": {"Fn::If": ["C", [{"B": 1}, {"B": 2}], {"Ref": "AWS::NoValue"}]}, "M": {"k": "v"}}
    assert list(reach(body, "A[].B")) == [("A[0].B", 1), ("A[1].B", 2)]
    assert list(reach(body, "M{keys}")) == [("M.k", "k")]
    assert list(reach(body, "M{values}")) == [("M.k", "v")]
    assert list(reach(body, "A[].C")) == []
    assert list(reach({"M": {"Refresh": "v"}}, "M{keys}")) == [("M.Refresh", "Refresh")]
    assert list(reach({"M": {"Ref": "Other"}}, "M{keys}")) == []


# Held to AWS's own models, which were written by others: boto3 ships them.

MODELS = {
    "AWS::IAM::Role": {
        "RoleName": "iam CreateRole RoleName",
        "Description": "iam CreateRole Description",
        "Tags[].Key": "iam CreateRole Tags.Key",
        "Tags[].Value": "iam CreateRole Tags.Value",
    },
    "AWS::IAM::Policy": {
        "PolicyName": "iam PutRolePolicy PolicyName",
    },
    "AWS::IAM::ManagedPolicy": {
        "ManagedPolicyName": "iam CreatePolicy PolicyName",
        "Description": "iam CreatePolicy Description",
    },
    "AWS::IAM::InstanceProfile": {
        "InstanceProfileName": "iam CreateInstanceProfile InstanceProfileName",
    },
    "AWS::Scheduler::Schedule": {
        "Name": "scheduler CreateSchedule Name",
        "GroupName": "scheduler CreateSchedule GroupName",
        "Description": "scheduler CreateSchedule Description",
        "ScheduleExpression": "scheduler CreateSchedule ScheduleExpression",
        "ScheduleExpressionTimezone": "scheduler CreateSchedule ScheduleExpressionTimezone",
    },
    "AWS::Scheduler::ScheduleGroup": {
        "Name": "scheduler CreateScheduleGroup Name",
        "Tags[].Value": "scheduler CreateScheduleGroup Tags.Value",
    },
    "AWS::Events::Rule": {
        "Name": "events PutRule Name",
        "Description": "events PutRule Description",
        "Targets[].Id": "events PutTargets Targets.Id",
        "Targets[].InputTransformer.InputTemplate": (
            "events PutTargets Targets.InputTransformer.InputTemplate"
        ),
    },
    "AWS::CloudWatch::Alarm": {
        "AlarmName": "cloudwatch PutMetricAlarm AlarmName",
        "AlarmDescription": "cloudwatch PutMetricAlarm AlarmDescription",
        "Namespace": "cloudwatch PutMetricAlarm Namespace",
        "MetricName": "cloudwatch PutMetricAlarm MetricName",
        "Dimensions[].Name": "cloudwatch PutMetricAlarm Dimensions.Name",
        "Dimensions[].Value": "cloudwatch PutMetricAlarm Dimensions.Value",
    },
    "AWS::SSM::Parameter": {
        "Name": "ssm PutParameter Name",
        "Description": "ssm PutParameter Description",
        "Tags{keys}": "ssm PutParameter Tags.Key",
        "Tags{values}": "ssm PutParameter Tags.Value",
    },
    "AWS::Logs::LogGroup": {
        "LogGroupName": "logs CreateLogGroup logGroupName",
    },
    "AWS::EFS::AccessPoint": {
        "RootDirectory.Path": "efs CreateAccessPoint RootDirectory.Path",
        "RootDirectory.CreationInfo.Permissions": (
            "efs CreateAccessPoint RootDirectory.CreationInfo.Permissions"
        ),
        "ClientToken": "efs CreateAccessPoint ClientToken",
        "AccessPointTags[].Key": "efs CreateAccessPoint Tags.Key",
    },
    "AWS::EFS::FileSystem": {
        "FileSystemTags[].Value": "efs CreateFileSystem Tags.Value",
    },
    "AWS::EC2::LaunchTemplate": {
        "LaunchTemplateName": "ec2 DescribeLaunchTemplates LaunchTemplateNames",
        "VersionDescription": "ec2 CreateLaunchTemplate VersionDescription",
    },
    "AWS::Lambda::Function": {
        "Description": "lambda CreateFunction Description",
        "FunctionName": "lambda CreateFunction FunctionName",
    },
    "AWS::Budgets::Budget": {
        "Budget.BudgetName": "budgets CreateBudget Budget.BudgetName",
        "ResourceTags[].Key": "budgets CreateBudget ResourceTags.Key",
    },
    "AWS::CloudFormation::Stack": {
        "Tags[].Key": "cloudformation CreateStack Tags.Key",
        "Tags[].Value": "cloudformation CreateStack Tags.Value",
    },
}
"""Of a row, the operation and the member of its request that take the text."""

SESSION = botocore.session.get_session()


def modelled(service: str, operation: str, path: str) -> dict[str, Any]:
    shape: Any = SESSION.get_service_model(service).operation_model(operation).input_shape
    for name in path.split("."):
        if shape.type_name == "list":
            shape = shape.member
        shape = shape.members[name]
    if shape.type_name == "list":
        shape = shape.member
    return dict(shape.metadata) | {
        key: shape._shape_model[key] for key in ("pattern",) if key in shape._shape_model
    }


def in_python(pattern: str) -> str:
    """Translate what Java's expressions have and Python's have not; letters by their class."""
    for java, python in (
        (r"\p{L}", r"\w"),
        (r"\p{N}", r"\d"),
        (r"\p{Z}", r"\s"),
        ("|(?i).*<script>.*</script>.*", ""),
    ):
        pattern = pattern.replace(java, python)
    return pattern


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, rows in MODELS.items() for path in rows]
)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_table_accepts_nothing_that_the_services_own_model_refuses(
    kind: str, path: str, data: st.DataObject
) -> None:
    text, model = TEXTS[kind][path], modelled(*MODELS[kind][path].split())
    assert text.longest <= model.get("max", text.longest)
    assert text.shortest >= model.get("min", 0)
    if "pattern" in model:
        value = data.draw(accepted(text))
        assert re.fullmatch(in_python(model["pattern"]), value), (value, model["pattern"])
