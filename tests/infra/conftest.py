"""Both stacks, synthesized once a session: starting jsii costs more than all the assertions."""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from aws_cdk import App

from infra.acknowledged import Reason, unexplained
from infra.environments import Environment
from infra.synthesis import build
from infra.templates import METADATA, StackTemplates, read_assembly

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Synthesized:
    folder: Path
    stacks: dict[str, StackTemplates]
    environments: dict[str, Environment]
    unexplained: list[str]
    needed: set[Reason]


def synthesize(folder: Path, overrides: object = None) -> Synthesized:
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    context |= {"environments": overrides or {}}
    app = App(outdir=str(folder), context=context, post_cli_context=METADATA)
    environments = build(app)
    app.synth()
    findings, needed = unexplained(app)
    stacks = {stack.name: stack for stack in read_assembly(folder)}
    return Synthesized(folder, stacks, environments, findings, needed)


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(tmp_path_factory.mktemp("cdk.out"))


@pytest.fixture
def dev(synthesized: Synthesized) -> StackTemplates:
    """A copy, free to be broken."""
    return copy.deepcopy(synthesized.stacks["DevStack"])


@pytest.fixture
def prod(synthesized: Synthesized) -> StackTemplates:
    return copy.deepcopy(synthesized.stacks["ProdStack"])
