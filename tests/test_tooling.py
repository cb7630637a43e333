"""The files that drive development say the same in each place."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import analytics_core

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
MAKEFILES = [ROOT / "Makefile", *ROOT.glob("*/*.mk")]


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def make(*arguments: str) -> str:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_every_part_of_lint_is_a_hook() -> None:
    rule = re.search(r"^lint: ([a-z -]+?)(?: ##.*)?$", MAKEFILES[0].read_text(), re.MULTILINE)
    assert rule is not None
    parts = set(rule[1].split())
    (repository,) = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    entries = {hook["entry"] for hook in repository["hooks"]}
    assert len(parts) >= 4
    assert entries == {f"make --silent {part}" for part in parts}
    # a part that is no target of its own would be empty, and empty is never wrong
    for part in parts:
        assert make("--always-make", "--dry-run", part).count("\n") >= 2


def test_hooks_run_for_the_files_that_they_check() -> None:
    (repository,) = read_yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    page = next(hook for hook in repository["hooks"] if hook["id"] == "page")
    sources = "analytics_core/src/analytics_core/report/frontend"
    assert re.search(page["files"], f"{sources}/src/app.ts")
    assert (ROOT / sources).is_dir()
    assert all("python" in hook["types_or"] for hook in repository["hooks"] if hook is not page)


def test_help_shows_every_described_target_once_and_in_its_group() -> None:
    shown = make()
    assert shown == make("help")
    assert max(map(len, shown.splitlines())) <= 80
    groups = re.findall(r"^(\w+)\n((?:  make .+\n)+)", shown, re.MULTILINE)
    assert [name for name, _ in groups] == ["Use", "Develop", "AWS", "Image"]
    targets = [line.split()[1] for _, lines in groups for line in lines.splitlines()]
    described = [
        target
        for path in MAKEFILES
        for target in re.findall(r"^([a-z][a-z0-9-]*):.* ## ", path.read_text(), re.MULTILINE)
    ]
    assert sorted(targets) == sorted(described)
    assert len(set(targets)) == len(targets)


BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "analytics_core-0.dist-info"
    with zipfile.ZipFile(f"{folder}/analytics_core-0-py3-none-any.whl", "w") as wheel:
        for name, text in {
            "METADATA": "Metadata-Version: 2.1\\nName: analytics-core\\nVersion: 0\\n",
            "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            "RECORD": "",
        }.items():
            wheel.writestr(f"{info}/{name}", text)
    return "analytics_core-0-py3-none-any.whl"
"""


def test_an_environment_without_pip_is_made_anew(tmp_path: Path) -> None:
    """Debian without python3-venv leaves one behind, in which nothing can be installed."""
    shutil.copy(MAKEFILES[0], tmp_path)
    package = tmp_path / "analytics_core"
    package.mkdir()
    (package / "backend.py").write_text(BACKEND)  # needs nothing from the network
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    kept = tmp_path / ".venv" / "kept"
    for runs in (1, 2):
        made = subprocess.run(
            ["make", "--always-make", ".venv/.core", f"PYTHON={sys.executable}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        assert kept.exists() == (runs == 2), "what works is not made anew"
        kept.touch()


@pytest.fixture(scope="module")
def workflow() -> Any:
    return read_yaml(GITHUB / "workflows" / "ci.yml")


def test_workflow_runs_what_a_developer_runs_on_each_python_and_architecture(
    workflow: Any,
) -> None:
    check = workflow["jobs"]["check"]
    assert any(step.get("run") == ".ci/run" for step in check["steps"])
    machines = check["strategy"]["matrix"]["machine"]
    assert [machine["runner"] for machine in machines] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    pythons = check["strategy"]["matrix"]["python"]
    package = tomllib.loads((ROOT / "analytics_core" / "pyproject.toml").read_text())
    assert package["project"]["requires-python"] == f">={pythons[0]}"
    assert pythons == [f"3.{minor}" for minor in range(11, 11 + len(pythons))]


def test_workflow_may_only_read_and_pins_each_action_to_a_commit(workflow: Any) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    text = (GITHUB / "workflows" / "ci.yml").read_text()
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    checkouts = [
        step
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "checkout" in step.get("uses", "")
    ]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git knows which files are ours")
def test_everything_that_is_pinned_is_kept_up_to_date() -> None:
    covered = {
        (update["package-ecosystem"], folder)
        for update in read_yaml(GITHUB / "dependabot.yml")["updates"]
        for folder in update.get("directories", [update.get("directory")])
    }
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    kinds = {
        "package.json": "npm",
        "pyproject.toml": "pip",
        "requirements-dev.txt": "pip",
        "Dockerfile": "docker",
    }
    pinned = {("github-actions", "/")}
    for path in map(Path, files):
        if path.name in kinds and "tests" not in path.parts:
            folder = path.parent.as_posix()
            pinned.add((kinds[path.name], "/" if folder == "." else f"/{folder}"))
    assert pinned <= covered


def test_issue_forms_ask_for_version_how_it_was_run_and_the_state_of_the_data() -> None:
    for name in ("fault", "result"):
        fields = {
            field["id"]: field
            for field in read_yaml(GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml")["body"]
            if "id" in field
        }
        assert {"version", "run", "validate"} <= fields.keys()
        assert "analytics-core validate" in fields["validate"]["attributes"]["description"]
        assert all(fields[key]["validations"]["required"] for key in ("version", "run", "validate"))


def test_citation_names_the_version_and_the_authors_of_the_license() -> None:
    citation = read_yaml(ROOT / "CITATION.cff")
    assert citation["version"] == analytics_core.__version__
    license_text = (ROOT / "LICENSE").read_text()
    assert citation["authors"] == [{"name": re.findall(r"\(c\) \d+ (.+)", license_text)[0]}]
    assert license_text.startswith(f"{citation['license']} License")
