import dataclasses

import pytest

from infra.doctor.account import Account
from infra.doctor.capacity import (
    instance_types,
    lambda_concurrency,
    network_quotas,
    vcpu_quotas,
    zones,
)
from infra.doctor.findings import Severity
from infra.environments import DEV, PROD, AdoptedVpc, NetworkMode
from infra.templates import Json
from tests.infra.doctor.cloud import Examine, Network, of, refuse, say
from tests.infra.doctor.conftest import Cloud
from tests.infra.emulator import REGION


def default_subnets(aws: Cloud) -> list[Json]:
    said = aws.client("ec2").describe_subnets(
        Filters=[{"Name": "default-for-az", "Values": ["true"]}]
    )
    return sorted(said["Subnets"], key=lambda subnet: subnet["AvailabilityZone"])


def leave_default_subnets(aws: Cloud, number: int) -> None:
    for subnet in default_subnets(aws)[number:]:
        aws.client("ec2").delete_subnet(SubnetId=subnet["SubnetId"])


def quotas(account: Account, **values: float) -> None:
    """Set quotas by code, `_` for `-`; others are unknown to Service Quotas."""
    known = {code.replace("_", "-"): value for code, value in values.items()}

    def answer(asked: Json) -> Json:
        return {"Quota": {"Value": known[asked["QuotaCode"]]}}

    say(account, "service-quotas.GetServiceQuota", answer)


def test_a_new_network_goes_to_the_zones_with_default_subnets(
    aws: Cloud, examined: Examine
) -> None:
    assert of(Severity.OK, examined(DEV, zones)) == [f"the network goes to {REGION}a, {REGION}b"]


def test_a_single_default_subnet_leaves_a_new_network_too_few_zones(
    aws: Cloud, examined: Examine
) -> None:
    leave_default_subnets(aws, 1)
    (finding,) = examined(DEV, zones)
    assert finding.severity is Severity.TROUBLE
    assert f"the zones {REGION}a only" in finding.what


def test_without_any_default_subnet_every_zone_is_offered(aws: Cloud, examined: Examine) -> None:
    leave_default_subnets(aws, 0)
    assert of(Severity.OK, examined(DEV, zones))


def test_the_default_network_says_nothing_about_an_adopted_one(
    aws: Cloud, examined: Examine
) -> None:
    leave_default_subnets(aws, 1)
    assert examined(dataclasses.replace(DEV, vpc=Network(aws).adopted), zones) == []


def test_the_region_offers_the_default_types(examined: Examine) -> None:
    (finding,) = examined(DEV, instance_types)
    assert finding.severity is Severity.OK
    assert "8 pools" in finding.what


def test_a_type_the_region_does_not_have(examined: Examine) -> None:
    environment = dataclasses.replace(DEV, instance_types=("c7g.large", "c99g.large"))
    (what,) = of(Severity.TROUBLE, examined(environment, instance_types))
    assert "does not offer c99g.large" in what


def test_types_too_small_for_the_job(examined: Examine) -> None:
    environment = dataclasses.replace(DEV, instance_types=("t4g.micro", "t4g.nano"))
    (what,) = of(Severity.TROUBLE, examined(environment, instance_types))
    assert "stays RUNNABLE" in what


def offer(account: Account, *pairs: tuple[str, str]) -> None:
    said = [{"InstanceType": kind, "Location": zone} for kind, zone in pairs]
    say(account, "ec2.DescribeInstanceTypeOfferings", {"InstanceTypeOfferings": said})


def test_a_zone_without_any_listed_type(account: Account, examined: Examine) -> None:
    offer(account, *((kind, f"{REGION}a") for kind in DEV.instance_types))
    (what,) = of(Severity.WARNING, examined(DEV, instance_types))
    assert what.startswith(f"{REGION}b offers none")


def test_a_type_in_none_of_the_zones(account: Account, examined: Examine) -> None:
    kinds = DEV.instance_types[1:]
    offer(account, *((kind, zone) for kind in kinds for zone in (f"{REGION}a", f"{REGION}b")))
    (what,) = of(Severity.WARNING, examined(DEV, instance_types))
    assert what.startswith("c7g.medium is offered in none")


def test_zones_without_any_of_the_types(account: Account, examined: Examine) -> None:
    offer(account)
    (what,) = of(Severity.TROUBLE, examined(DEV, instance_types))
    assert what.startswith(f"none of {REGION}a, {REGION}b offers")


def test_quotas_that_suffice(account: Account, examined: Examine) -> None:
    quotas(account, L_34B43A08=64.0, L_1216C47A=64.0)
    findings = examined(PROD, vcpu_quotas)
    assert len(of(Severity.OK, findings)) == len(findings) == 2


def test_on_demand_counts_only_where_it_is_used(account: Account, examined: Examine) -> None:
    quotas(account, L_34B43A08=64.0, L_1216C47A=0.0)
    assert not of(Severity.TROUBLE, examined(DEV, vcpu_quotas))
    assert "On-Demand" in of(Severity.TROUBLE, examined(PROD, vcpu_quotas))[0]


def test_a_quota_in_which_no_instance_fits(account: Account, examined: Examine) -> None:
    quotas(account, L_34B43A08=1.0)
    (finding,) = examined(DEV, vcpu_quotas)
    assert finding.severity is Severity.TROUBLE
    assert "an instance of 2" in finding.what
    assert finding.do.endswith("--quota-code L-34B43A08 --desired-value 8")


def test_a_quota_below_the_ceiling(account: Account, examined: Examine) -> None:
    quotas(account, L_34B43A08=5.0)
    (finding,) = examined(DEV, vcpu_quotas)
    assert finding.severity is Severity.WARNING
    assert "is 5, less than max_vcpus (8)" in finding.what


def test_a_quota_never_raised_is_the_default(account: Account, examined: Examine) -> None:
    say(account, "service-quotas.GetAWSDefaultServiceQuota", {"Quota": {"Value": 5.0}})
    (finding,) = examined(DEV, vcpu_quotas)
    assert "is 5" in finding.what


def test_a_quota_that_service_quotas_does_not_know(account: Account, examined: Examine) -> None:
    for call in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
        refuse(account, f"service-quotas.{call}", "NoSuchResourceException", 400)
    (finding,) = examined(DEV, vcpu_quotas)
    assert finding.severity is Severity.WARNING
    assert "does not know All Standard Spot" in finding.what


def test_room_for_a_network(aws: Cloud, examined: Examine) -> None:
    (finding,) = examined(DEV, network_quotas)
    assert finding.severity is Severity.OK
    assert finding.what == "the quota VPCs per Region is 5, of which 1 are used"


def test_no_room_for_a_network(aws: Cloud, examined: Examine) -> None:
    for number in range(4):
        aws.client("ec2").create_vpc(CidrBlock=f"10.{number}.0.0/16")
    (finding,) = examined(DEV, network_quotas)
    assert finding.severity is Severity.TROUBLE
    assert "adopt one" in finding.do


def test_no_room_matters_to_nobody_who_adopts(aws: Cloud, examined: Examine) -> None:
    network = Network(aws)
    environment = dataclasses.replace(DEV, vpc=network.adopted)
    assert isinstance(environment.vpc, AdoptedVpc)
    assert examined(environment, network_quotas) == []


@pytest.mark.parametrize(("used", "severity"), [(0, Severity.OK), (5, Severity.TROUBLE)])
def test_an_address_for_the_nat_gateway(
    aws: Cloud, account: Account, examined: Examine, used: int, severity: Severity
) -> None:
    quotas(account, L_F678F1CE=5.0, L_0263D0A3=5.0)
    for _ in range(used):
        aws.client("ec2").allocate_address(Domain="vpc")
    environment = dataclasses.replace(DEV, network_mode=NetworkMode.NAT)
    findings = examined(environment, network_quotas)
    assert any("Elastic IPs" in what for what in of(severity, findings))


@pytest.mark.parametrize(("free", "severity"), [(10, Severity.OK), (0, Severity.TROUBLE)])
def test_lambda_concurrency(
    account: Account, examined: Examine, free: int, severity: Severity
) -> None:
    limits = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": free}
    say(account, "lambda.GetAccountSettings", {"AccountLimit": limits})
    (finding,) = examined(DEV, lambda_concurrency)
    assert finding.severity is severity
