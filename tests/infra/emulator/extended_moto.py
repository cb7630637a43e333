"""Moto's server with the gaps closed that the CDK's templates meet; prints its address.

Each patch names what the emulator lacks. Nothing of AWS's behavior that the tests assert is
made up here: they read back what the templates asked for. Where moto takes what AWS refuses,
the modules beside this one are strict: `stacks` (rollback, updates, protection), `refusals`
(texts), `batch_rules`, `resources`.
"""

import signal
import sys
import threading
from typing import Any
from urllib.parse import urlparse

from moto.batch import models as batch
from moto.cloudformation import models as cloudformation
from moto.cloudformation import responses, utils
from moto.efs import models as efs
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.ssm import models as ssm
from moto.ssm.exceptions import ParameterAlreadyExists

from tests.infra.emulator import batch_rules, refusals, resources, stacks


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
        found: str = original(template_url, account_id=account_id, partition=partition)
        return found

    for module in (cloudformation, responses, utils):
        module.get_stack_from_s3_url = get_stack_from_s3_url


def patch_file_system() -> None:
    """`Arn` of a file system, `Ref` and `Arn` of an access point."""
    attributes(
        efs.FileSystem,
        Arn=lambda self: self.file_system_arn,
        FileSystemId=lambda self: self.file_system_id,
    )
    attributes(
        efs.AccessPoint,
        Arn=lambda self: self.access_point_arn,
        AccessPointId=lambda self: self.access_point_id,
    )
    efs.AccessPoint.physical_resource_id = property(lambda self: self.access_point_id)


def patch_batch() -> None:
    """Attributes of a compute environment and a queue; texts that are empty stay texts."""

    def lowered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key[:1].lower() + key[1:]: lowered(each) for key, each in value.items()}
        return [lowered(each) for each in value] if isinstance(value, list) else value

    batch.lowercase_first_key = lowered  # moto's own makes a list of an empty text
    attributes(batch.ComputeEnvironment, ComputeEnvironmentArn=lambda self: self.arn)
    attributes(batch.JobQueue, JobQueueArn=lambda self: self.arn)


def patch_parameters() -> None:
    """Tags are a mapping in a template and a list in the API; a name that is taken is refused."""
    create = ssm.Parameter.create_from_cloudformation_json.__func__

    def create_parameter(
        cls: type, resource_name: str, cloudformation_json: Any, *rest: Any, **named: Any
    ) -> Any:
        properties = dict(cloudformation_json["Properties"])
        tags = properties.get("Tags", {})
        properties["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = create(cls, resource_name, {"Properties": properties}, *rest, **named)
        if made is None:
            raise ParameterAlreadyExists
        return made

    ssm.Parameter.create_from_cloudformation_json = classmethod(create_parameter)


def main() -> None:
    """Serve until ended."""
    patch_nested_outputs()
    patch_template_urls()
    patch_file_system()
    patch_batch()
    patch_parameters()
    for strict in (stacks, refusals, batch_rules, resources):
        strict.patch()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    sys.stdout.write(f"http://{host}:{port}\n")
    sys.stdout.flush()
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    done.wait()
    server.stop()
