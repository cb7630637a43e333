import pytest

from infra.doctor.findings import Severity
from infra.doctor.machine import Machine, building

REGISTERED = "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: {flags}\noffset 0\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("docker", "podman"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


def machine(folder, *, system="Linux", processor="x86_64", **variables):
    return Machine(
        system=system,
        processor=processor,
        formats=folder / "binfmt_misc",
        variables={"PATH": str(folder)} | variables,
    )


def register(folder, text):
    (folder / "binfmt_misc").mkdir()
    (folder / "binfmt_misc" / "qemu-aarch64").write_text(text)


def test_no_program_to_build_with(folder):
    (finding,) = building(machine(folder, PATH=str(folder / "empty")))
    assert finding.severity is Severity.TROUBLE
    assert "no docker on this machine" in finding.what


def test_another_program(folder):
    (finding,) = building(machine(folder, processor="aarch64", CDK_DOCKER="podman"))
    assert finding.severity is Severity.OK
    assert finding.what.startswith("podman builds")


@pytest.mark.parametrize(
    ("system", "processor"), [("Linux", "aarch64"), ("Darwin", "arm64"), ("Darwin", "x86_64")]
)
def test_a_machine_that_needs_no_registration(folder, system, processor):
    (finding,) = building(machine(folder, system=system, processor=processor))
    assert finding.severity is Severity.OK


def test_x86_without_emulation(folder):
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
def test_x86_with_emulation(folder, text, severity):
    register(folder, text)
    (finding,) = building(machine(folder))
    assert finding.severity is severity
