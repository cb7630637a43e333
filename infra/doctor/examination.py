"""All checks of one environment, in order; what breaks one does not keep the others away."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import boto3

from infra.doctor.access import api_handler, bootstrap, principal, service_roles
from infra.doctor.account import DEFAULT_QUALIFIER, Account, identify
from infra.doctor.alerts import subscription, undelivered
from infra.doctor.bucket import bucket, database, encryption, keys, lifecycle
from infra.doctor.capacity import (
    instance_types,
    lambda_concurrency,
    network_quotas,
    vcpu_quotas,
    zones,
)
from infra.doctor.endpoints import endpoints, gateway
from infra.doctor.file_system import access_point, file_system, mount_targets, security_group
from infra.doctor.findings import Finding, Severity, warning
from infra.doctor.jobs import compute_environments, queue, successes, waiting
from infra.doctor.machine import Machine, building, regions
from infra.doctor.neighbors import shared
from infra.doctor.network import subnets, vpc, ways_out
from infra.doctor.refusals import Unanswered, quoted
from infra.doctor.stack import leftovers, stack
from infra.environments import Environment

Check = Callable[[Account, Environment], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    *(principal, bootstrap, service_roles, api_handler),
    *(zones, instance_types, vcpu_quotas, network_quotas, lambda_concurrency),
    *(vpc, subnets, ways_out, endpoints, gateway),
    *(file_system, mount_targets, access_point, security_group),
    *(bucket, lifecycle, encryption, keys, database),
    *(stack, leftovers, queue, compute_environments, waiting, successes),
    *(subscription, undelivered),
)


def examine(
    session: boto3.Session,
    environment: Environment,
    *,
    region: str | None,
    others: Iterable[Environment] = (),
    qualifier: str = DEFAULT_QUALIFIER,
    machine: Machine | None = None,
) -> list[Finding]:
    """Ask an account and this machine all that an environment needs of them.

    Parameters
    ----------
    session
        A boto3 session of whoever deploys.
    environment
        What is, or is to be, deployed.
    region
        Where; None is a finding.
    others
        The account's other environments, which must not share what would harm them.
    qualifier
        Of the CDK's bootstrap.
    machine
        The machine that builds the image; None is this one.

    Returns
    -------
    list of Finding
        Troubles first, then warnings, then what is well; each once.
    """
    machine = machine or Machine()
    found = [*run("building", building(machine)), *run("regions", regions(machine))]
    try:
        account = identify(session, region=region, qualifier=qualifier)
    except Unanswered as unanswered:
        found.append(dataclasses.replace(unanswered.finding, check="principal"))
    else:
        for check in CHECKS:
            found += run(check.__name__, check(account, environment))
        for other in others:
            found += run("shared", shared(account, environment, other))
    return ordered(found)


def run(name: str, check: Iterator[Finding]) -> list[Finding]:
    """Collect a check's findings; a question that was not answered ends it with one more."""
    found = []
    try:
        for finding in check:
            found.append(dataclasses.replace(finding, check=name))  # noqa: PERF401 - kept on error
    except Unanswered as unanswered:
        found.append(dataclasses.replace(unanswered.finding, check=name))
    except Exception as error:  # noqa: BLE001 - the other findings must not be lost with this one
        what = f"AWS answered what the check {name} did not expect: {type(error).__name__} "
        found.append(
            dataclasses.replace(
                warning(what + quoted(str(error)), "please report it, with this sentence"),
                check=name,
            )
        )
    return found


def ordered(found: Iterable[Finding]) -> list[Finding]:
    """Return findings by severity, otherwise as they came; what two checks say, once."""
    order = list(Severity)
    unique: dict[tuple[Severity, str], Finding] = {}
    for finding in found:
        unique.setdefault((finding.severity, finding.what), finding)
    return sorted(unique.values(), key=lambda finding: order.index(finding.severity))
