"""Resources that moto marks CREATE_COMPLETE without making them, made.

Each goes to the backend that also answers the service's own API, so that it can be read back,
and is refused there if its service would refuse it.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from moto.budgets.models import budgets_backends
from moto.cloudwatch.exceptions import ValidationError as CloudWatchValidationError
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, s3_backends
from moto.scheduler.models import scheduler_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.utilities.utils import get_partition


class Made:
    """One resource: how it is called, its attributes, and how it is made and removed.

    Moto finds the direct subclasses of its `CloudFormationModel`, so this is none.
    """

    kind: ClassVar[str]
    name_property: ClassVar[str] = ""

    def __init__(self, name: str, **known: str) -> None:
        self.name = name
        self.known = known
        self.properties: Any = {}

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.name_property

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.kind

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.known[attribute_name]

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        raise NotImplementedError

    def remove(self, properties: Any, account: str, region: str) -> None:
        raise NotImplementedError

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Made:
        properties = cloudformation_json["Properties"]
        made = cls.make(resource_name, properties, account_id, region_name)
        made.properties = properties
        return made

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Made:
        original_resource.delete(account_id, region_name)
        return cls.create_from_cloudformation_json(
            original_resource.name, cloudformation_json, account_id, region_name
        )

    def delete(self, account_id: str, region_name: str) -> None:
        self.remove(self.properties, account_id, region_name)


class ScheduleGroup(Made, CloudFormationModel):
    kind = "AWS::Scheduler::ScheduleGroup"
    name_property = "Name"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        backend = scheduler_backends[account][region]
        group = backend.create_schedule_group(name[-64:], properties.get("Tags", []))
        return cls(group.name, Arn=group.arn)

    def remove(self, properties: Any, account: str, region: str) -> None:
        scheduler_backends[account][region].delete_schedule_group(self.name)


class Schedule(Made, CloudFormationModel):
    kind = "AWS::Scheduler::Schedule"
    name_property = "Name"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        made = scheduler_backends[account][region].create_schedule(
            description=properties.get("Description"),
            end_date=properties.get("EndDate"),
            flexible_time_window=properties["FlexibleTimeWindow"],
            group_name=properties.get("GroupName", "default"),
            kms_key_arn=properties.get("KmsKeyArn"),
            name=name[-64:],
            schedule_expression=properties["ScheduleExpression"],
            schedule_expression_timezone=properties.get("ScheduleExpressionTimezone"),
            start_date=properties.get("StartDate"),
            state=properties.get("State", "ENABLED"),
            target=dict(properties["Target"]),
            action_after_completion=None,
        )
        return cls(made.name, Arn=made.arn, group=made.group_name)

    def remove(self, properties: Any, account: str, region: str) -> None:
        scheduler_backends[account][region].delete_schedule(self.known["group"], self.name)


class Alarm(Made, CloudFormationModel):
    kind = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        _look_back(int(properties["EvaluationPeriods"]), int(properties.get("Period", 60)))
        made = cloudwatch_backends[account][region].put_metric_alarm(
            name=name[-255:],
            namespace=properties.get("Namespace"),
            metric_name=properties.get("MetricName"),
            comparison_operator=properties["ComparisonOperator"],
            evaluation_periods=int(properties["EvaluationPeriods"]),
            datapoints_to_alarm=properties.get("DatapointsToAlarm"),
            period=properties.get("Period"),
            threshold=properties.get("Threshold"),
            statistic=properties.get("Statistic"),
            description=properties.get("AlarmDescription"),
            dimensions=[
                {"Name": d["Name"], "Value": d["Value"]} for d in properties.get("Dimensions", [])
            ],
            alarm_actions=properties.get("AlarmActions", []),
            ok_actions=properties.get("OKActions", []),
            treat_missing_data=properties.get("TreatMissingData"),
            tags=properties.get("Tags", []),
        )
        return cls(made.name, Arn=made.alarm_arn)

    def remove(self, properties: Any, account: str, region: str) -> None:
        cloudwatch_backends[account][region].delete_alarms([self.name])


def _look_back(periods: int, seconds: int) -> None:
    longest = 7 * 86_400 if seconds >= 3600 else 86_400
    if periods * seconds > longest:
        raise CloudWatchValidationError(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be "
            f"<= {longest})."
        )


class Egress(Made, CloudFormationModel):
    kind = "AWS::EC2::SecurityGroupEgress"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        ec2_backends[account][region].authorize_security_group_egress(**cls._rule(properties))
        return cls(name)

    def remove(self, properties: Any, account: str, region: str) -> None:
        ec2_backends[account][region].revoke_security_group_egress(**self._rule(properties))

    @staticmethod
    def _rule(properties: Any) -> dict[str, Any]:
        description = {"Description": properties.get("Description")}
        ranges, groups = properties.get("CidrIp"), properties.get("DestinationSecurityGroupId")
        return {
            "group_name_or_id": properties["GroupId"],
            "ip_protocol": properties["IpProtocol"],
            "from_port": properties.get("FromPort"),
            "to_port": properties.get("ToPort"),
            "ip_ranges": [{"CidrIp": ranges, **description}] if ranges else [],
            "source_groups": [{"GroupId": groups, **description}] if groups else [],
        }


class BucketPolicy(Made, CloudFormationModel):
    kind = "AWS::S3::BucketPolicy"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        bucket, policy = properties["Bucket"], json.dumps(properties["PolicyDocument"])
        backend = s3_backends[account][get_partition(region)]
        backend.put_bucket_policy(bucket, policy.encode())
        return cls(bucket)

    def remove(self, properties: Any, account: str, region: str) -> None:
        s3_backends[account][get_partition(region)].delete_bucket_policy(self.name)


class TopicPolicy(Made, CloudFormationModel):
    kind = "AWS::SNS::TopicPolicy"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        for topic in properties["Topics"]:
            sns_backends[account][region].get_topic(topic).policy = json.dumps(
                properties["PolicyDocument"]
            )
        return cls(name)

    def remove(self, properties: Any, account: str, region: str) -> None:
        """The topic goes with its policy."""


class Subscription(Made, CloudFormationModel):
    kind = "AWS::SNS::Subscription"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        backend = sns_backends[account][region]
        made = backend.subscribe(
            properties["TopicArn"], properties["Endpoint"], properties["Protocol"]
        )
        return cls(made.arn, Arn=made.arn)

    def remove(self, properties: Any, account: str, region: str) -> None:
        sns_backends[account][region].unsubscribe(self.name)


class QueuePolicy(Made, CloudFormationModel):
    kind = "AWS::SQS::QueuePolicy"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        policy = json.dumps(properties["PolicyDocument"])
        for queue in properties["Queues"]:
            sqs_backends[account][region].set_queue_attributes(
                queue.rpartition("/")[2], {"Policy": policy}
            )
        return cls(name)

    def remove(self, properties: Any, account: str, region: str) -> None:
        """The queue goes with its policy."""


class Budget(Made, CloudFormationModel):
    kind = "AWS::Budgets::Budget"

    @classmethod
    def make(cls, name: str, properties: Any, account: str, region: str) -> Made:
        budget = {"BudgetName": name, **properties["Budget"]}
        budgets_backends[account][get_partition(region)].create_budget(
            account, budget, properties.get("NotificationsWithSubscribers", [])
        )
        return cls(budget["BudgetName"])

    def remove(self, properties: Any, account: str, region: str) -> None:
        budgets_backends[account][get_partition(region)].delete_budget(account, self.name)


def empty_first(delete: Any) -> Any:
    """CloudFormation removes no bucket that holds objects; moto leaves it and says nothing."""

    def deleted(cls: type, name: str, *rest: Any) -> None:
        account, region = rest[-2:]
        if s3_backends[account][get_partition(region)].get_bucket(name).keys:
            raise BucketNotEmpty
        delete(cls, name, *rest)

    return deleted


class BucketNotEmpty(Exception):  # noqa: N818 - S3's own word
    code = "BucketNotEmpty"
    message = (
        "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    )


def permission(bucket: Any, action: str, resource: str) -> Any:
    """Leave conditional statements out: moto would apply them whatever the condition says."""
    document = json.loads(bucket.policy) if bucket.policy else {"Statement": []}
    plain = [s for s in document["Statement"] if not s.get("Condition")]
    if not plain:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**document, "Statement": plain})).is_action_permitted(
        action, resource
    )


def versioned(create: Any) -> Any:
    """A bucket with the versioning that its template asks for; what is versioned is not empty."""

    def created(cls: type, name: str, cloudformation_json: Any, *rest: Any, **named: Any) -> Any:
        bucket = create(cls, name, cloudformation_json, *rest, **named)
        wished = cloudformation_json["Properties"].get("VersioningConfiguration", {})
        bucket.versioning_status = wished.get("Status")
        return bucket

    return created


def patch() -> None:
    """Make buckets strict; the classes above are found by being here."""
    FakeBucket.get_permission = permission
    create = FakeBucket.create_from_cloudformation_json.__func__
    FakeBucket.create_from_cloudformation_json = classmethod(versioned(create))
    delete = FakeBucket.delete_from_cloudformation_json.__func__
    FakeBucket.delete_from_cloudformation_json = classmethod(empty_first(delete))
