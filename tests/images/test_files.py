"""The image folders as files: what is pinned, what must be the same everywhere, and what a linter says of it."""

import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import serve
from serve import engine

ROOT = Path(__file__).parents[2]
VENDORS = sorted(path.parent.name for path in (ROOT / "images").glob("*/Dockerfile"))
LOCKS = sorted([*(ROOT / "images").glob("*/requirements.txt"), *(ROOT / "images").glob("*/torch.txt"),
                *(ROOT / "tests").glob("requirements*.txt")])  # fmt: skip
LOCKED = re.compile(r"^([a-z0-9.-]+)==([^ ;\\]+)(.*?)(?=^[a-z]|\Z)", re.MULTILINE | re.DOTALL)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def versions() -> dict[str, str]:
    lines = (ROOT / "images" / "versions.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def dockerfile(vendor: str) -> str:
    return (ROOT / "images" / vendor / "Dockerfile").read_text()


def engines(vendor: str) -> list[str]:
    found = re.search(r'AI_INFERENCE_ENGINES="([^"]*)"', dockerfile(vendor))
    assert found
    return found[1].split()


def locked(path: Path) -> list[tuple[str, str, str]]:
    """Name, version, and the hashes that follow."""
    return LOCKED.findall(path.read_text())


def required(vendor: str) -> list[Requirement]:
    """What a vendor's short list asks for: its own lines, the package's, and those of its extras."""
    lines = [line for line in (ROOT / "images" / vendor / "requirements.in").read_text().splitlines() if line[0] != "#"]
    extras = next(line for line in lines if line.startswith(".["))[2:-1].split(",")
    optional = [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    return [Requirement(text) for text in (*lines, *PROJECT["dependencies"], *optional) if not text.startswith(".[")]


def test_the_shared_versions_are_those_of_the_package_and_of_the_chart() -> None:
    chart = yaml.safe_load((ROOT / "charts/ai-inference/Chart.yaml").read_text())
    defaults = yaml.safe_load((ROOT / "charts/ai-inference/values.yaml").read_text())
    shared = versions()
    assert {serve.__version__, chart["version"], chart["appVersion"]} == {shared["VERSION"]}
    assert defaults["rayVersion"] == shared["RAY"]
    assert f"ray[data,serve]=={shared['RAY']}" in PROJECT["dependencies"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_lock_has_the_shared_versions_and_names_the_command_that_wrote_it(path: Path) -> None:
    found = {name: version for name, version, _ in locked(path)}
    assert found.get("ray", versions()["RAY"]) == versions()["RAY"]
    assert found.get("torch", versions()["TORCH"]) == versions()["TORCH"]
    assert "make lock" in path.read_text().splitlines()[1]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_locked_package_is_held_to_its_hashes(path: Path) -> None:
    assert not [name for name, _, hashes in locked(path) if "--hash=sha256:" not in hashes]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_lock_is_not_older_than_what_it_is_made_from(vendor: str) -> None:
    """Each requirement is locked in a version that it admits, but for what comes from elsewhere."""
    folder = ROOT / "images" / vendor
    found = {name: version for lock in folder.glob("*.txt") for name, version, _ in locked(lock)}
    elsewhere = {"cpu": {"torch"}, "xpu": {"torch"}, "rocm": {"vllm"}}.get(vendor, set())
    stale = [
        str(requirement)
        for requirement in required(vendor)
        if requirement.name not in elsewhere
        and not requirement.specifier.contains(found.get(requirement.name.lower().replace("_", "-"), "0"))
    ]
    assert not stale, "run make lock"


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_base_is_pinned_by_tag_and_digest(vendor: str) -> None:
    assert re.search(r"^ARG BASE=\S+:\S+@sha256:[0-9a-f]{64}$", dockerfile(vendor), re.MULTILINE)


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_image_names_itself_and_engines_that_there_are(vendor: str) -> None:
    assert f"AI_INFERENCE_VENDOR={vendor} " in dockerfile(vendor)
    assert set(engines(vendor)) <= set(engine.names())


@pytest.mark.parametrize("path", sorted((ROOT / "values").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_model_of_the_values_has_its_engine_in_the_image_of_its_accelerator(path: Path) -> None:
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    accelerators = values.get("accelerators") or {}
    for name, model in (values.get("models") or {}).items():
        vendor = accelerators[model["accelerator"]]["vendor"]
        assert model["engine"] in [*engines(vendor), "fake"], name


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_dockerfile_has_nothing_for_hadolint_to_say(vendor: str) -> None:
    """With shellcheck's rules for what it runs."""
    program = Path(sysconfig.get_path("scripts")) / "hadolint"
    file = ROOT / "images" / vendor / "Dockerfile"
    said = subprocess.run([program, "--no-color", file], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_only_the_cuda_image_has_a_compiler() -> None:
    assert [vendor for vendor in VENDORS if "g++" in dockerfile(vendor)] == ["cuda"]
