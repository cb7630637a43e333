"""Pre-flight rules on the network: mount targets first, and a way to AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.environments import Environment
from infra.rules_common import COMPUTE_ENVIRONMENT, Rule, Trouble, trouble
from infra.templates import Resource, StackTemplates

NEEDED_ENDPOINTS = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")


def mount_targets_first(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 7: the compute environment waits for the mount targets."""
    for compute in stack.resources(COMPUTE_ENVIRONMENT):
        for target in stack.resources("AWS::EFS::MountTarget"):
            if not _waits(stack, compute, target):
                yield trouble(
                    "mount-targets-first",
                    compute,
                    f"it may come up before {target}, and the first job then fails to mount. Add a "
                    "dependency on the file system's mount targets.",
                )


def _waits(stack: StackTemplates, one: Resource, other: Resource) -> bool:
    if one.template == other.template:
        return other.logical_id in one.depends_on
    first, second = stack.nested(one.template), stack.nested(other.template)
    return first is not None and second is not None and second.logical_id in first.depends_on


def way_to_aws(stack: StackTemplates, _: Environment | None) -> Iterator[Trouble]:
    """Rule 8: public addresses, NAT, or the complete set of endpoints."""
    subnets = list(stack.resources("AWS::EC2::Subnet"))
    public = any(subnet.properties.get("MapPublicIpOnLaunch") is True for subnet in subnets)
    routes = [route.properties for route in stack.resources("AWS::EC2::Route")]
    out = any("GatewayId" in route for route in routes)
    if not subnets or any("NatGatewayId" in route for route in routes) or (public and out):
        return  # an adopted network is its owner's word
    endpoints = list(stack.resources("AWS::EC2::VPCEndpoint"))
    names = [json.dumps(endpoint.properties["ServiceName"]) for endpoint in endpoints]
    for service in NEEDED_ENDPOINTS:
        if not any(name.rstrip('"]}').endswith(f".{service}") for name in names):
            yield trouble(
                "endpoints",
                stack.name,
                f"subnets without a way out have no endpoint for {service}: no instance joins the "
                "cluster, or no image arrives, and jobs stay RUNNABLE. Add it, or choose another "
                "network mode.",
            )
    gateways = [e for e in endpoints if e.properties.get("VpcEndpointType") == "Gateway"]
    policies = [gateway.properties.get("PolicyDocument") for gateway in gateways]
    if not any(
        policy is None or "starport-layer-bucket" in json.dumps(policy) for policy in policies
    ):
        yield trouble(
            "layer-buckets",
            stack.name,
            "no S3 gateway admits prod-REGION-starport-layer-bucket, where image layers lie: "
            "CannotPullContainerError. Add it to the gateway's policy.",
        )


NETWORK_RULES: tuple[Rule, ...] = (mount_targets_first, way_to_aws)
