"""Each rule is broken once, in the finished template, as an override would break it."""

from collections.abc import Callable

import pytest

from infra import preflight
from infra.templates import Json, Resource, StackTemplates
from tests.infra.conftest import Synthesized

JOB = "AWS::Batch::JobDefinition"
COMPUTE = "AWS::Batch::ComputeEnvironment"


def first(stack: StackTemplates, kind: str) -> Resource:
    return next(iter(stack.resources(kind)))


def job(stack: StackTemplates) -> Json:
    return first(stack, JOB).properties


def container(stack: StackTemplates) -> Json:
    found: Json = job(stack)["ContainerProperties"]
    return found


def efs(stack: StackTemplates) -> Json:
    found: Json = container(stack)["Volumes"][0]["EfsVolumeConfiguration"]
    return found


def compute(stack: StackTemplates) -> Json:
    return first(stack, COMPUTE).properties


def resources(stack: StackTemplates) -> Json:
    found: Json = compute(stack)["ComputeResources"]
    return found


Break = Callable[[StackTemplates], object]

BREAKS: list[tuple[str, Break]] = [
    # rule, how an override would break it
    ("mount-volume", lambda s: container(s)["MountPoints"][0].update(SourceVolume="other")),
    ("efs-root", lambda s: efs(s).update(RootDirectory="/data")),
    ("efs-encryption", lambda s: efs(s).update(TransitEncryption="DISABLED")),
    ("efs-iam", lambda s: efs(s)["AuthorizationConfig"].update(Iam="DISABLED")),
    ("efs-iam", lambda s: container(s).pop("JobRoleArn")),
    ("arm64-only", lambda s: resources(s)["InstanceTypes"].append("optimal")),
    ("arm64-only", lambda s: resources(s)["InstanceTypes"].append("c7i.large")),
    ("job-fits", lambda s: resources(s).update(InstanceTypes=["c7g.medium"])),
    ("job-fits", lambda s: container(s)["ResourceRequirements"][0].update(Value="99999")),
    ("job-fits", lambda s: resources(s).update(MaxvCpus=0)),
    (
        "text",
        lambda s: job(s)["RetryStrategy"]["EvaluateOnExit"][0].update(OnStatusReason="*Spot*"),
    ),
    ("text", lambda s: job(s)["RetryStrategy"]["EvaluateOnExit"][3].update(OnExitCode="7*5")),
    (
        "count",
        lambda s: job(s)["RetryStrategy"]["EvaluateOnExit"].append(
            {"Action": "RETRY", "OnExitCode": "1"}
        ),
    ),
]


@pytest.mark.parametrize(
    ("rule", "breaking"), BREAKS, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(BREAKS)]
)
def test_a_broken_rule_is_named_and_mended_in_words(
    synthesized: Synthesized,
    prod: StackTemplates,
    rule: str,
    breaking: Break,
) -> None:
    breaking(prod)
    found = preflight.check(prod, synthesized.environments["ProdStack"])
    assert rule in {trouble.rule for trouble in found}
    for trouble in found:
        assert trouble.what.endswith(".")
        assert trouble.where


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_our_own_stacks_are_quiet(synthesized: Synthesized, name: str) -> None:
    assert preflight.check(synthesized.stacks[name], synthesized.environments[name]) == []


def test_the_whole_assembly_is_quiet(synthesized: Synthesized) -> None:
    assert preflight.check_assembly(synthesized.folder, synthesized.environments) == []
