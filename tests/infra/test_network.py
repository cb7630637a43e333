"""The network and the file system, in each mode."""

import json

import pytest

from infra.templates import StackTemplates
from tests.infra.conftest import Synthesized, synthesize
from tests.infra.finding import only


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """Dev isolated behind endpoints, prod behind NAT in three zones."""
    overrides = {
        "dev": {"network_mode": "endpoints"},
        "prod": {"network_mode": "nat", "zones": 3},
    }
    return synthesize(tmp_path_factory.mktemp("modes"), overrides)


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_the_public_network_admits_nothing_and_costs_nothing_idle(
    synthesized: Synthesized, name: str
) -> None:
    stack = synthesized.stacks[name]
    kinds = {resource.type for resource in stack.resources()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    endpoints = [e.properties["VpcEndpointType"] for e in stack.resources("AWS::EC2::VPCEndpoint")]
    assert endpoints == ["Gateway"]
    subnets = list(stack.resources("AWS::EC2::Subnet"))
    assert len(subnets) == 2
    assert all(s.properties["MapPublicIpOnLaunch"] for s in subnets)
    assert any("GatewayId" in r.properties for r in stack.resources("AWS::EC2::Route"))


def test_the_isolated_network_has_no_way_out_but_every_endpoint(modes: Synthesized) -> None:
    stack = modes.stacks["DevStack"]
    kinds = {resource.type for resource in stack.resources()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::EIP"}
    endpoints = [e.properties for e in stack.resources("AWS::EC2::VPCEndpoint")]
    interfaces = {
        e["ServiceName"]["Fn::Join"][1][-1].removeprefix(".")
        for e in endpoints
        if e["VpcEndpointType"] == "Interface"
    }
    assert interfaces == {"ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs"}
    assert all(e["PrivateDnsEnabled"] for e in endpoints if e["VpcEndpointType"] == "Interface")
    [gateway] = [e for e in endpoints if e["VpcEndpointType"] == "Gateway"]
    policy = json.dumps(gateway["PolicyDocument"])
    assert "starport-layer-bucket" in policy
    assert "aws:ResourceAccount" in policy


def test_nat_and_a_third_zone_are_a_word_away(modes: Synthesized) -> None:
    stack = modes.stacks["ProdStack"]
    assert len(list(stack.resources("AWS::EC2::NatGateway"))) == 1
    private = [
        s.properties
        for s in stack.resources("AWS::EC2::Subnet")
        if not s.properties["MapPublicIpOnLaunch"]
    ]
    zones = [json.dumps(s["AvailabilityZone"]) for s in private]
    assert len(set(zones)) == len(zones) == 3
    for compute in stack.resources("AWS::Batch::ComputeEnvironment"):
        assert len(compute.properties["ComputeResources"]["Subnets"]) == 3
    assert len(list(stack.resources("AWS::EFS::MountTarget"))) == 3


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_security_groups_let_out_443_and_2049_and_let_in_only_each_other(
    synthesized: Synthesized, name: str
) -> None:
    stack = synthesized.stacks[name]
    ports_out = set()
    for group in stack.resources("AWS::EC2::SecurityGroup"):
        described = group.properties["GroupDescription"]
        ingress = group.properties.get("SecurityGroupIngress", [])
        if described.startswith("Batch instances"):
            assert ingress == []
            ports_out |= {
                (rule["FromPort"], rule["ToPort"])
                for rule in group.properties["SecurityGroupEgress"]
            }
        else:  # CDK's way to say "nothing": a rule that cannot match
            assert all(
                rule["CidrIp"] == "255.255.255.255/32"
                for rule in group.properties["SecurityGroupEgress"]
            )
        assert all("CidrIp" not in rule for rule in ingress)
    ports_out |= {
        (rule.properties["FromPort"], rule.properties["ToPort"])
        for rule in stack.resources("AWS::EC2::SecurityGroupEgress")
    }
    assert ports_out == {(443, 443), (2049, 2049)}
    for rule in stack.resources("AWS::EC2::SecurityGroupIngress"):
        assert "SourceSecurityGroupId" in rule.properties


def test_the_file_system_is_encrypted_backed_up_in_prod_and_reached_encrypted(
    dev: StackTemplates, prod: StackTemplates
) -> None:
    for stack, backup in ((dev, "DISABLED"), (prod, "ENABLED")):
        properties = only(stack, "AWS::EFS::FileSystem").properties
        assert properties["Encrypted"] is True
        assert properties.get("BackupPolicy", {"Status": "DISABLED"}) == {"Status": backup}
        assert "aws:SecureTransport" in json.dumps(properties["FileSystemPolicy"])
        assert len(list(stack.resources("AWS::EFS::MountTarget"))) == 2


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_compute_environments_wait_for_the_mount_targets(
    synthesized: Synthesized, name: str
) -> None:
    """A mount by name fails until the target is there; the wait is between nested stacks."""
    stack = synthesized.stacks[name]
    [batch] = {r.template for r in stack.resources("AWS::Batch::ComputeEnvironment")}
    [network] = {r.template for r in stack.resources("AWS::EFS::MountTarget")}
    first, second = stack.nested(network), stack.nested(batch)
    assert first is not None
    assert second is not None
    assert first.logical_id in second.depends_on
