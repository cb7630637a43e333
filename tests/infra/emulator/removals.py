"""How resources of a network go, which moto forgets to remove with their stack."""

from collections.abc import Callable
from typing import Any

from moto.ec2.models import ec2_backends

Removal = Callable[[Any, Any, Any], Any]


def _association(made: Any, given: Any, ec2: Any) -> None:
    table = ec2.get_route_table(given["RouteTableId"])
    for name, subnet in list(table._associations.items()):
        if subnet == given["SubnetId"]:
            ec2.disassociate_route_table(name)


def _ingress(_: Any, given: Any, ec2: Any) -> None:
    source, ranges = given.get("SourceSecurityGroupId"), given.get("CidrIp")
    ec2.revoke_security_group_ingress(
        group_name_or_id=given["GroupId"],
        ip_protocol=given["IpProtocol"],
        from_port=given.get("FromPort"),
        to_port=given.get("ToPort"),
        ip_ranges=[{"CidrIp": ranges, "Description": given.get("Description")}] if ranges else [],
        source_groups=[{"GroupId": source}] if source else [],
    )


def _endpoint(made: Any, _: Any, ec2: Any) -> None:
    ec2.delete_vpc_endpoints([made.id])
    ec2.vpc_end_points.pop(made.id, None)


def _nat(made: Any, _: Any, ec2: Any) -> None:
    ec2.delete_nat_gateway(made.id)
    ec2.nat_gateways.pop(made.id, None)


REMOVALS: dict[str, Removal] = {
    "AWS::EC2::EIP": lambda made, _, ec2: ec2.release_address(allocation_id=made.allocation_id),
    "AWS::EC2::InternetGateway": lambda made, _, ec2: ec2.delete_internet_gateway(made.id),
    "AWS::EC2::NatGateway": _nat,
    "AWS::EC2::Route": lambda _, given, ec2: ec2.delete_route(
        given["RouteTableId"], given["DestinationCidrBlock"]
    ),
    "AWS::EC2::RouteTable": lambda made, _, ec2: ec2.delete_route_table(made.id),
    "AWS::EC2::SecurityGroupIngress": _ingress,
    "AWS::EC2::SubnetRouteTableAssociation": _association,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::EC2::VPCGatewayAttachment": lambda _, given, ec2: ec2.detach_internet_gateway(
        given["InternetGatewayId"], given["VpcId"]
    ),
}


def remove_one(within: Any, name: str) -> None:
    """Remove one resource of a stack."""
    made, resource = within._parsed_resources[name], within._resource_json_map[name]
    own = REMOVALS.get(resource["Type"])
    if own is None:
        within._delete_resource(made, resource)
    else:
        ec2 = ec2_backends[within._account_id][within._region_name]
        own(made, within.given.get(name, {}), ec2)
