"""An account on loopback for the doctor's tests, sound in all, and ways to break it in one."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Protocol
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse

from infra.doctor.account import Account
from infra.doctor.examination import Check
from infra.doctor.findings import Finding, Severity
from infra.environments import AdoptedFileSystem, AdoptedVpc, Environment
from infra.facts import INTERFACE_ENDPOINTS
from infra.templates import Json
from tests.infra.emulator import REGION

ZONES = (f"{REGION}a", f"{REGION}b")


class Examine(Protocol):
    """Runs checks on the account as the command does."""

    def __call__(self, environment: Environment, *checks: Check) -> list[Finding]: ...


def of(severity: Severity, findings: list[Finding]) -> list[str]:
    """What the findings of one severity say."""
    return [finding.what for finding in findings if finding.severity is severity]


Listener = Callable[..., object]

_LISTENERS: list[tuple[Any, str, Listener]] = []


@contextmanager
def listening() -> Iterator[None]:
    """Forget, at the end, what `say` and `refuse` were told."""
    yield
    while _LISTENERS:
        events, name, listener = _LISTENERS.pop()
        events.unregister(name, listener)


def _listen(account: Account, event: str, call: str, listener: Listener) -> None:
    service, _, operation = call.partition(".")
    if service not in account._clients:
        account._clients[service] = account.session.client(  # type: ignore[call-overload]
            service, region_name=account.region, config=account.config
        )
    events = account._clients[service].meta.events
    events.register(f"{event}.{service}.{operation}", listener)
    _LISTENERS.append((events, f"{event}.{service}.{operation}", listener))


def say(account: Account, call: str, answer: Json | Callable[[Json], Json]) -> None:
    """Answer a call that the emulator does not know, or not so: `lambda.GetAccountSettings`."""

    def instead(params: Json, **_: Any) -> tuple[AWSResponse, Json]:
        body = params["body"]
        asked = json.loads(body or "{}") if isinstance(body, bytes | str) else body
        return (
            AWSResponse(params["url"], 200, {}, None),  # type: ignore[arg-type]
            answer(asked) if callable(answer) else answer,
        )

    _listen(account, "before-call", call, instead)


class _Stream(BytesIO):
    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


NOT_ALLOWED = "User: arn:aws:iam::123456789012:user/bar is not authorized to do that"


def refuse(
    account: Account, call: str, code: str, status: int = 403, message: str = NOT_ALLOWED
) -> None:
    """Refuse a call as its service would, byte for byte as its protocol says."""
    service = call.partition(".")[0]
    protocol = account.session.client(service).meta.service_model.metadata["protocol"]  # type: ignore[call-overload]
    headers = {"x-amzn-requestid": "1"}
    text = escape(message)
    if protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": text})
        headers["x-amzn-errortype"] = code
    elif protocol == "ec2":
        body = f"<Response><Errors><Error><Code>{code}</Code><Message>{text}</Message></Error>"
        body += "</Errors><RequestID>1</RequestID></Response>"
    elif protocol == "query":
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error>"
        body += "<RequestId>1</RequestId></ErrorResponse>"
    else:  # a HEAD's answer has no body
        body = (
            "" if "Head" in call else f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
        )

    def instead(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, headers, _Stream(body.encode()))  # type: ignore[arg-type]

    _listen(account, "before-send", call, instead)


class Network:
    """Two private subnets in two zones, with what each network mode wants of them."""

    def __init__(self, aws: Any) -> None:
        self.ec2 = ec2 = aws.client("ec2")
        self.vpc_id = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            ec2.modify_vpc_attribute(VpcId=self.vpc_id, **{attribute: {"Value": True}})
        self.subnet_ids = [
            ec2.create_subnet(
                VpcId=self.vpc_id, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=zone
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate(ZONES)
        ]
        self.table_id = ec2.create_route_table(VpcId=self.vpc_id)["RouteTable"]["RouteTableId"]
        for subnet in self.subnet_ids:
            ec2.associate_route_table(RouteTableId=self.table_id, SubnetId=subnet)
        self.group_id = self.group("the file system")

    @property
    def adopted(self) -> AdoptedVpc:
        return AdoptedVpc(
            vpc_id=self.vpc_id, availability_zones=ZONES, subnet_ids=tuple(self.subnet_ids)
        )

    def group(self, name: str) -> str:
        found: str = self.ec2.create_security_group(
            GroupName=name, Description=name, VpcId=self.vpc_id
        )["GroupId"]
        return found

    def lead_to(self, **way: str) -> None:
        self.ec2.create_route(RouteTableId=self.table_id, DestinationCidrBlock="0.0.0.0/0", **way)

    def make_public(self) -> None:
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc_id)
        self.lead_to(GatewayId=gateway)
        for subnet in self.subnet_ids:
            self.give_addresses(subnet, give=True)

    def give_addresses(self, subnet: str, *, give: bool) -> None:
        self.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": give})

    def put_behind_nat(self) -> str:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(AllocationId=address, SubnetId=self.subnet_ids[0])
        name: str = made["NatGateway"]["NatGatewayId"]
        self.lead_to(NatGatewayId=name)
        return name

    def add_endpoints(
        self,
        names: tuple[str, ...] = INTERFACE_ENDPOINTS,
        *,
        private: bool = True,
        admitted: str | None = "10.9.0.0/16",
    ) -> None:
        group = self.group(f"endpoints {names[:1]}")
        if admitted is not None:
            self.ec2.authorize_security_group_ingress(
                GroupId=group, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp=admitted
            )
        for name in names:
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc_id,
                VpcEndpointType="Interface",
                ServiceName=f"com.amazonaws.{REGION}.{name}",
                SubnetIds=self.subnet_ids,
                SecurityGroupIds=[group],
                PrivateDnsEnabled=private,
            )

    def add_gateway(self, policy: Json | None = None) -> None:
        document = {"PolicyDocument": json.dumps(policy)} if policy else {}
        self.ec2.create_vpc_endpoint(
            VpcId=self.vpc_id,
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{REGION}.s3",
            RouteTableIds=[self.table_id],
            **document,
        )


class Files:
    """A file system with a mount target in each subnet, and an access point."""

    def __init__(self, aws: Any, network: Network, *, root: Json | None = None) -> None:
        self.efs = efs = aws.client("efs")
        self.network = network
        self.file_system_id = efs.create_file_system(CreationToken="bar")["FileSystemId"]
        self.target_ids = [
            efs.create_mount_target(
                FileSystemId=self.file_system_id,
                SubnetId=subnet,
                SecurityGroups=[network.group_id],
            )["MountTargetId"]
            for subnet in network.subnet_ids
        ]
        self.access_point_id = efs.create_access_point(
            ClientToken="bar",
            FileSystemId=self.file_system_id,
            PosixUser={"Uid": 1000, "Gid": 100},
            RootDirectory=root
            or {
                "Path": "/site",
                "CreationInfo": {"OwnerUid": 1000, "OwnerGid": 100, "Permissions": "755"},
            },
        )["AccessPointId"]

    @property
    def adopted(self) -> AdoptedFileSystem:
        return AdoptedFileSystem(
            file_system_id=self.file_system_id,
            access_point_id=self.access_point_id,
            security_group_id=self.network.group_id,
        )
