import dataclasses
from typing import Any

import pytest

from infra.doctor.account import Account
from infra.doctor.endpoints import endpoints, gateway
from infra.doctor.findings import Severity
from infra.doctor.network import subnets, vpc, ways_out
from infra.environments import DEV, Environment, NetworkMode
from infra.facts import INTERFACE_ENDPOINTS
from infra.templates import Json
from tests.infra.doctor.cloud import ZONES, Examine, Network, of, say
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import REGION


@pytest.fixture
def network(aws: Cloud) -> Network:
    return Network(aws)


def on(network: Network, mode: NetworkMode = NetworkMode.PUBLIC, **changes: Any) -> Environment:
    changed = dataclasses.replace(network.adopted, **changes)
    return dataclasses.replace(DEV, network_mode=mode, vpc=changed)


def test_a_sound_network(network: Network, examined: Examine) -> None:
    findings = examined(on(network), vpc, subnets)
    assert of(Severity.OK, findings) == [
        f"{network.vpc_id} exists and resolves names",
        f"2 subnets are in {network.vpc_id}, each in its zone",
    ]


def test_a_network_made_by_the_stack_is_not_asked_about(examined: Examine) -> None:
    assert examined(DEV, vpc, subnets, ways_out, endpoints, gateway) == []


def test_a_network_that_does_not_exist(network: Network, examined: Examine) -> None:
    findings = examined(on(network, vpc_id="vpc-0123456789abcdef0"), vpc)
    assert of(Severity.TROUBLE, findings) == [f"there is no VPC vpc-0123456789abcdef0 in {REGION}"]


@pytest.mark.parametrize("attribute", ["EnableDnsSupport", "EnableDnsHostnames"])
def test_a_network_that_resolves_no_names(
    network: Network, examined: Examine, attribute: str
) -> None:
    network.ec2.modify_vpc_attribute(VpcId=network.vpc_id, **{attribute: {"Value": False}})
    (finding,) = examined(on(network), vpc)
    assert finding.severity is Severity.TROUBLE
    assert attribute.lower() in finding.what.lower()
    assert "modify-vpc-attribute" in finding.do


def test_host_names_do_not_matter_where_nothing_is_found_by_them(
    network: Network, examined: Examine
) -> None:
    network.ec2.modify_vpc_attribute(VpcId=network.vpc_id, EnableDnsHostnames={"Value": False})
    environment = dataclasses.replace(on(network), database_path="s3://the-sites/bar.db")
    assert not of(Severity.TROUBLE, examined(environment, vpc))


def test_a_subnet_that_does_not_exist(network: Network, examined: Examine) -> None:
    gone = ("subnet-0123456789abcdef0", network.subnet_ids[1])
    (what,) = of(Severity.TROUBLE, examined(on(network, subnet_ids=gone), subnets))
    assert "no subnet subnet-0123456789abcdef0" in what


def test_a_subnet_of_another_network(aws: Cloud, network: Network, examined: Examine) -> None:
    ec2 = network.ec2
    other = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    stray = ec2.create_subnet(VpcId=other, CidrBlock="10.8.0.0/24", AvailabilityZone=ZONES[0])
    mixed = (stray["Subnet"]["SubnetId"], network.subnet_ids[1])
    (what,) = of(Severity.TROUBLE, examined(on(network, subnet_ids=mixed), subnets))
    assert f"is in {other}, not in {network.vpc_id}" in what


def test_zones_in_another_order(network: Network, examined: Examine) -> None:
    turned = tuple(reversed(ZONES))
    troubles = of(Severity.TROUBLE, examined(on(network, availability_zones=turned), subnets))
    assert len(troubles) == 2
    assert f"is in {ZONES[0]}, but {ZONES[1]} is named" in troubles[0]


def test_a_subnet_without_room(account: Account, network: Network, examined: Examine) -> None:
    said = network.ec2.describe_subnets(SubnetIds=network.subnet_ids)["Subnets"]
    full = [subnet | {"AvailableIpAddressCount": 2} for subnet in said]
    say(account, "ec2.DescribeSubnets", {"Subnets": full})
    assert "2 free addresses" in of(Severity.WARNING, examined(on(network), subnets))[0]


def test_public_subnets(network: Network, examined: Examine) -> None:
    network.make_public()
    assert len(of(Severity.OK, examined(on(network), ways_out))) == 2


def test_public_subnets_that_give_no_addresses(network: Network, examined: Examine) -> None:
    network.make_public()
    network.give_addresses(network.subnet_ids[1], give=False)
    (finding,) = [f for f in examined(on(network), ways_out) if f.severity is Severity.TROUBLE]
    assert f"{network.subnet_ids[1]} gives no public address" in finding.what
    assert finding.do.endswith(f"{network.subnet_ids[1]} --map-public-ip-on-launch")


def test_subnets_called_public_that_lead_nowhere(network: Network, examined: Examine) -> None:
    troubles = of(Severity.TROUBLE, examined(on(network), ways_out))
    assert len(troubles) == 2
    assert "leads nowhere" in troubles[0]


def test_subnets_called_public_behind_nat(network: Network, examined: Examine) -> None:
    name = network.put_behind_nat()
    assert f"leads to {name}" in of(Severity.TROUBLE, examined(on(network), ways_out))[0]


def test_a_subnet_without_a_table_of_its_own_follows_the_main_one(
    network: Network, examined: Examine
) -> None:
    ec2 = network.ec2
    tables = ec2.describe_route_tables(
        Filters=[{"Name": "route-table-id", "Values": [network.table_id]}]
    )["RouteTables"]
    for association in tables[0]["Associations"]:
        ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    network.make_public()  # in a table that no subnet follows any more
    assert len(of(Severity.TROUBLE, examined(on(network), ways_out))) == 2


def test_subnets_behind_nat(network: Network, examined: Examine) -> None:
    network.put_behind_nat()
    assert len(of(Severity.OK, examined(on(network, NetworkMode.NAT), ways_out))) == 2


def test_a_nat_gateway_that_is_gone(network: Network, examined: Examine) -> None:
    name = network.put_behind_nat()
    network.ec2.delete_nat_gateway(NatGatewayId=name)
    (first, _) = of(Severity.TROUBLE, examined(on(network, NetworkMode.NAT), ways_out))
    assert f"leads to {name}, which is deleted" in first


def test_subnets_without_a_way_out(network: Network, examined: Examine) -> None:
    troubles = of(Severity.TROUBLE, examined(on(network, NetworkMode.NAT), ways_out))
    assert "has no way out" in troubles[0]


def test_public_subnets_called_nat(network: Network, examined: Examine) -> None:
    network.make_public()
    troubles = of(Severity.TROUBLE, examined(on(network, NetworkMode.NAT), ways_out))
    assert "leads to an internet gateway" in troubles[0]


def test_another_way_out_cannot_be_seen_through(
    aws: Cloud, network: Network, examined: Examine
) -> None:
    transit = network.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    network.lead_to(TransitGatewayId=transit)
    findings = examined(on(network, NetworkMode.NAT), ways_out)
    assert not of(Severity.TROUBLE, findings)
    assert f"leads out through {transit}" in of(Severity.WARNING, findings)[0]


ISOLATED = NetworkMode.ENDPOINTS


def test_an_isolated_network_with_all_its_endpoints(network: Network, examined: Examine) -> None:
    network.add_endpoints()
    network.add_gateway()
    findings = examined(on(network, ISOLATED), endpoints, gateway)
    assert of(Severity.OK, findings) == [
        "all 6 interface endpoints are there, with private DNS, and admit 443",
        "the S3 gateway endpoint serves every subnet, image layers too",
    ]
    assert len(findings) == 2


@pytest.mark.parametrize("name", INTERFACE_ENDPOINTS)
def test_an_endpoint_that_is_missing(network: Network, examined: Examine, name: str) -> None:
    network.add_endpoints(tuple(each for each in INTERFACE_ENDPOINTS if each != name))
    (what,) = of(Severity.TROUBLE, examined(on(network, ISOLATED), endpoints))
    assert f"lacks interface endpoints for {name};" in what


def test_missing_endpoints_are_reached_by_the_way_out_where_there_is_one(
    network: Network, examined: Examine
) -> None:
    network.put_behind_nat()
    findings = examined(on(network, ISOLATED), endpoints)
    assert not of(Severity.TROUBLE, findings)
    assert "lacks interface endpoints" in of(Severity.WARNING, findings)[0]


def test_an_endpoint_without_private_dns(network: Network, examined: Examine) -> None:
    network.add_endpoints(INTERFACE_ENDPOINTS[1:])
    network.add_endpoints(INTERFACE_ENDPOINTS[:1], private=False)
    (what,) = of(Severity.TROUBLE, examined(on(network, ISOLATED), endpoints))
    assert "(ecs) has no private DNS" in what


@pytest.mark.parametrize("admitted", [None, "10.9.0.0/24", "192.168.0.0/16"])
def test_endpoints_that_do_not_let_the_instances_in(
    network: Network, examined: Examine, admitted: str | None
) -> None:
    network.add_endpoints(admitted=admitted)
    troubles = of(Severity.TROUBLE, examined(on(network, ISOLATED), endpoints))
    assert len(troubles) == 6
    shut = network.subnet_ids[1:] if admitted == "10.9.0.0/24" else network.subnet_ids
    assert troubles[0].endswith(f"does not admit HTTPS from {', '.join(shut)}")


def test_endpoints_that_admit_the_deployed_instances_group(
    account: Account, network: Network, examined: Examine
) -> None:
    instances = network.group("instances")
    network.add_endpoints(admitted=None)
    for group in network.ec2.describe_security_groups()["SecurityGroups"]:
        if group["GroupName"].startswith("endpoints"):
            network.ec2.authorize_security_group_ingress(
                GroupId=group["GroupId"],
                IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": instances}]}],
            )
    assert len(of(Severity.TROUBLE, examined(on(network, ISOLATED), endpoints))) == 6
    output = {"OutputKey": "InstancesSecurityGroup", "OutputValue": instances}
    say(account, "cloudformation.DescribeStacks", {"Stacks": [{"Outputs": [output]}]})
    fresh = dataclasses.replace(account, _answers={})
    assert not of(Severity.TROUBLE, list(endpoints(fresh, on(network, ISOLATED))))


def test_an_isolated_network_without_a_way_to_s3(network: Network, examined: Examine) -> None:
    (what,) = of(Severity.TROUBLE, examined(on(network, ISOLATED), gateway))
    assert f"no S3 gateway endpoint serves {network.subnet_ids[0]}" in what


LAYERS = f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/*"
ELSEWHERE = "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"
OURS: Json = {"Condition": {"StringEquals": {"aws:ResourceOrgID": "o-0123456789"}}}


def says(resource: Any, effect: str = "Allow", action: Any = "s3:*", **more: Any) -> Json:
    named = {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource}
    return {key: value for key, value in named.items() if value is not None} | more


@pytest.mark.parametrize(
    ("statements", "severity"),
    [
        ([says("*")], Severity.OK),
        ([says("arn:aws:s3:::*")], Severity.OK),
        ([says("arn:aws:s3:::*/*")], Severity.OK),
        ([says(LAYERS)], Severity.OK),
        ([says("arn:aws:s3:::prod-*-starport-layer-bucket/*")], Severity.OK),
        ([says(["arn:aws:s3:::bar/*", LAYERS], action=["s3:GetObject"])], Severity.OK),
        ([says(None, NotResource="arn:aws:s3:::bar/*")], Severity.OK),
        ([says(LAYERS), says("*", **OURS)], Severity.OK),
        ([says("*"), says("arn:aws:s3:::bar/*", "Deny")], Severity.OK),
        ([says("*", **OURS)], Severity.WARNING),
        ([says("*"), says("*", "Deny", **OURS)], Severity.WARNING),
        ([says("arn:aws:s3:::bar/*")], Severity.TROUBLE),
        ([says(ELSEWHERE)], Severity.TROUBLE),
        ([says(LAYERS.removesuffix("/*"))], Severity.TROUBLE),
        ([says(LAYERS, action="s3:PutObject")], Severity.TROUBLE),
        ([says(None, NotResource=LAYERS)], Severity.TROUBLE),
        ([says("*"), says(None, "Deny", NotResource="arn:aws:s3:::bar/*")], Severity.TROUBLE),
    ],
)
def test_a_gateway_that_keeps_the_images_layers_out(
    network: Network, examined: Examine, statements: list[Json], severity: Severity
) -> None:
    network.add_gateway({"Statement": statements})
    (finding,) = examined(on(network, ISOLATED), gateway)
    assert finding.severity is severity
    if severity is Severity.TROUBLE:
        assert "the image cannot be pulled" in finding.what
    if severity is Severity.WARNING:
        assert "on a condition only" in finding.what
