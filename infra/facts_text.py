"""What each AWS service accepts in names, descriptions and tags, and where that is written.

`TEXTS` goes by resource type and property; `COUNTS` says how many entries a property takes. The
CDK lets everything pass; the service refuses the resource, and the stack rolls back. Where a page
names a set, it is given as it stands; where it names none, the strictest reading that holds our
texts, and the source says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

TEMPLATE = "template"
"""Stands for the template itself where `TEXTS` and `COUNTS` name a resource type."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a service accepts in one text.

    Attributes
    ----------
    characters
        What a character class of a regular expression holds between its brackets.
    longest, shortest
        Length in characters, both included.
    source
        The page that says so.
    shape
        Regular expression on the whole text, where characters alone say too little.
    words
        The shape in words.
    in_bytes
        Whether the length counts bytes of UTF-8.
    """

    characters: str
    longest: int
    source: str
    shortest: int = 0
    shape: str | None = None
    words: str = ""
    in_bytes: bool = False

    @property
    def pattern(self) -> re.Pattern[str]:
        """Regular expression on a whole text, the length left out."""
        return re.compile(self.shape or f"[{self.characters}]*")

    def fault(self, text: str) -> str | None:
        """Say what the service would refuse in a text, None when it accepts it."""
        misshapen = None if self.pattern.fullmatch(text) else f"is not {self.words}"
        return self.stray(text) or self._length(text) or misshapen

    def stray(self, text: str) -> str | None:
        """Name the first character that is not accepted, None when all are."""
        found = re.search(f"[^{self.characters}]", text)
        if found is None:
            return None
        return f"has {found[0]!r}; only [{self.characters}] is accepted"

    def _length(self, text: str) -> str | None:
        length = len(text.encode()) if self.in_bytes else len(text)
        if self.shortest <= length <= self.longest:
            return None
        unit = "bytes" if self.in_bytes else "characters"
        return f"has {length} {unit}; {self.shortest} to {self.longest} are accepted"


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries a list or a mapping may have."""

    most: int
    source: str


_ANY = r"\t\n\r\x20-\x7e\x80-\U0010ffff"
"""A page that names no set: anything but control characters."""

# A rule that names addresses may have `&`; one that names a group or a prefix list may not.
_GROUP = r"a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*"
_GROUP_PEER = r"a-zA-Z0-9. _\-:/()#,@\[\]+=;{}!$*"
_RULE = Text(
    _GROUP_PEER,
    255,
    "EC2 API, IpRange, UserIdGroupPair and PrefixListId, Description; the narrowest of them",
)

_IAM_NAME = r"a-zA-Z0-9_+=,.@\-"
_LATIN_1 = r"\t\n\r\x20-\x7e\xa1-\xff"
_SID = Text(
    "a-zA-Z0-9",
    255,
    "IAM User Guide, JSON policy elements: Sid; some resource policies accept more, not confirmed",
)

_SCHEDULER_NAME = Text(r"0-9a-zA-Z\-_.", 64, "EventBridge Scheduler API, CreateSchedule, Name", 1)
_EVENTS_NAME = Text(r".\-_A-Za-z0-9", 64, "EventBridge API, PutRule, Name", 1)
_BATCH_NAME = r"A-Za-z0-9_\-"

_EFS_PATH = r"A-Za-z0-9 !\"%'()+,\-.:=@\[\]_~\\"

_TAG = r"\w .:/=+@\-"
_TAG_KEY = Text(
    _TAG,
    127,
    "Tagging AWS Resources, tag naming limits: 128, in EC2 127; no prefix aws:",
    1,
    rf"(?!(?i:aws:))[{_TAG}]+",
    "a tag's key: they may not begin with aws:",
)
_TAG_VALUE = Text(
    _TAG,
    256,
    "Tagging AWS Resources, tag naming limits; Batch keeps aws: from values too",
    0,
    rf"(?!(?i:aws:))[{_TAG}]*",
    "a tag's value: they may not begin with aws:",
)

LAMBDA_RESERVED = (
    *("_HANDLER", "_X_AMZN_TRACE_ID", "TZ", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    *("AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
)
"""Variables that Lambda sets itself (Lambda Developer Guide, defined runtime variables)."""

LAMBDA_ENVIRONMENT_BYTES = 4096
"""All names and values of a function's variables together (Lambda quotas)."""

_STUCK_REASONS = (
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
)
_RETRY_REASON = Text(
    r"A-Za-z0-9.:\s*",
    512,
    "Batch API, EvaluateOnExit",
    shape=r"[A-Za-z0-9.:\s]*\*?",
    words="a pattern of letters, digits, '.', ':' and white space with one '*' at most, at the end",
)

_RETRY_CODE = replace(
    _RETRY_REASON,
    characters="0-9*",
    shape=r"[0-9]*\*?",
    words="a pattern of digits with one '*' at most, at the end",
)

_TAG_LISTS: Mapping[str, tuple[str, ...]] = {
    **{
        f"AWS::{kind}": ("Tags",)
        for kind in (
            *("CloudFormation::Stack", "CloudWatch::Alarm"),
            *("CloudWatch::Dashboard", "EC2::EIP", "EC2::InternetGateway", "EC2::NatGateway"),
            *("EC2::RouteTable", "EC2::SecurityGroup", "EC2::Subnet", "EC2::VPC"),
            *("EC2::VPCEndpoint", "ECR::Repository", "Events::Rule"),
            *("IAM::Role", "KMS::Key", "Lambda::Function", "Logs::LogGroup", "S3::Bucket"),
            *("SNS::Topic", "SQS::Queue", "Scheduler::ScheduleGroup"),
        )
    },
    "AWS::Budgets::Budget": ("ResourceTags",),
    "AWS::EC2::LaunchTemplate": (
        "TagSpecifications[].Tags",
        "LaunchTemplateData.TagSpecifications[].Tags",
    ),
    "AWS::EFS::AccessPoint": ("AccessPointTags",),
    "AWS::EFS::FileSystem": ("FileSystemTags",),
}
"""Where tags are a list of Key and Value."""

_TAG_MAPPINGS: Mapping[str, tuple[str, ...]] = {
    "AWS::Batch::ComputeEnvironment": ("Tags", "ComputeResources.Tags"),
    "AWS::Batch::JobDefinition": ("Tags",),
    "AWS::Batch::JobQueue": ("Tags",),
    "AWS::SSM::Parameter": ("Tags",),
}
"""Where tags are a mapping."""

_FILLED = ("AWS::CloudFormation::Stack", "AWS::EFS::AccessPoint", "AWS::Scheduler::ScheduleGroup")
"""Whose tags may not be empty, by their APIs; EFS's by CloudFormation's schema."""

_OWN: Mapping[str, Mapping[str, Text]] = {
    TEMPLATE: {
        "Description": Text(
            _ANY, 1024, "CloudFormation quotas, template description", in_bytes=True
        ),
        "Outputs{keys}": Text(
            "A-Za-z0-9", 255, "CloudFormation User Guide, Outputs, Logical ID", 1
        ),
        "Outputs{values}.Description": Text(
            _ANY, 1024, "CloudFormation User Guide, Outputs, Description", in_bytes=True
        ),
        "Outputs{values}.Export.Name": Text(
            r"A-Za-z0-9:\-", 255, "CloudFormation API, Export, Name; the set from its refusal", 1
        ),
        "Parameters{keys}": Text("A-Za-z0-9", 255, "CloudFormation quotas, parameter name", 1),
        "Parameters{values}.Description": Text(
            _ANY, 4000, "CloudFormation User Guide, Parameters, Description"
        ),
        "Resources{keys}": Text("A-Za-z0-9", 255, "CloudFormation quotas, resource name", 1),
    },
    "AWS::Batch::ComputeEnvironment": {
        "ComputeEnvironmentName": Text(
            _BATCH_NAME, 128, "Batch API, CreateComputeEnvironment, computeEnvironmentName", 1
        ),
    },
    "AWS::Batch::JobDefinition": {
        "JobDefinitionName": Text(
            _BATCH_NAME, 128, "Batch API, RegisterJobDefinition, jobDefinitionName", 1
        ),
        "ContainerProperties.Environment[].Name": Text(
            "A-Za-z0-9_",
            255,
            "Batch API, ContainerProperties, environment; set and length are the shell's",
            1,
            "(?!AWS_BATCH)[A-Za-z_][A-Za-z0-9_]*",
            "a variable's name: they begin with a letter or '_', and not with AWS_BATCH",
        ),
        "ContainerProperties.Volumes[].Name": Text(_BATCH_NAME, 255, "Batch API, Volume, name", 1),
        "ContainerProperties.MountPoints[].SourceVolume": Text(
            _BATCH_NAME, 255, "Batch API, Volume, name", 1
        ),
        "RetryStrategy.EvaluateOnExit[].OnReason": _RETRY_REASON,
        "RetryStrategy.EvaluateOnExit[].OnStatusReason": _RETRY_REASON,
        "RetryStrategy.EvaluateOnExit[].OnExitCode": _RETRY_CODE,
    },
    "AWS::Batch::JobQueue": {
        "JobQueueName": Text(_BATCH_NAME, 128, "Batch API, CreateJobQueue, jobQueueName", 1),
        "JobStateTimeLimitActions[].Reason": Text(
            "A-Z_:",
            255,
            "Batch User Guide, automatic remediation with jobStateTimeLimitActions",
            1,
            "|".join(_STUCK_REASONS),
            f"one of {', '.join(_STUCK_REASONS)}",
        ),
    },
    "AWS::Budgets::Budget": {
        "Budget.BudgetName": Text(
            r"\w .+=@\-",
            100,
            "Budgets API, Budget, BudgetName; ':', '\\' and '/action/' are named, the set is ours",
            1,
        ),
    },
    "AWS::CloudWatch::Alarm": {
        "AlarmName": Text(r"\x20-\x7e\xa0-\U0010ffff", 255, "CloudWatch API, PutMetricAlarm", 1),
        "AlarmDescription": Text(_ANY, 1024, "CloudWatch API, PutMetricAlarm, AlarmDescription"),
        "MetricName": Text(r"\x20-\x7e", 255, "CloudWatch API, PutMetricAlarm; the set is ours", 1),
        "Namespace": Text(
            r"0-9A-Za-z.\-_/#: ",
            255,
            "CloudWatch User Guide, namespaces",
            1,
            r"(?!:)[0-9A-Za-z.\-_/#: ]+",
            "a namespace: they do not begin with a colon",
        ),
        "Dimensions[].Name": Text(
            r"\x21-\x7e",
            255,
            "CloudWatch API, Dimension, Name",
            1,
            r"(?!:)[\x21-\x7e]+",
            "a dimension's name: they do not begin with a colon",
        ),
        "Dimensions[].Value": Text(r"\x20-\x7e", 1024, "CloudWatch API, Dimension, Value", 1),
    },
    "AWS::CloudWatch::Dashboard": {
        "DashboardName": Text(r"A-Za-z0-9\-_", 255, "CloudWatch API, PutDashboard", 1),
    },
    "AWS::EC2::LaunchTemplate": {
        "LaunchTemplateName": Text(r"a-zA-Z0-9().\-/_", 128, "EC2 API, LaunchTemplate", 3),
        "VersionDescription": Text(_ANY, 255, "EC2 API, LaunchTemplateVersion"),
    },
    "AWS::EC2::SecurityGroup": {
        "GroupName": Text(
            _GROUP,
            255,
            "EC2 API, CreateSecurityGroup, GroupName",
            1,
            rf"(?!sg-)[{_GROUP}]+",
            "a group's name: they may not begin with sg-",
        ),
        "GroupDescription": Text(_GROUP, 255, "EC2 API, CreateSecurityGroup, Description", 1),
        "SecurityGroupEgress[].Description": _RULE,
        "SecurityGroupIngress[].Description": _RULE,
    },
    "AWS::EC2::SecurityGroupEgress": {"Description": _RULE},
    "AWS::EC2::SecurityGroupIngress": {"Description": _RULE},
    "AWS::EC2::VPCEndpoint": {"PolicyDocument.Statement[].Sid": _SID},
    "AWS::EFS::AccessPoint": {
        "ClientToken": Text(r"\x21-\x7e", 64, "EFS API, CreateAccessPoint, ClientToken", 1),
        "RootDirectory.Path": Text(
            _EFS_PATH + "/",
            100,
            "EFS API, RootDirectory, Path",
            1,
            rf"/|(/(?!\.)[{_EFS_PATH}]+){{1,4}}",
            "a path of one to four folders from the root, none beginning with a dot",
        ),
        "RootDirectory.CreationInfo.Permissions": Text(
            "0-7", 4, "EFS API, CreationInfo, Permissions", 3
        ),
    },
    "AWS::EFS::FileSystem": {"FileSystemPolicy.Statement[].Sid": _SID},
    "AWS::Events::Rule": {
        "Name": _EVENTS_NAME,
        "Description": Text(_ANY, 512, "EventBridge API, PutRule, Description"),
        "Targets[].Id": replace(_EVENTS_NAME, source="EventBridge API, Target, Id"),
        "Targets[].InputTransformer.InputPathsMap{keys}": Text(
            r"A-Za-z0-9_\-",
            256,
            "EventBridge API, InputTransformer, InputPathsMap; AWS is reserved",
            1,
            r"(?!AWS)[A-Za-z0-9_\-]+",
            "a name for a part of the event: they may not begin with AWS",
        ),
        "Targets[].InputTransformer.InputTemplate": Text(
            _ANY, 8192, "EventBridge API, InputTransformer, InputTemplate", 1
        ),
    },
    "AWS::IAM::InstanceProfile": {
        "InstanceProfileName": Text(_IAM_NAME, 128, "IAM API, CreateInstanceProfile", 1),
    },
    "AWS::IAM::ManagedPolicy": {
        "ManagedPolicyName": Text(_IAM_NAME, 128, "IAM API, CreatePolicy, PolicyName", 1),
        "Description": Text(
            _LATIN_1, 1000, "IAM API, CreatePolicy, Description; the set is the role's"
        ),
        "PolicyDocument.Statement[].Sid": _SID,
    },
    "AWS::IAM::Policy": {
        "PolicyName": Text(_IAM_NAME, 128, "IAM API, PutRolePolicy, PolicyName", 1),
        "PolicyDocument.Statement[].Sid": _SID,
    },
    "AWS::IAM::Role": {
        "RoleName": Text(_IAM_NAME, 64, "IAM API, CreateRole, RoleName", 1),
        "Description": Text(_LATIN_1, 1000, "IAM API, CreateRole, Description"),
        "AssumeRolePolicyDocument.Statement[].Sid": _SID,
        "Policies[].PolicyName": Text(_IAM_NAME, 128, "IAM API, PutRolePolicy, PolicyName", 1),
        "Policies[].PolicyDocument.Statement[].Sid": _SID,
    },
    "AWS::Lambda::Function": {
        "FunctionName": Text(r"a-zA-Z0-9_\-", 64, "Lambda API, CreateFunction, FunctionName", 1),
        "Description": Text(_ANY, 256, "Lambda API, CreateFunction, Description"),
        "Environment.Variables{keys}": Text(
            "a-zA-Z0-9_",
            LAMBDA_ENVIRONMENT_BYTES,
            "Lambda API, Environment; Developer Guide, reserved environment variables",
            2,
            rf"(?!(?:{'|'.join(LAMBDA_RESERVED)})$)[a-zA-Z][a-zA-Z0-9_]+",
            "a variable's name: they begin with a letter, and Lambda keeps its own to itself",
        ),
    },
    "AWS::Logs::LogGroup": {
        "LogGroupName": Text(
            r".\-_/#A-Za-z0-9",
            512,
            "CloudWatch Logs API, CreateLogGroup",
            1,
            r"(?!aws/)[.\-_/#A-Za-z0-9]+",
            "a log group's name: they may not begin with aws/",
        ),
    },
    "AWS::S3::Bucket": {
        "BucketName": Text(
            r"a-z0-9.\-",
            63,
            "S3 User Guide, bucket naming rules",
            3,
            r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3)$)"
            r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.\-]+[a-z0-9]",
            "a bucket's name by the naming rules",
        ),
        "LifecycleConfiguration.Rules[].Id": Text(
            r"\x20-\x7e", 255, "S3 API, LifecycleRule, ID; the set is ours", 1
        ),
    },
    "AWS::S3::BucketPolicy": {"PolicyDocument.Statement[].Sid": _SID},
    "AWS::SNS::Topic": {
        "TopicName": Text(r"A-Za-z0-9_\-", 256, "SNS API, CreateTopic, Name", 1),
        "DisplayName": Text(
            r"\x20-\x7e", 100, "SNS Developer Guide, creating a topic; ASCII is our reading"
        ),
    },
    "AWS::SNS::TopicPolicy": {"PolicyDocument.Statement[].Sid": _SID},
    "AWS::SQS::Queue": {
        "QueueName": Text(r"A-Za-z0-9_\-", 80, "SQS API, CreateQueue, QueueName", 1),
    },
    "AWS::SQS::QueuePolicy": {"PolicyDocument.Statement[].Sid": _SID},
    "AWS::SSM::Parameter": {
        "Name": Text(
            r"a-zA-Z0-9_.\-/",
            # The service takes 1,011 with the ARN before the name, which is 60 at most.
            950,
            "Systems Manager API, PutParameter, Name",
            1,
            r"(?!/?(?i:aws|ssm))([a-zA-Z0-9_.\-]+|(/[a-zA-Z0-9_.\-]+){1,15})",
            "a parameter's name: a path has 15 levels at most, and none begins with aws or ssm",
        ),
        "Description": Text(_ANY, 1024, "Systems Manager API, PutParameter, Description"),
        "Value": Text(
            _ANY,
            4096,
            "Systems Manager API, PutParameter, Value, standard tier",
            1,
            rf"(?s:(?!.*\{{\{{)[{_ANY}]*)",
            "a value: '{{' would be a reference to another parameter",
            in_bytes=True,
        ),
    },
    "AWS::Scheduler::Schedule": {
        "Name": _SCHEDULER_NAME,
        "GroupName": _SCHEDULER_NAME,
        "Description": Text(_ANY, 512, "EventBridge Scheduler API, CreateSchedule, Description"),
        "ScheduleExpression": Text(
            r"\x20-\x7e", 256, "EventBridge Scheduler API, CreateSchedule, ScheduleExpression", 1
        ),
        "ScheduleExpressionTimezone": Text(
            r"A-Za-z0-9_+\-/", 50, "EventBridge Scheduler API; the set is the time zone base's", 1
        ),
    },
    "AWS::Scheduler::ScheduleGroup": {
        "Name": replace(_SCHEDULER_NAME, source="EventBridge Scheduler API, CreateScheduleGroup"),
    },
}

_TYPES = sorted({*_OWN, *_TAG_LISTS, *_TAG_MAPPINGS})


def _tags(kind: str) -> dict[str, Text]:
    value = replace(_TAG_VALUE, shortest=int(kind in _FILLED))
    lists, mappings = _TAG_LISTS.get(kind, ()), _TAG_MAPPINGS.get(kind, ())
    return {
        **{f"{path}[].Key": _TAG_KEY for path in lists},
        **{f"{path}[].Value": value for path in lists},
        **{f"{path}{{keys}}": _TAG_KEY for path in mappings},
        **{f"{path}{{values}}": value for path in mappings},
    }


TEXTS: Mapping[str, Mapping[str, Text]] = {
    kind: {**_OWN.get(kind, {}), **_tags(kind)} for kind in _TYPES
}
"""By resource type and property: `[]` is each entry of a list, `{keys}` and `{values}` those of
a mapping."""

_OWN_COUNTS: Mapping[str, Mapping[str, Count]] = {
    TEMPLATE: {
        "Outputs": Count(200, "CloudFormation quotas"),
        "Parameters": Count(200, "CloudFormation quotas"),
        "Resources": Count(500, "CloudFormation quotas"),
    },
    "AWS::Batch::ComputeEnvironment": {
        "ComputeResources.Ec2Configuration": Count(2, "Batch API, ComputeResource"),
    },
    "AWS::Batch::JobDefinition": {
        "RetryStrategy.EvaluateOnExit": Count(5, "Batch API, RetryStrategy, evaluateOnExit"),
    },
    "AWS::Batch::JobQueue": {
        "ComputeEnvironmentOrder": Count(3, "Batch API, CreateJobQueue, computeEnvironmentOrder"),
    },
    "AWS::Budgets::Budget": {
        "NotificationsWithSubscribers": Count(5, "Budgets API, CreateBudget"),
        "NotificationsWithSubscribers[].Subscribers": Count(11, "Budgets API, CreateBudget"),
    },
    "AWS::CloudWatch::Alarm": {
        "AlarmActions": Count(5, "CloudWatch API, PutMetricAlarm, AlarmActions"),
        "Dimensions": Count(30, "CloudWatch API, PutMetricAlarm, Dimensions"),
        "OKActions": Count(5, "CloudWatch API, PutMetricAlarm, OKActions"),
    },
    "AWS::EC2::SecurityGroup": {
        "SecurityGroupEgress": Count(60, "Amazon VPC quotas, rules per security group"),
        "SecurityGroupIngress": Count(60, "Amazon VPC quotas, rules per security group"),
    },
    "AWS::Events::Rule": {
        "Targets": Count(5, "EventBridge quotas, targets per rule"),
    },
    "AWS::IAM::Role": {
        "ManagedPolicyArns": Count(10, "IAM quotas, managed policies per role"),
    },
}

_TAGS = Count(50, "Tagging AWS Resources, tag naming limits")

COUNTS: Mapping[str, Mapping[str, Count]] = {
    kind: {
        **_OWN_COUNTS.get(kind, {}),
        **dict.fromkeys((*_TAG_LISTS.get(kind, ()), *_TAG_MAPPINGS.get(kind, ())), _TAGS),
    }
    for kind in _TYPES
}
"""By resource type and property, as `TEXTS`."""
