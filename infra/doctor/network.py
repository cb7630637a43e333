"""An adopted network: it exists, its parts fit together, and it is what `network_mode` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.doctor.account import Account
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.environments import AdoptedVpc, Environment, NetworkMode

EVERYWHERE = "0.0.0.0/0"
FEW_ADDRESSES = 8
"""Free addresses in a subnet below which instances may find none."""

WAYS_OUT = (
    *("NatGatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId"),
    *("VpcPeeringConnectionId", "CoreNetworkArn", "LocalGatewayId", "GatewayId"),
)
"""Where a route may lead, by the field that names it; an internet gateway is a GatewayId."""


def vpc(account: Account, environment: Environment) -> Iterator[Finding]:
    """The network exists and resolves the names of AWS and of the file system."""
    adopted = environment.vpc
    if adopted is None:
        return
    if _vpc(account, adopted) is None:
        yield trouble(
            f"there is no VPC {adopted.vpc_id} in {account.region}",
            "look at vpc.vpc_id, and at the region",
        )
        return
    dns = {
        name: account.ask(
            "ec2", "describe_vpc_attribute", VpcId=adopted.vpc_id, Attribute=attribute
        )[name]["Value"]
        for name, attribute in (
            ("EnableDnsSupport", "enableDnsSupport"),
            ("EnableDnsHostnames", "enableDnsHostnames"),
        )
    }
    if not dns["EnableDnsSupport"]:
        yield trouble(
            f"{adopted.vpc_id} resolves no names (enableDnsSupport is off)",
            f"aws ec2 modify-vpc-attribute --vpc-id {adopted.vpc_id} --enable-dns-support",
        )
    mounts = not environment.database_in_s3
    if not dns["EnableDnsHostnames"] and (
        mounts or environment.network_mode is NetworkMode.ENDPOINTS
    ):
        what = "a file system is mounted" if mounts else "interface endpoints are found"
        yield trouble(
            f"{adopted.vpc_id} has enableDnsHostnames off, and {what} by name",
            f"aws ec2 modify-vpc-attribute --vpc-id {adopted.vpc_id} --enable-dns-hostnames",
        )
    if all(dns.values()):
        yield ok(f"{adopted.vpc_id} exists and resolves names")


def _vpc(account: Account, adopted: AdoptedVpc) -> Any:
    found = account.ask("ec2", "describe_vpcs", Filters=_only("vpc-id", adopted.vpc_id))["Vpcs"]
    return found[0] if found else None


def subnets(account: Account, environment: Environment) -> Iterator[Finding]:
    """Each subnet exists, in that network and in the zone named beside it, and has room."""
    adopted = environment.vpc
    if adopted is None:
        return
    there = subnets_of(account, adopted)
    sound = True
    for wanted, zone in zip(adopted.subnet_ids, adopted.availability_zones, strict=True):
        subnet = there.get(wanted)
        if subnet is None:
            sound = False
            yield trouble(
                f"there is no subnet {wanted} in {account.region}", "look at vpc.subnet_ids"
            )
            continue
        if subnet["VpcId"] != adopted.vpc_id:
            sound = False
            yield trouble(
                f"subnet {wanted} is in {subnet['VpcId']}, not in {adopted.vpc_id}",
                "give subnets of one VPC",
            )
        if subnet["AvailabilityZone"] != zone:
            sound = False
            yield trouble(
                f"subnet {wanted} is in {subnet['AvailabilityZone']}, but {zone} is named for it",
                "give vpc.availability_zones in the order of vpc.subnet_ids",
            )
        if subnet["AvailableIpAddressCount"] < FEW_ADDRESSES:
            sound = False
            yield warning(
                f"subnet {wanted} has {subnet['AvailableIpAddressCount']} free addresses; an "
                "instance that finds none does not start",
                "free some, or give a larger subnet",
            )
    if sound:
        yield ok(f"{len(adopted.subnet_ids)} subnets are in {adopted.vpc_id}, each in its zone")


def subnets_of(account: Account, adopted: AdoptedVpc) -> dict[str, Any]:
    """Return the adopted subnets that exist, by id; by a filter, so that none is an error."""
    said = account.ask("ec2", "describe_subnets", Filters=_only("subnet-id", *adopted.subnet_ids))
    return {subnet["SubnetId"]: subnet for subnet in said["Subnets"]}


def ways_out(account: Account, environment: Environment) -> Iterator[Finding]:
    """Instances reach AWS as `network_mode` says: directly, or by way of somebody else."""
    adopted = environment.vpc
    if adopted is None or environment.network_mode is NetworkMode.ENDPOINTS:
        return
    check = _public if environment.network_mode is NetworkMode.PUBLIC else _behind_nat
    for subnet in subnets_of(account, adopted).values():
        yield check(account, subnet, way_out(account, subnet))


def way_out(account: Account, subnet: Mapping[str, Any]) -> str | None:
    """Return what the subnet's default route leads to, None without a live one."""
    for route in route_table(account, subnet).get("Routes", []):
        if route.get("DestinationCidrBlock") == EVERYWHERE and route.get("State") != "blackhole":
            return next((str(route[field]) for field in WAYS_OUT if route.get(field)), None)
    return None


def route_table(account: Account, subnet: Mapping[str, Any]) -> dict[str, Any]:
    """Return the subnet's own route table, the network's main one where it has none."""
    tables = account.ask("ec2", "describe_route_tables", Filters=_only("vpc-id", subnet["VpcId"]))[
        "RouteTables"
    ]
    main: dict[str, Any] = {}
    for table in tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet["SubnetId"]:
                return dict(table)
            if association.get("Main"):
                main = table
    return main


def _public(account: Account, subnet: Mapping[str, Any], way: str | None) -> Finding:
    del account
    name = subnet["SubnetId"]
    if way is None or not way.startswith("igw-"):
        leads = f"leads to {way}" if way else "leads nowhere"
        return trouble(
            f"subnet {name} is not public: its default route {leads}, not to an internet gateway",
            "give public subnets, or say network_mode nat or endpoints",
        )
    if not subnet["MapPublicIpOnLaunch"]:
        return trouble(
            f"subnet {name} gives no public address at launch, so an instance never joins the "
            "cluster and jobs stay RUNNABLE",
            f"aws ec2 modify-subnet-attribute --subnet-id {name} --map-public-ip-on-launch",
        )
    return ok(f"subnet {name} is public and gives addresses")


def _behind_nat(account: Account, subnet: Mapping[str, Any], way: str | None) -> Finding:
    name = subnet["SubnetId"]
    if way is None:
        return trouble(
            f"subnet {name} has no way out (no default route that lives); jobs stay RUNNABLE",
            "add a route to a NAT gateway, or say network_mode endpoints",
        )
    if way.startswith("igw-"):
        return trouble(
            f"subnet {name} leads to an internet gateway, not to a NAT gateway; without a public "
            "address an instance gets no answer",
            "give private subnets, or say network_mode public",
        )
    if not way.startswith("nat-"):
        return warning(
            f"subnet {name} leads out through {way}; whether that reaches AWS cannot be seen here",
            f"on an instance there: curl -sI https://ecs.{account.region}.amazonaws.com answers",
        )
    gateways = account.ask("ec2", "describe_nat_gateways", Filters=_only("nat-gateway-id", way))[
        "NatGateways"
    ]
    state = gateways[0]["State"] if gateways else "gone"
    if state != "available":
        return trouble(f"subnet {name} leads to {way}, which is {state}", "make a NAT gateway anew")
    return ok(f"subnet {name} leads out through {way}")


def _only(name: str, *values: str) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": list(values)}]
