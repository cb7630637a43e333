"""Moto's server with the gaps closed that the CDK's templates meet; prints its address.

Each patch names what the emulator lacks. Nothing of AWS's behaviour that the tests assert is
made up here: they read back what the templates asked for.
"""

import signal
import sys
import threading
from typing import Any
from urllib.parse import urlparse

from moto.batch import models as batch
from moto.cloudformation import models as cloudformation
from moto.cloudformation import responses, utils
from moto.core.common_models import CloudFormationModel
from moto.efs import models as efs
from moto.iam.models import iam_backends
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.scheduler.models import scheduler_backends
from moto.ssm import models as ssm
from moto.utilities.utils import get_partition

SERVICE_ROLE = "AWSServiceRoleForBatch"


def attributes(cls: type, **getters: Any) -> None:
    """Give a model the attributes that `Fn::GetAtt` may ask for."""
    known = getattr(cls, "get_cfn_attribute", None)

    def has_cfn_attr(_cls: type, attribute: str) -> bool:
        return attribute in getters

    def get_cfn_attribute(self: Any, attribute: str) -> Any:
        if attribute in getters:
            return getters[attribute](self)
        if known is None:
            raise NotImplementedError(f'"Fn::GetAtt" : [ "{{0}}" , "{attribute}" ]')
        return known(self, attribute)

    cls.has_cfn_attr = classmethod(has_cfn_attr)  # type: ignore[attr-defined]
    cls.get_cfn_attribute = get_cfn_attribute  # type: ignore[attr-defined]


def patch_nested_outputs() -> None:
    """`Fn::GetAtt: [Nested, Outputs.X]`."""

    def get_cfn_attribute(self: Any, attribute: str) -> Any:
        wanted = attribute.removeprefix("Outputs.")
        if wanted in self.output_map:
            return self.output_map[wanted].value
        raise NotImplementedError(f'"Fn::GetAtt" : [ "{{0}}" , "{attribute}" ]')

    cloudformation.Stack.get_cfn_attribute = get_cfn_attribute
    # `Ref` of a nested stack is its ARN; by it `cdk diff` finds the deployed template.
    cloudformation.Stack.physical_resource_id = property(lambda self: self.stack_id)


def patch_template_urls() -> None:
    """Template addresses on this server: the bucket is in the path."""
    original = utils.get_stack_from_s3_url

    def get_stack_from_s3_url(template_url: str, account_id: str, partition: str) -> str:
        parts = urlparse(template_url)
        if parts.hostname == "127.0.0.1":
            template_url = f"http://localhost{parts.path}"
        return original(template_url, account_id=account_id, partition=partition)

    for module in (cloudformation, responses, utils):
        module.get_stack_from_s3_url = get_stack_from_s3_url


def patch_file_system() -> None:
    """`Arn` of a file system, `Ref` and `Arn` of an access point."""
    attributes(efs.FileSystem, Arn=lambda self: self.file_system_arn,
               FileSystemId=lambda self: self.file_system_id)  # fmt: skip
    attributes(efs.AccessPoint, Arn=lambda self: self.access_point_arn,
               AccessPointId=lambda self: self.access_point_id)  # fmt: skip
    efs.AccessPoint.physical_resource_id = property(lambda self: self.access_point_id)


def patch_batch() -> None:
    """The service-linked role, attributes, and the parts of a definition that get lost."""
    attributes(batch.ComputeEnvironment, ComputeEnvironmentArn=lambda self: self.arn)
    attributes(batch.JobQueue, JobQueueArn=lambda self: self.arn)

    def create_environment(
        cls: type, resource_name: str, cloudformation_json: Any, account_id: str,
        region_name: str, **_: Any,
    ) -> Any:  # fmt: skip
        properties = cloudformation_json["Properties"]
        backend = batch.batch_backends[account_id][region_name]
        iam = iam_backends[account_id][get_partition(region_name)]
        names = {role.name: role.arn for role in iam.roles.values()}
        if SERVICE_ROLE not in names:
            role = iam.create_role(
                role_name=SERVICE_ROLE, assume_role_policy_document="{}",
                path="/aws-service-role/batch.amazonaws.com/", permissions_boundary=None,
                description="", tags=[], max_session_duration="3600",
            )  # fmt: skip
            names[SERVICE_ROLE] = role.arn
        return backend.create_compute_environment(
            resource_name,
            properties["Type"].upper(),
            properties.get("State", "ENABLED"),
            batch.lowercase_first_key(properties["ComputeResources"]),
            names[SERVICE_ROLE],
        )

    batch.ComputeEnvironment.create_from_cloudformation_json = classmethod(create_environment)

    create = batch.JobDefinition.create_from_cloudformation_json.__func__

    def create_definition(cls: type, resource_name: str, cloudformation_json: Any, *rest: Any,
                          **named: Any) -> Any:  # fmt: skip
        properties = dict(cloudformation_json["Properties"])
        properties["timeout"] = properties.get("Timeout", {})
        return create(cls, resource_name, {"Properties": properties}, *rest, **named)

    batch.JobDefinition.create_from_cloudformation_json = classmethod(create_definition)


def patch_parameters() -> None:
    """Tags of an SSM parameter are a mapping in a template and a list in the API."""
    create = ssm.Parameter.create_from_cloudformation_json.__func__

    def create_parameter(cls: type, resource_name: str, cloudformation_json: Any, *rest: Any,
                         **named: Any) -> Any:  # fmt: skip
        properties = dict(cloudformation_json["Properties"])
        tags = properties.get("Tags", {})
        properties["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        return create(cls, resource_name, {"Properties": properties}, *rest, **named)

    ssm.Parameter.create_from_cloudformation_json = classmethod(create_parameter)


class ScheduleGroup(CloudFormationModel):
    """A schedule group; the Scheduler's own API knows it, CloudFormation here does not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arn = f"arn:aws:scheduler:schedule-group/{name}"

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::Scheduler::ScheduleGroup"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str,
        region_name: str, **_: Any,
    ) -> "ScheduleGroup":  # fmt: skip
        name = resource_name[-64:]
        scheduler_backends[account_id][region_name].create_schedule_group(name, [])
        return cls(name)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        scheduler_backends[account_id][region_name].delete_schedule_group(resource_name[-64:])


class Alarm(CloudFormationModel):
    """An alarm in name only: it has an ARN and is never evaluated."""

    def __init__(self, name: str, arn: str) -> None:
        self.name = name
        self.arn = arn

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str,
        region_name: str, **_: Any,
    ) -> "Alarm":  # fmt: skip
        return cls(
            resource_name, f"arn:aws:cloudwatch:{region_name}:{account_id}:alarm:{resource_name}"
        )

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        return None


def main() -> None:
    """Serve until ended."""
    patch_nested_outputs()
    patch_template_urls()
    patch_file_system()
    patch_batch()
    patch_parameters()
    attributes(Alarm, Arn=lambda self: self.arn)
    attributes(ScheduleGroup, Arn=lambda self: self.arn)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    done.wait()
    server.stop()
