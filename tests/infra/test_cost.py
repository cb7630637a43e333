import dataclasses
import tomllib

import pytest

from infra.cost import PRICES, bill, smallest_instance, table
from infra.environments import DEV, PROD, NetworkMode


@pytest.fixture
def prices():
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))


def test_the_public_network_is_the_only_one_without_an_idle_bill(prices):
    idle = {mode: sum(bill(DEV, mode, prices).idle_month.values()) for mode in NetworkMode}
    assert idle[NetworkMode.PUBLIC] < 5 < idle[NetworkMode.NAT] < idle[NetworkMode.ENDPOINTS]
    # six endpoints in two zones
    extra = idle[NetworkMode.ENDPOINTS] - idle[NetworkMode.PUBLIC]
    assert extra == pytest.approx(12 * 730 * prices["network"]["endpoint_hour"])


def test_the_bill_follows_the_environments_numbers(prices):
    mode = NetworkMode.PUBLIC
    base = bill(PROD, mode, prices)
    longer = bill(dataclasses.replace(PROD, minutes_per_run=30.0), mode, prices)
    larger = bill(dataclasses.replace(PROD, vcpus=8, memory_mib=14336), mode, prices)
    more = bill(dataclasses.replace(PROD, runs_per_month=1000), mode, prices)
    assert longer.run_spot > 2 * base.run_spot
    assert larger.run_on_demand > 3 * base.run_on_demand
    assert more.month - base.month == pytest.approx(880 * base.run_spot)
    assert base.run_spot < base.run_on_demand


@pytest.mark.parametrize(
    ("vcpus", "memory_mib", "expected"),
    [(1, 2048, "c7g.large"), (2, 3686, "c7g.large"), (2, 3700, "c7g.xlarge"),
     (8, 14336, "c7g.2xlarge")],
)  # fmt: skip
def test_the_agents_share_is_taken_off(vcpus, memory_mib, expected):
    environment = dataclasses.replace(DEV, vcpus=vcpus, memory_mib=memory_mib, max_vcpus=16)
    assert smallest_instance(environment) == expected


def test_the_table_marks_the_environments_own_mode_and_dates_the_prices(prices):
    text = table(PROD, prices)
    assert "endpoints" in next(line for line in text.splitlines() if "<-" in line)
    assert prices["as_of"] in text
