import dataclasses
import json
import subprocess
import sys
import tomllib

import pytest

from infra.cost import (
    HOURS_A_MONTH,
    PRICES,
    Counts,
    as_json,
    bill,
    count,
    minutes_billed,
    table,
    templates_of,
)
from infra.environments import (
    DEV,
    PROD,
    AdoptedFileSystem,
    AdoptedVpc,
    Environment,
    InvalidEnvironment,
)
from infra.environments import NetworkMode as Mode
from infra.templates import Json, StackTemplates
from tests.infra.conftest import REPOSITORY


@pytest.fixture(scope="module")
def prices() -> Json:
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def prod() -> dict[Mode, StackTemplates]:
    return templates_of(PROD)


def of(environment: Environment, mode: Mode, stacks: dict[Mode, StackTemplates]) -> Counts:
    variant = dataclasses.replace(environment, network_mode=mode)
    return count(stacks[mode], variant)


def test_an_idle_month_of_prod_is_under_four_dollars_and_of_dev_only_what_is_stored(
    prod: dict[Mode, StackTemplates], prices: Json
) -> None:
    assert sum(bill(PROD, of(PROD, PROD.network_mode, prod), prices).idle_month.values()) < 4
    idle = bill(DEV, of(DEV, DEV.network_mode, templates_of(DEV)), prices).idle_month
    assert all(item.endswith("(stored)") for item in idle)
    assert sum(idle.values()) < 0.10


def test_the_public_network_is_the_only_one_without_an_idle_bill(
    prod: dict[Mode, StackTemplates], prices: Json
) -> None:
    idle = {
        mode: sum(bill(PROD, of(PROD, mode, prod), prices).idle_month.values()) for mode in Mode
    }
    assert idle[Mode.PUBLIC] < 5 < idle[Mode.NAT] < idle[Mode.ENDPOINTS]
    extra = idle[Mode.ENDPOINTS] - idle[Mode.PUBLIC]
    # six endpoints in two zones
    assert extra == pytest.approx(12 * HOURS_A_MONTH * prices["network"]["endpoint_hour"])


def test_what_is_billed_is_counted_from_the_templates(prod: dict[Mode, StackTemplates]) -> None:
    counts = of(PROD, Mode.PUBLIC, prod)
    assert (counts.alarms, counts.dashboards) == (2, 1)
    assert (counts.metrics, counts.stage_metrics) == (8, 1)
    assert counts.file_system
    assert counts.backup
    assert counts.bucket
    assert counts.public
    assert of(PROD, Mode.ENDPOINTS, prod).endpoint_zones == 12
    assert not of(PROD, Mode.ENDPOINTS, prod).public
    nat = of(PROD, Mode.NAT, prod)
    assert (nat.nat_gateways, nat.addresses) == (1, 1)
    three = dataclasses.replace(PROD, zones=3)
    assert of(three, Mode.ENDPOINTS, templates_of(three)).endpoint_zones == 18


def test_what_is_adopted_is_not_billed_here(prices: Json) -> None:
    adopted = dataclasses.replace(
        PROD,
        vpc=AdoptedVpc(
            vpc_id="vpc-0123456789abcdef0",
            availability_zones=("eu-west-1a", "eu-west-1b"),
            subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        ),
        file_system=AdoptedFileSystem(
            file_system_id="fs-0123456789abcdef0",
            access_point_id="fsap-0123456789abcdef0",
            security_group_id="sg-0123456789abcdef0",
        ),
        bucket_name="the-sites-bucket",
    )
    stacks = templates_of(adopted)
    for mode in Mode:
        idle = bill(adopted, of(adopted, mode, stacks), prices).idle_month
        assert set(idle) == {"dashboard", "alarms", "image (stored)"}
    assert of(adopted, Mode.PUBLIC, stacks).public, "its instances have addresses all the same"


def test_the_bill_follows_the_environments_numbers(
    prod: dict[Mode, StackTemplates], prices: Json
) -> None:
    counts = of(PROD, Mode.PUBLIC, prod)
    base = bill(PROD, counts, prices)
    longer = bill(dataclasses.replace(PROD, minutes_per_run=30.0), counts, prices)
    larger = bill(dataclasses.replace(PROD, vcpus=8, memory_mib=14336), counts, prices)
    more = bill(dataclasses.replace(PROD, runs_per_month=1000), counts, prices)
    unwatched = bill(PROD, dataclasses.replace(counts, metrics=0, stage_metrics=0), prices)
    assert longer.run_spot > 2 * base.run_spot
    assert larger.run_on_demand > 2 * base.run_on_demand
    assert more.month - base.month == pytest.approx(880 * base.run_spot)
    assert base.run_spot < base.run_on_demand
    watched = 18 * prices["storage"]["metric_month"] / HOURS_A_MONTH
    assert base.run_spot - unwatched.run_spot == pytest.approx(watched)
    assert minutes_billed(PROD, prices) > 5 * PROD.minutes_per_run, "waiting is most of it"


def test_a_type_without_a_price_is_named(prod: dict[Mode, StackTemplates], prices: Json) -> None:
    other = dataclasses.replace(PROD, instance_types=("x2gd.large", "x2gd.xlarge"))
    with pytest.raises(InvalidEnvironment, match=r"no price of x2gd\.large; add it"):
        bill(other, of(PROD, Mode.PUBLIC, prod), prices)


def test_json_holds_what_the_table_shows(prices: Json) -> None:
    told = json.loads(as_json(DEV, prices))
    assert told["network_mode"] == "public"
    assert set(told["usd"]) == {mode.value for mode in Mode}
    shown = table(DEV, prices)
    for mode, costs in told["usd"].items():
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{mode} ")]
        assert f"{sum(costs['idle_month'].values()):.2f}" in line
        assert f"{costs['run_spot']:.4f}" in line
        assert f"{costs['month']:.2f}" in line


def test_the_table_marks_the_environments_own_mode_dates_the_prices_and_fits(prices: Json) -> None:
    lines = table(PROD, prices).splitlines()
    assert "public" in next(line for line in lines if "<-" in line)
    assert any(prices["as_of"] in line for line in lines)
    assert max(map(len, lines)) <= 88
    assert any("refresh 0.5" in line for line in lines)


def test_the_command_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.cost", "dev"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "idle, item by item:" in done.stdout
