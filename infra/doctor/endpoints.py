"""The endpoints by which instances of an adopted, isolated network reach AWS."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from infra.doctor.account import Account, outputs_of
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.doctor.network import route_table, subnets_of, way_out
from infra.doctor.policies import as_list, statements
from infra.environments import AdoptedVpc, Environment, NetworkMode
from infra.facts import INTERFACE_ENDPOINTS, LAYER_BUCKET

HTTPS = 443


def endpoints(account: Account, environment: Environment) -> Iterator[Finding]:
    """Every interface endpoint is there, is found by name, and lets the instances in."""
    adopted = environment.vpc
    if adopted is None or environment.network_mode is not NetworkMode.ENDPOINTS:
        return
    subnets = list(subnets_of(account, adopted).values())
    there = {
        short: each
        for each in _all(account, adopted)
        if each["VpcEndpointType"] == "Interface"
        and (short := each["ServiceName"].partition(f".{account.region}.")[2])
    }
    missing = [name for name in INTERFACE_ENDPOINTS if name not in there]
    if missing:
        # With a way out they are reached by their public names.
        say = warning if subnets and all(way_out(account, s) for s in subnets) else trouble
        yield say(
            f"{adopted.vpc_id} lacks interface endpoints for {', '.join(missing)}; without them "
            "an instance cannot join the cluster, pull the image or write its log",
            "make them with private DNS in those subnets, or choose another network_mode",
        )
    found = {name: there[name] for name in INTERFACE_ENDPOINTS if name in there}
    faults = [
        finding
        for name, endpoint in found.items()
        for finding in _faults(account, environment, name, endpoint, subnets)
    ]
    yield from faults
    if not missing and not faults:
        yield ok(f"all {len(found)} interface endpoints are there, with private DNS, and admit 443")


def _all(account: Account, adopted: AdoptedVpc) -> list[Any]:
    within = [{"Name": "vpc-id", "Values": [adopted.vpc_id]}]
    return list(account.ask("ec2", "describe_vpc_endpoints", Filters=within)["VpcEndpoints"])


def _faults(
    account: Account,
    environment: Environment,
    name: str,
    endpoint: dict[str, Any],
    subnets: list[dict[str, Any]],
) -> Iterator[Finding]:
    this = f"{endpoint['VpcEndpointId']} ({name})"
    if endpoint["State"].lower() != "available":
        yield trouble(f"the endpoint {this} is {endpoint['State']}", "make it anew")
        return
    if not endpoint.get("PrivateDnsEnabled"):
        yield trouble(
            f"the endpoint {this} has no private DNS, so nothing goes there",
            f"aws ec2 modify-vpc-endpoint --vpc-endpoint-id {endpoint['VpcEndpointId']} "
            "--private-dns-enabled",
        )
    groups = [group["GroupId"] for group in endpoint.get("Groups", [])]
    shut = [
        subnet["SubnetId"]
        for subnet in subnets
        if not _admits(account, environment, groups, subnet["CidrBlock"])
    ]
    if shut:
        yield trouble(
            f"the endpoint {this} does not admit HTTPS from {', '.join(shut)}",
            f"let {' or '.join(groups) or 'its security group'} admit 443 from the subnets' "
            "addresses",
        )


def _admits(account: Account, environment: Environment, groups: list[str], block: str) -> bool:
    """Tell whether one of the groups lets the instances of a subnet in."""
    if not groups:
        return False
    instances = outputs_of(account, environment).get("InstancesSecurityGroup")
    said = account.ask(
        "ec2", "describe_security_groups", Filters=[{"Name": "group-id", "Values": groups}]
    )
    for rule in (rule for group in said["SecurityGroups"] for rule in group["IpPermissions"]):
        every = rule["IpProtocol"] == "-1"
        if not every and not (
            rule["IpProtocol"] == "tcp" and rule["FromPort"] <= HTTPS <= rule["ToPort"]
        ):
            continue
        if _holds((each["CidrIp"] for each in rule.get("IpRanges", [])), block):
            return True
        if instances in [pair.get("GroupId") for pair in rule.get("UserIdGroupPairs", [])]:
            return True
    return False


def _holds(blocks: Iterable[str], inner: str) -> bool:
    within = ipaddress.IPv4Network(inner)
    return any(within.subnet_of(ipaddress.IPv4Network(block)) for block in blocks)


def gateway(account: Account, environment: Environment) -> Iterator[Finding]:
    """S3 is reached through a gateway, from every subnet, and it lets image layers through."""
    adopted = environment.vpc
    if adopted is None or environment.network_mode is not NetworkMode.ENDPOINTS:
        return
    gateways = [
        each
        for each in _all(account, adopted)
        if each["VpcEndpointType"] == "Gateway"
        and each["ServiceName"].endswith(f".{account.region}.s3")
        and each["State"].lower() == "available"
    ]
    joined = {table for each in gateways for table in each.get("RouteTableIds", [])}
    apart = [
        name
        for name, subnet in subnets_of(account, adopted).items()
        if route_table(account, subnet).get("RouteTableId") not in joined
    ]
    if apart:
        yield trouble(
            f"no S3 gateway endpoint serves {', '.join(apart)}: neither the image's layers nor "
            "the documents get through",
            "make one (it is free), or add the subnets' route tables to it",
        )
        return
    layers = f"arn:{account.partition}:s3:::prod-{account.region}-{LAYER_BUCKET}"
    let = {each["VpcEndpointId"]: _lets_through(each, f"{layers}/x") for each in gateways}
    shut = [name for name, through in let.items() if through is False]
    unsure = [name for name, through in let.items() if through is None]
    if shut:
        yield trouble(
            f"the policy of {', '.join(shut)} keeps out the bucket of the image's layers; "
            "the image cannot be pulled",
            f"admit s3:GetObject on {layers}/*",
        )
    elif unsure:
        yield warning(
            f"the policy of {', '.join(unsure)} lets the image's layers through on a condition "
            "only; their bucket is AWS's own, in no account or organization of yours",
            f"admit s3:GetObject on {layers}/* without a condition",
        )
    elif gateways:
        yield ok("the S3 gateway endpoint serves every subnet, image layers too")


def _lets_through(endpoint: dict[str, Any], resource: str) -> bool | None:
    """Tell whether an endpoint's policy lets an object be read; None when a condition decides."""
    document = endpoint.get("PolicyDocument") or "{}"

    def about(effect: str) -> list[dict[str, Any]]:
        return [s for s in statements(document, effect, "s3:GetObject") if _is_about(s, resource)]

    if not json.loads(document).get("Statement"):
        return True  # without a policy of its own a gateway lets everything through
    allowed, denied = about("Allow"), about("Deny")
    if not allowed or any(not each.get("Condition") for each in denied):
        return False
    return None if denied or all(each.get("Condition") for each in allowed) else True


def _is_about(statement: dict[str, Any], resource: str) -> bool:
    if "NotResource" in statement:
        return not _is_about({"Resource": statement["NotResource"]}, resource)
    return any(fnmatchcase(resource, str(each)) for each in as_list(statement.get("Resource")))
