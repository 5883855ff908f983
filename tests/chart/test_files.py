"""The files of the chart agree with the types, and each values file is one that works."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import serve
from serve import dashboards, schema
from serve.chart_values import CHART
from serve.cli import helm
from serve.errors import ConfigurationError
from serve.values import MODEL_NAME
from tests.helm import VALUES, fleet, render

OWN = {"monitoring.dashboards.labels.grafana_dashboard", "monitoring.dashboards.annotations.grafana_folder"}
"""Of maps that are the user's."""
FILES = sorted(VALUES.glob("*.yaml"))


@pytest.mark.parametrize("module", [schema, dashboards], ids=lambda module: module.__name__)
def test_generated_files_are_what_their_command_writes(module: Any) -> None:
    stale = [path.name for path, text in module.written().items() if not path.exists() or path.read_text() != text]
    assert not stale, f"run: python -m {module.__name__}"


@pytest.mark.parametrize("values", [None, *FILES], ids=lambda path: getattr(path, "stem", "defaults"))
def test_helm_lint_has_nothing_to_say(values: Any) -> None:
    command = [str(helm.find()), "lint", "--strict", str(CHART), *([f"--values={values}"] if values else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"\[(WARNING|ERROR)\]", done.stdout)


@pytest.mark.parametrize("values", FILES, ids=lambda path: path.stem)
def test_a_values_file_is_a_screen_of_differences(values: Any) -> None:
    assert len(values.read_text().splitlines()) <= 100
    given, defaults = (yaml.safe_load(path.read_text()) for path in (values, CHART / "values.yaml"))
    assert not [key for key, value in given.items() if value == defaults[key] and key != "upgrade"]


def test_the_chart_and_its_images_have_the_packages_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (serve.__version__, serve.__version__)


def test_the_chart_names_the_ray_that_the_package_pins() -> None:
    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    version = yaml.safe_load((CHART / "values.yaml").read_text())["rayVersion"]
    assert f"ray[data,serve]=={version}" in project["dependencies"]


def keys(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in values.items():
        yield (*above, key)
        yield from keys(value, (*above, key)) if isinstance(value, dict) else ()


def without(values: dict[str, Any], key: str, *below: str) -> dict[str, Any]:
    """As helm leaves it, where a user's file says null."""
    if below:
        return {**values, key: without(values[key], *below)}
    return {one: value for one, value in values.items() if one != key}


def test_no_default_can_be_taken_away_unnoticed() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    validator = Draft202012Validator(schema.schema())
    assert validator.is_valid(values)
    missed = {path for path in keys(values) if validator.is_valid(without(values, *path))}
    assert {".".join(path) for path in missed} == OWN


def test_helm_says_which_default_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="at '/network': missing property 'policies'"):
        render("homelab", {"network": {"policies": None}})


def test_every_key_of_the_defaults_has_a_comment_or_is_one_of_a_commented_group() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    bare = [line for above, line in pairwise(lines) if re.match(r"\w", line) and above[:1] != "#"]
    assert not bare


def test_the_defaults_enable_nothing() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert (values["accelerators"], values["models"]) == ({}, {})


PLACES = [
    "", "accelerators__small", "accelerators__small__cache", "accelerators__small__claim", "accelerators__small__nodes",
    "models__ears",
    "models__ears__source", "models__ears__engineConfig", "models__ears__replicas", "image", "head", "upgrade",
    "aliases", "dashboard", "network", "network__egress", "ingress", "route",
    "monitoring", "monitoring__podMonitor", "monitoring__rules", "monitoring__rules__p99", "monitoring__dashboards",
    "huggingFace", "tests", "serviceAccount",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_an_unknown_key_is_refused_at_every_depth(place: str) -> None:
    bounds = {"accelerators__small__nodes__max": 2, "models__ears__replicas__max": 2}
    with pytest.raises(ConfigurationError, match="additional properties 'taks' not allowed"):
        render(fleet(**bounds, **{f"{place}__taks".removeprefix("__"): "stt"}))


def test_every_object_of_the_schema_with_known_keys_is_closed() -> None:
    definitions = {"Values": schema.schema(), **schema.schema()["$defs"]}
    assert not [name for name, one in definitions.items() if "properties" in one and one["additionalProperties"]]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"models__ears__engine": "whisper"}, "/models/ears/engine"),
        ({"models__ears__task": "asr"}, "/models/ears/task"),
        ({"models__ears__engineConfig": {"delay": "long"}}, "/models/ears/engineConfig/delay"),
        ({"models__Ears": {}}, "'Ears' not allowed"),
        ({"accelerators__small__vendor": "nvidia"}, "/accelerators/small/vendor"),
        ({"accelerators__small__memory": "8GB"}, "/accelerators/small/memory"),
        ({"models__ears__gpu": 1.5}, "/models/ears/gpu"),
        ({"image__digests": {"cuda": "latest"}}, "/image/digests/cuda"),
    ],
)
def test_a_wrong_value_is_refused_by_its_path(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigurationError, match=place):
        render(fleet(**changes))


@pytest.mark.parametrize("name", ["a-", "-a", "1a", "a_b", "a" * 54])
def test_a_model_is_named_as_the_package_names_it(name: str) -> None:
    assert not re.match(MODEL_NAME, name)
    with pytest.raises(ConfigurationError, match="not allowed"):
        render(fleet(**{f"models__{name}": {"task": "stt"}}))
