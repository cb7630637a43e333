"""The idle and per-run bill of an environment in each network mode: `python -m infra.cost dev`.

What is billed is counted from the finished templates, and priced by `infra/prices.toml`. An
estimate: taxes, free tiers and the site's own bill are left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.environments import (
    DEFAULTS,
    Environment,
    InvalidEnvironment,
    NetworkMode,
    smallest_fit,
)
from infra.facts import ROOT_VOLUME_GIB
from infra.overrides import environments_from
from infra.templates import METADATA, StackTemplates, read_assembly

PRICES = Path(__file__).with_name("prices.toml")
CONTEXT = Path(__file__).resolve().parents[1] / "cdk.json"
HOURS_A_MONTH = 730
STAGE_METRIC = "StageDuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a stack has that is billed.

    Attributes
    ----------
    alarms, dashboards, nat_gateways
        How many of each.
    addresses
        Public addresses that exist while idle.
    endpoint_zones
        Interface endpoints, each counted once for every zone it is in.
    file_system, backup, bucket
        Whether the stack has them itself.
    metrics, stage_metrics
        Custom metrics that a run writes once, and once for each of its stages.
    public
        Whether an instance has a public address while it runs.
    """

    alarms: int
    dashboards: int
    nat_gateways: int
    addresses: int
    endpoint_zones: int
    file_system: bool
    backup: bool
    bucket: bool
    metrics: int
    stage_metrics: int
    public: bool


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


def templates_of(environment: Environment) -> dict[NetworkMode, StackTemplates]:
    """Synthesize an environment's stack in each network mode."""
    from aws_cdk import App

    from infra.analytics_stack import AnalyticsStack

    with tempfile.TemporaryDirectory() as folder:
        app = App(outdir=folder, post_cli_context=METADATA)
        for mode in NetworkMode:
            variant = dataclasses.replace(environment, network_mode=mode)
            AnalyticsStack(app, mode.value, environment=variant)
        app.synth()
        return {NetworkMode(stack.name): stack for stack in read_assembly(Path(folder))}


def count(stack: StackTemplates, environment: Environment) -> Counts:
    """Count what is billed in finished templates."""

    def number(kind: str) -> int:
        return sum(1 for _ in stack.resources(kind))

    metrics = _metrics(stack)
    systems = [system.properties for system in stack.resources("AWS::EFS::FileSystem")]
    subnets = [subnet.properties for subnet in stack.resources("AWS::EC2::Subnet")]
    return Counts(
        alarms=number("AWS::CloudWatch::Alarm"),
        dashboards=number("AWS::CloudWatch::Dashboard"),
        nat_gateways=number("AWS::EC2::NatGateway"),
        addresses=number("AWS::EC2::EIP"),
        endpoint_zones=sum(
            len(endpoint.properties["SubnetIds"])
            for endpoint in stack.resources("AWS::EC2::VPCEndpoint")
            if endpoint.properties["VpcEndpointType"] == "Interface"
        ),
        file_system=bool(systems),
        backup=any(s.get("BackupPolicy", {}).get("Status") == "ENABLED" for s in systems),
        bucket=number("AWS::S3::Bucket") > 0,
        metrics=len(metrics - {STAGE_METRIC}),
        stage_metrics=len(metrics & {STAGE_METRIC}),
        public=environment.network_mode is NetworkMode.PUBLIC
        if environment.vpc is not None
        else all(subnet.get("MapPublicIpOnLaunch") for subnet in subnets),
    )


def _metrics(stack: StackTemplates) -> set[str]:
    return {
        name
        for job in stack.resources("AWS::Batch::JobDefinition")
        for entry in job.properties["ContainerProperties"]["Environment"]
        if entry["Name"] == "ANALYTICS_METRICS"
        for name in entry["Value"].split(",")
        if name
    }


def bill(environment: Environment, counts: Counts, prices: dict[str, Any]) -> Bill:
    """Price what was counted.

    Parameters
    ----------
    environment
        Its size, run time and runs per month.
    counts
        Of its stack.
    prices
        As in `prices.toml`.

    Raises
    ------
    InvalidEnvironment
        When the price list lacks the instance type that the job would run on.
    """
    network, storage, assumed = prices["network"], prices["storage"], prices["assumed"]
    database = assumed["database_gib"] * counts.file_system
    idle = {
        "dashboard": counts.dashboards * storage["dashboard_month"],
        "alarms": counts.alarms * storage["alarm_month"],
        "interface endpoints": counts.endpoint_zones * network["endpoint_hour"] * HOURS_A_MONTH,
        "NAT gateway": counts.nat_gateways * network["nat_hour"] * HOURS_A_MONTH,
        "its public address": counts.addresses * network["public_ipv4_hour"] * HOURS_A_MONTH,
        "image (stored)": assumed["image_gib"] * storage["ecr_gib_month"],
        "file system (stored)": database * storage["efs_gib_month"],
        "its backup (stored)": counts.backup * database * storage["backup_gib_month"],
        "bucket (stored)": counts.bucket * assumed["documents_gib"] * storage["s3_gib_month"],
    }
    through = network["nat_gib"] * bool(counts.nat_gateways) + network["endpoint_gib"] * bool(
        counts.endpoint_zones
    )
    metrics = counts.metrics + counts.stage_metrics * assumed["stages"]
    hours = minutes_billed(environment, prices) / 60
    besides = (
        hours * network["public_ipv4_hour"] * counts.public
        + hours * ROOT_VOLUME_GIB * storage["gp3_gib_month"] / HOURS_A_MONTH
        # A metric is billed for each hour in which it is written.
        + metrics * storage["metric_month"] / HOURS_A_MONTH
        + assumed["log_gib_per_run"] * storage["logs_gib"]
        + assumed["other_gib_per_run"] * through
    )
    kind = smallest_fit(environment) or environment.instance_types[0]
    if kind not in prices["instances"]["on_demand_hour"]:
        raise InvalidEnvironment(f"the price list has no price of {kind}; add it.")
    hourly = prices["instances"]["on_demand_hour"][kind]
    spot = hours * hourly * prices["instances"]["spot_share"] + besides
    return Bill(
        idle_month={item: amount for item, amount in idle.items() if amount},
        run_spot=spot,
        run_on_demand=hours * hourly + besides,
        month=sum(idle.values()) + environment.runs_per_month * spot,
    )


def minutes_billed(environment: Environment, prices: dict[str, Any]) -> float:
    """Return how long an instance is paid for one run, in minutes."""
    around = prices["assumed"]["minutes"]
    return environment.minutes_per_run + sum(around.values())


def bills_of(environment: Environment, prices: dict[str, Any]) -> dict[NetworkMode, Bill]:
    """Return the bill of every network mode."""
    return {
        mode: bill(
            environment,
            count(stack, dataclasses.replace(environment, network_mode=mode)),
            prices,
        )
        for mode, stack in templates_of(environment).items()
    }


def as_json(environment: Environment, prices: dict[str, Any]) -> str:
    """Return the bill of every network mode for programs."""
    return json.dumps(
        {
            "environment": environment.name,
            "network_mode": environment.network_mode,
            "instance": smallest_fit(environment),
            "runs_per_month": environment.runs_per_month,
            "minutes_billed": minutes_billed(environment, prices),
            "region": prices["region"],
            "prices_as_of": str(prices["as_of"]),
            "usd": {m: dataclasses.asdict(b) for m, b in bills_of(environment, prices).items()},
        },
        indent=2,
    )


def table(environment: Environment, prices: dict[str, Any]) -> str:
    """Return the bill of every network mode as text, the environment's own marked."""
    bills = bills_of(environment, prices)
    around = prices["assumed"]["minutes"]
    runs = (
        f"{environment.name}: {environment.vcpus} vCPUs, {environment.memory_mib} MiB on "
        f"{smallest_fit(environment)}, {environment.runs_per_month} runs a month"
    )
    billed = (
        f"A run is billed for {minutes_billed(environment, prices):g} min: "
        f"refresh {environment.minutes_per_run:g}, instance start {around['start']:g}, "
        f"image {around['pull']:g}, idle end {around['idle']:g}"
    )
    priced = f"US dollars, {prices['region']}, prices as of {prices['as_of']} (infra/prices.toml)"
    shared = (
        ["Of a refresh on one machine; docs/scale.md has the bill of a shared one"]
        if environment.shards
        else []
    )
    heads = f"{'network':<12}{'idle/month':>12}{'run, Spot':>12}{'run, on-dem.':>14}{'month':>10}"
    lines = [runs, billed, *shared, priced, "", heads]
    for mode, costs in bills.items():
        mark = " <- this one" if mode is environment.network_mode else ""
        lines.append(
            f"{mode:<12}{sum(costs.idle_month.values()):>12.2f}{costs.run_spot:>12.4f}"
            f"{costs.run_on_demand:>14.4f}{costs.month:>10.2f}{mark}"
        )
    own = bills[environment.network_mode].idle_month
    lines += ["", "idle, item by item:"]
    lines += [f"  {item:<24}{amount:>8.2f}" for item, amount in own.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the bill of the named environment, with the overrides of cdk.json."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("environment", choices=sorted(DEFAULTS))
    parser.add_argument("--prices", type=Path, default=PRICES, help="another price list")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    settings = json.loads(CONTEXT.read_text(encoding="utf-8"))
    prices = tomllib.loads(arguments.prices.read_text(encoding="utf-8"))
    try:
        environments = environments_from(settings.get("context", {}).get("environments"))
        show = as_json if arguments.json else table
        text = show(environments[arguments.environment], prices)
    except InvalidEnvironment as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
