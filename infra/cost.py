"""The idle and per-run bill of an environment in each network mode: `python -m infra.cost dev`.

The environment's own numbers, the prices of `infra/prices.toml`. An estimate: taxes, free tiers
and the site's own bill are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.environments import (
    DEFAULTS,
    Environment,
    InvalidEnvironment,
    NetworkMode,
    environments_from,
)

PRICES = Path(__file__).with_name("prices.toml")
HOURS_A_MONTH = 730
ENDPOINTS = 6
"""Interface endpoints of the isolated network (ecs, ecs-agent, ecs-telemetry, ecr x 2, logs)."""
ZONES = 2
ALARMS = 3
ROOT_VOLUME_GIB = 30
AGENT_SHARE = 0.1
CAPACITY = {
    "c7g.medium": (1, 2048),
    "c7g.large": (2, 4096),
    "c7g.xlarge": (4, 8192),
    "c7g.2xlarge": (8, 16384),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one network mode costs, in US dollars.

    Attributes
    ----------
    idle_month
        By item, when nothing runs.
    run_spot, run_on_demand
        One run on the smallest instance that fits.
    month
        Idle, and the expected runs on Spot.
    """

    idle_month: dict[str, float]
    run_spot: float
    run_on_demand: float
    month: float


def smallest_instance(environment: Environment) -> str:
    """Return the smallest listed instance type that holds the job beside the ECS agent."""
    for name, (vcpus, memory_mib) in CAPACITY.items():
        if environment.vcpus <= vcpus and environment.memory_mib <= memory_mib * (1 - AGENT_SHARE):
            return name
    raise InvalidEnvironment(
        f"environment {environment.name!r}: no listed instance holds {environment.vcpus} vCPUs "
        f"and {environment.memory_mib} MiB."
    )


def bill(environment: Environment, mode: NetworkMode, prices: dict[str, Any]) -> Bill:
    """Estimate one environment's bill in one network mode.

    Parameters
    ----------
    environment
        Its size, run time and runs a month count; its own network mode does not.
    mode
        The network mode to price. An adopted network costs nothing here: its owner pays it.
    prices
        As in `prices.toml`.
    """
    network, storage, assumed = prices["network"], prices["storage"], prices["assumed"]
    idle = {
        "alarms and dashboard": ALARMS * storage["alarm_month"] + storage["dashboard_month"],
        "image": assumed["image_gib"] * storage["ecr_gib_month"],
    }
    if environment.file_system is None:
        idle["file system"] = assumed["database_gib"] * storage["efs_gib_month"]
    if environment.bucket_name is None:
        idle["bucket"] = assumed["documents_gib"] * storage["s3_gib_month"]
    through = 0.0
    address = 0.0
    # Image layers come through the S3 gateway, which is free in every mode.
    if mode is NetworkMode.ENDPOINTS:
        idle["interface endpoints"] = ENDPOINTS * ZONES * network["endpoint_hour"] * HOURS_A_MONTH
        through = network["endpoint_gib"]
    elif mode is NetworkMode.NAT:
        idle["NAT gateway"] = network["nat_hour"] * HOURS_A_MONTH
        idle["its public address"] = network["public_ipv4_hour"] * HOURS_A_MONTH
        through = network["nat_gib"]
    else:
        address = network["public_ipv4_hour"]
    if environment.vpc is not None:
        for item in ("interface endpoints", "NAT gateway", "its public address"):
            idle.pop(item, None)
    hours = (environment.minutes_per_run + assumed["instance_overhead_minutes"]) / 60
    hourly = prices["instances"]["on_demand_hour"][smallest_instance(environment)]
    besides = (
        hours * address
        + hours * ROOT_VOLUME_GIB * storage["gp3_gib_month"] / HOURS_A_MONTH
        + assumed["log_gib_per_run"] * storage["logs_gib"]
        + assumed["other_gib_per_run"] * through
    )
    spot = hours * hourly * prices["instances"]["spot_share"] + besides
    return Bill(
        idle_month=idle,
        run_spot=spot,
        run_on_demand=hours * hourly + besides,
        month=sum(idle.values()) + environment.runs_per_month * spot,
    )


def table(environment: Environment, prices: dict[str, Any]) -> str:
    """Return the bill of every network mode as text, the environment's own marked."""
    lines = [
        (
            f"{environment.name}: {environment.vcpus} vCPUs, {environment.memory_mib} MiB on "
            f"{smallest_instance(environment)}, {environment.minutes_per_run:g} min a run, "
            f"{environment.runs_per_month} runs a month"
        ),
        f"US dollars, {prices['region']}, prices as of {prices['as_of']} (infra/prices.toml)",
        "",
        f"{'network':<12}{'idle/month':>12}{'run, Spot':>12}{'run, on-dem.':>14}{'month':>10}",
    ]
    for mode in NetworkMode:
        costs = bill(environment, mode, prices)
        mark = " <- this environment" if mode is environment.network_mode else ""
        lines.append(
            f"{mode:<12}{sum(costs.idle_month.values()):>12.2f}{costs.run_spot:>12.4f}"
            f"{costs.run_on_demand:>14.4f}{costs.month:>10.2f}{mark}"
        )
    own = bill(environment, environment.network_mode, prices)
    lines += ["", "idle, item by item:"]
    lines += [f"  {item:<24}{amount:>8.2f}" for item, amount in own.idle_month.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the bill of the named environment, with the overrides of cdk.json."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("environment", choices=sorted(DEFAULTS))
    parser.add_argument("--prices", type=Path, default=PRICES, help="another price list")
    arguments = parser.parse_args()
    settings = json.loads(
        (Path(__file__).resolve().parents[1] / "cdk.json").read_text(encoding="utf-8")
    )
    try:
        environments = environments_from(settings.get("context", {}).get("environments"))
    except InvalidEnvironment as error:
        sys.exit(f"error: {error}")
    prices = tomllib.loads(arguments.prices.read_text(encoding="utf-8"))
    sys.stdout.write(table(environments[arguments.environment], prices) + "\n")


if __name__ == "__main__":
    main()
