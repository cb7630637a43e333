"""An environment that shares its refresh among machines: what is deployed, and nothing wider."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.model import StructureShape
from botocore.session import get_session

from infra.environments import DEV, InvalidEnvironment, Machine
from infra.overrides import environments_from
from tests.infra.conftest import Synthesized, synthesize
from trigger.chain import LARGEST_ARRAY
from trigger.settings import ChainSettings, read_settings
from trigger.settings import Machine as Told

LARGE = {"vcpus": 8, "memory_mib": 14_000, "timeout_minutes": 90}
OVERRIDES = {
    "dev": {"shards": 64, "finish_machine": LARGE},
    "prod": {"shards": "auto", "shard_minutes": 5},
}


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    folder: Path = tmp_path_factory.mktemp("sharing")
    return synthesize(folder, OVERRIDES)


def resources(made: Synthesized, name: str) -> dict[str, Any]:
    """Every resource's properties by its place, but for the nested templates' own addresses."""
    return {
        str(resource): resource.properties
        for resource in made.stacks[name].resources()
        if resource.type != "AWS::CloudFormation::Stack"
    }


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_nothing_is_deployed_but_a_variable_of_the_function_and_time_for_the_longest_job(
    synthesized: Synthesized, sharing: Synthesized, name: str
) -> None:
    """No right, no rule and no definition differs, so none is wider."""
    alone, shared = resources(synthesized, name), resources(sharing, name)
    assert len(alone) > 40
    assert any("Policy" in place for place in alone)
    differing = {place for place in alone | shared if alone.get(place) != shared.get(place)}
    [function] = {place for place in differing if "Environment" in shared[place]}
    variables = shared[function]["Environment"]["Variables"]
    assert alone[function]["Environment"]["Variables"] == {
        key: value for key, value in variables.items() if key != "CHAIN"
    }
    # Only where a step may take longer than the environment's own job: in dev.
    patched = {place for place in alone if waits(alone[place])}
    assert differing - {function} == (patched if name == "DevStack" else set())


def waits(properties: dict[str, Any]) -> int:
    """For how many minutes an update of the machines lets jobs run on; 0: it is none."""
    found = re.findall(r"JobExecutionTimeoutMinutes\W+(\d+)", json.dumps(properties))
    return int(found[0]) if found else 0


@pytest.mark.parametrize(("name", "minutes"), [("DevStack", 90), ("ProdStack", 60)])
def test_an_update_of_the_machines_lets_the_longest_job_run_to_its_limit(
    sharing: Synthesized, name: str, minutes: int
) -> None:
    """A deploy's update and the monthly one, of each environment: Batch ends what takes longer."""
    found = [waits(properties) for properties in resources(sharing, name).values()]
    computes = list(sharing.stacks[name].resources("AWS::Batch::ComputeEnvironment"))
    assert [each for each in found if each] == [minutes] * 2 * len(computes)


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ({}, 30),
        ({"shards": 2, "plan_machine": LARGE}, 90),
        ({"shards": 2, "shard_machine": LARGE | {"timeout_minutes": 24 * 60}}, 24 * 60),
        ({"shards": 2, "finish_machine": LARGE, "timeout_minutes": 120}, 120),
        # A chain of before the owner went back to one machine may still run.
        ({"shards": 0, "finish_machine": LARGE}, 90),
    ],
)
def test_the_longest_limit_is_of_any_step_and_within_what_batch_takes(
    fields: dict[str, Any], minutes: int
) -> None:
    assert environments_from({"dev": fields})["dev"].longest_minutes == minutes
    update = get_session().get_service_model("batch").shape_for("UpdatePolicy")
    assert isinstance(update, StructureShape)
    limits = update.members["jobExecutionTimeoutMinutes"].metadata
    assert limits["min"] <= minutes <= limits["max"]


def told(made: Synthesized, name: str) -> ChainSettings | None:
    for function in made.stacks[name].resources("AWS::Lambda::Function"):
        variables = function.properties["Environment"]["Variables"]
        if "BATCH_JOB_QUEUE" in variables:
            text = {k: v if isinstance(v, str) else "arn" for k, v in variables.items()}
            return read_settings(text).chain
    raise AssertionError("no trigger")


def test_the_function_is_told_how_to_share(synthesized: Synthesized, sharing: Synthesized) -> None:
    assert told(synthesized, "DevStack") is None
    own = Told(vcpus=2, memory_mib=3072, minutes=30)
    assert told(sharing, "DevStack") == ChainSettings(
        shards=64,
        minutes=DEV.shard_minutes,
        first=4,
        plan=own,
        shard=own,
        finish=Told(vcpus=8, memory_mib=14_000, minutes=90),
    )
    prod = told(sharing, "ProdStack")
    assert prod is not None
    assert (prod.shards, prod.minutes, prod.first) == (None, 5, 8)


def test_overrides_of_cdk_json_reach_the_fields() -> None:
    made = environments_from(OVERRIDES)
    assert made["dev"].shards == 64
    assert made["dev"].finish_machine == Machine(**LARGE)
    assert made["prod"].shards == "auto"
    assert environments_from({"dev": {"shards": 3.0}})["dev"].shards == 3
    alike = {"shards": "auto", "shard_machine": LARGE | {"vcpus": 2}, "finish_machine": LARGE}
    assert environments_from({"dev": alike})["dev"].steps["shard"].memory_mib == 14_000


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shards": -1}, "give 0 to 10000, or 'auto'"),
        ({"shards": LARGEST_ARRAY + 1}, "give 0 to 10000"),
        ({"shards": "many"}, "shards is 'many'"),
        ({"shards": True}, "shards must be a whole number"),
        ({"shard_minutes": 0}, "shard_minutes is 0"),
        ({"shards": "auto", "shard_minutes": 20}, "give half of a shard's timeout at most"),
        ({"shards": "auto", "shard_machine": LARGE}, "vcpus (2), plan_machine (2) and shard_m"),
        ({"shards": "auto", "plan_machine": LARGE}, "(2), plan_machine (8) and shard_machine (2)"),
        (
            {"shards": "auto", "plan_machine": LARGE, "shard_machine": LARGE},
            "give vcpus (2), plan_machine (8) and shard_machine (8) the same vCPUs",
        ),
        ({"shard_machine": {"vcpus": 2}}, "lacks memory_mib, timeout_minutes"),
        ({"shard_machine": LARGE | {"vcpus": 16}}, "give 1 to max_vcpus, 8"),
        ({"shard_machine": LARGE | {"memory_mib": 1024}}, "give 2048 to 131072"),
        ({"plan_machine": LARGE | {"timeout_minutes": 0}}, "has 0 minutes"),
        ({"finish_machine": LARGE | {"memory_mib": 16_384}}, "none that holds finish_machine"),
        (
            {"scratch_mib": 1536, "shard_machine": LARGE | {"memory_mib": 2048}},
            "less than twice scratch_mib",
        ),
    ],
)
def test_a_value_that_cannot_run_is_one_sentence(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidEnvironment, match=r"environment 'dev': .*\.$") as caught:
        environments_from({"dev": fields})
    assert words in str(caught.value)
