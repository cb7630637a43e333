"""Whether the region has the machines, and the account the quotas, that one job needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.doctor.account import Account, outputs_of
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.environments import Environment, NetworkMode
from infra.facts import AGENT_SHARE

SPOT_VCPUS = ("ec2", "L-34B43A08", "All Standard Spot Instance Requests (vCPUs)")
ON_DEMAND_VCPUS = ("ec2", "L-1216C47A", "Running On-Demand Standard instances (vCPUs)")
ADDRESSES = ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs")
NETWORKS = ("vpc", "L-F678F1CE", "VPCs per Region")
"""Service, code and name of a quota, as Service Quotas has them."""


def zones(account: Account, environment: Environment) -> Iterator[Finding]:
    """A network made here finds as many zones as it wants to span."""
    if environment.vpc is not None:
        return
    offered = _offered_zones(account)
    if len(offered) < environment.zones:
        yield trouble(
            f"CloudFormation offers a new network the zones {_listed(offered)} only, those with "
            f"a default subnet; it needs {environment.zones}",
            "aws ec2 create-default-subnet --availability-zone ZONE, for another zone",
        )
    else:
        yield ok(f"the network goes to {_listed(zones_of(account, environment))}")


def zones_of(account: Account, environment: Environment) -> list[str]:
    """Return the zones in which the environment's instances run."""
    if environment.vpc is not None:
        return list(environment.vpc.availability_zones)
    return _offered_zones(account)[: environment.zones]


def _offered_zones(account: Account) -> list[str]:
    """Return what `Fn::GetAZs` gives: zones with a default subnet, all when none has one."""
    default = account.ask(
        "ec2", "describe_subnets", Filters=[{"Name": "default-for-az", "Values": ["true"]}]
    )["Subnets"]
    if default:
        return sorted({subnet["AvailabilityZone"] for subnet in default})
    every = account.ask("ec2", "describe_availability_zones")["AvailabilityZones"]
    return sorted(
        zone["ZoneName"]
        for zone in every
        if zone.get("ZoneType", "availability-zone") == "availability-zone"
    )


def instance_types(account: Account, environment: Environment) -> Iterator[Finding]:
    """The region offers the listed types, in these zones, and one of them holds the job."""
    known = _known_types(account, environment)
    unknown = [kind for kind in environment.instance_types if kind not in known]
    if unknown:
        yield trouble(
            f"{account.region} does not offer {_listed(unknown)}; Batch refuses the compute "
            "environment",
            "take them out of instance_types",
        )
    if known and smallest_vcpus(account, environment) is None:
        steps = f", or a step of {environment.shards} shards," if environment.shards else ""
        yield trouble(
            f"no listed type holds a job of {environment.vcpus} vCPUs and "
            f"{environment.memory_mib} MiB{steps} beside the ECS agent; it stays RUNNABLE",
            "list a larger type, or lower vcpus or memory_mib",
        )
    yield from _offered(account, environment, sorted(known))


def _known_types(account: Account, environment: Environment) -> dict[str, Any]:
    # By a filter: by name, one unknown type makes the whole question an error.
    said = account.ask(
        "ec2",
        "describe_instance_types",
        Filters=[{"Name": "instance-type", "Values": list(environment.instance_types)}],
    )
    return {facts["InstanceType"]: facts for facts in said["InstanceTypes"]}


def smallest_vcpus(account: Account, environment: Environment) -> int | None:
    """Return the vCPUs of the smallest listed type that holds the job; None for none.

    Where a refresh is shared, of the smallest that holds its largest step.
    """
    known = _known_types(account, environment).values()
    jobs = environment.steps.values() if environment.shards else [environment]
    found = [
        min(
            (
                int(facts["VCpuInfo"]["DefaultVCpus"])
                for facts in known
                if job.vcpus <= facts["VCpuInfo"]["DefaultVCpus"]
                and job.memory_mib <= facts["MemoryInfo"]["SizeInMiB"] * (1 - AGENT_SHARE)
            ),
            default=0,
        )
        for job in jobs
    ]
    return max(found) if all(found) else None


def _offered(account: Account, environment: Environment, types: list[str]) -> Iterator[Finding]:
    if not types:
        return
    wanted = zones_of(account, environment)
    said = account.ask(
        "ec2",
        "describe_instance_type_offerings",
        LocationType="availability-zone",
        Filters=[
            {"Name": "instance-type", "Values": types},
            {"Name": "location", "Values": wanted},
        ],
    )["InstanceTypeOfferings"]
    empty = [zone for zone in wanted if zone not in {each["Location"] for each in said}]
    nowhere = [kind for kind in types if kind not in {each["InstanceType"] for each in said}]
    if len(empty) == len(wanted):
        yield trouble(
            f"none of {_listed(wanted)} offers any of {_listed(types)}",
            "list other ARM64 types in instance_types, or adopt a network in other zones",
        )
        return
    if empty:
        yield warning(
            f"{_listed(empty)} offers none of the listed types; no instance starts there",
            "list other types in instance_types (c6g, c8g, m7g), for more Spot pools",
        )
    if nowhere:
        yield warning(
            f"{_listed(nowhere)} is offered in none of {_listed(wanted)}",
            "list other types instead, for more Spot pools",
        )
    if not empty and not nowhere:
        yield ok(f"{_listed(wanted)} offer the listed instance types: {len(said)} pools")


def vcpu_quotas(account: Account, environment: Environment) -> Iterator[Finding]:
    """Spot and on-demand vCPUs suffice for one job, and for `max_vcpus`."""
    need = smallest_vcpus(account, environment) or environment.vcpus
    kinds = [SPOT_VCPUS] + ([ON_DEMAND_VCPUS] if environment.on_demand_fallback else [])
    for quota in kinds:
        limit = _limit(account, quota)
        if limit is None:
            yield _untold(quota)
        elif limit < need:
            yield trouble(
                f"the quota {quota[2]} is {limit:g}; one job needs an instance of {need}, so it "
                "stays RUNNABLE",
                _raise(quota, environment.max_vcpus),
            )
        elif limit < environment.max_vcpus:
            yield warning(
                f"the quota {quota[2]} is {limit:g}, less than max_vcpus "
                f"({environment.max_vcpus}); one job fits",
                f"{_raise(quota, environment.max_vcpus)}, or lower max_vcpus",
            )
        else:
            yield ok(f"the quota {quota[2]} is {limit:g}; max_vcpus is {environment.max_vcpus}")


def network_quotas(account: Account, environment: Environment) -> Iterator[Finding]:
    """There is room for one more network, and for its NAT gateway's address."""
    if environment.vpc is not None or outputs_of(account, environment):
        return  # there is none to make
    networks = account.ask("ec2", "describe_vpcs")["Vpcs"]
    yield _room(account, NETWORKS, len(networks), "delete an unused VPC, adopt one, or")
    if environment.network_mode is NetworkMode.NAT:
        addresses = account.ask("ec2", "describe_addresses")["Addresses"]
        yield _room(account, ADDRESSES, len(addresses), "release an unused address, or")


def _room(account: Account, quota: tuple[str, str, str], used: int, instead: str) -> Finding:
    limit = _limit(account, quota)
    if limit is None:
        return _untold(quota)
    if used >= limit:
        return trouble(
            f"the quota {quota[2]} is {limit:g}, and {used} are used; one more is needed",
            f"{instead} {_raise(quota, int(limit) + 1)}",
        )
    return ok(f"the quota {quota[2]} is {limit:g}, of which {used} are used")


def lambda_concurrency(account: Account, environment: Environment) -> Iterator[Finding]:
    """The trigger function, which reserves nothing, finds an execution to run in."""
    del environment
    limits = account.ask("lambda", "get_account_settings")["AccountLimit"]
    free, limit = limits["UnreservedConcurrentExecutions"], limits["ConcurrentExecutions"]
    if free < 1:
        yield trouble(
            f"all {limit} concurrent Lambda executions are reserved by other functions",
            "free some: aws lambda delete-function-concurrency --function-name NAME",
        )
    else:
        yield ok(f"{free} of {limit} concurrent Lambda executions are free; the trigger needs one")


def _limit(account: Account, quota: tuple[str, str, str]) -> float | None:
    """Return what the account may have: as raised, or AWS's default."""
    for operation in ("get_service_quota", "get_aws_default_service_quota"):
        said = account.ask(
            "service-quotas",
            operation,
            absent=("NoSuchResourceException",),
            ServiceCode=quota[0],
            QuotaCode=quota[1],
        )
        if said is not None:
            return float(said["Quota"]["Value"])
    return None


def _untold(quota: tuple[str, str, str]) -> Finding:
    return warning(
        f"Service Quotas does not know {quota[2]} here",
        "look at the quotas of that service in the console",
    )


def _raise(quota: tuple[str, str, str], value: int) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --service-code {quota[0]} "
        f"--quota-code {quota[1]} --desired-value {value}"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"
