from pathlib import Path

import pytest

from infra.doctor.findings import Severity
from infra.doctor.machine import Machine, building, regions

REGISTERED = "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: {flags}\noffset 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("docker", "podman"):
        install(tmp_path / name, "exit 0")
    return tmp_path


def install(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def machine(
    folder: Path, *, system: str = "Linux", processor: str = "x86_64", **variables: str
) -> Machine:
    return Machine(
        system=system,
        processor=processor,
        formats=folder / "binfmt_misc",
        variables={"PATH": str(folder)} | variables,
    )


def register(folder: Path, text: str) -> None:
    (folder / "binfmt_misc").mkdir()
    (folder / "binfmt_misc" / "qemu-aarch64").write_text(text)


def test_no_program_to_build_with(folder: Path) -> None:
    (finding,) = building(machine(folder, PATH=str(folder / "empty")))
    assert finding.severity is Severity.TROUBLE
    assert "no docker on this machine" in finding.what


@pytest.mark.parametrize(("script", "sound"), [('[ "$*" = info ]', True), ("exit 1", False)])
def test_a_program_that_does_not_answer(folder: Path, script: str, sound: bool) -> None:
    install(folder / "docker", script)
    (finding,) = building(machine(folder, processor="aarch64"))
    assert (finding.severity is Severity.OK) is sound
    assert sound or "does not answer" in finding.what


def test_two_regions(folder: Path) -> None:
    one = {"AWS_REGION": "eu-west-1"}
    assert list(regions(machine(folder, **one))) == []
    assert list(regions(machine(folder, **one, AWS_DEFAULT_REGION="eu-west-1"))) == []
    (finding,) = regions(machine(folder, **one, AWS_DEFAULT_REGION="us-east-1"))
    assert finding.severity is Severity.WARNING
    assert finding.do == "export AWS_DEFAULT_REGION=eu-west-1"


def test_another_program(folder: Path) -> None:
    (finding,) = building(machine(folder, processor="aarch64", CDK_DOCKER="podman"))
    assert finding.severity is Severity.OK
    assert finding.what.startswith("podman builds")


@pytest.mark.parametrize(
    ("system", "processor"), [("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")]
)
def test_a_machine_that_needs_no_registration(folder: Path, system: str, processor: str) -> None:
    (finding,) = building(machine(folder, system=system, processor=processor))
    assert finding.severity is Severity.OK


def test_x86_without_emulation(folder: Path) -> None:
    (finding,) = building(machine(folder))
    assert finding.severity is Severity.TROUBLE
    assert "tonistiigi/binfmt --install arm64" in finding.do


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (REGISTERED.format(flags="POCF"), Severity.OK),
        (REGISTERED.format(flags="OC"), Severity.WARNING),
        (REGISTERED.format(flags="F").replace("enabled", "disabled"), Severity.TROUBLE),
    ],
)
def test_x86_with_emulation(folder: Path, text: str, severity: Severity) -> None:
    register(folder, text)
    (finding,) = building(machine(folder))
    assert finding.severity is severity
