"""Values files go in, nothing comes out, or words that name the entry and the nearest right key.

Helm's own check against the schema says that a key is unknown and no more, so the types that the schema is made from
look first, and those of the engines' options. Files are laid over each other and over the chart's values as Helm does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from serve import engine
from serve.chart_values import CHART, Values
from serve.errors import ConfigurationError
from serve.job import Job
from serve.validation import hint, validated
from serve.values import Model

ROOT = "values"


def check(files: Sequence[Path]) -> None:
    """ConfigurationError for a key or a value that no type has."""
    whole: dict[str, Any] = {}
    for path in (CHART / "values.yaml", *files):
        whole = _over(whole, _read(path))
    typed = _typed(whole)
    for name, model in typed.models.items():
        _check_engine(f"models.{name}", model)
    for name, job in typed.jobs.items():
        _check_engine(f"jobs.{name}", job)


def _typed(whole: Mapping[str, Any]) -> Values:
    try:
        return validated(Values, whole, ROOT)
    except ConfigurationError as error:
        lines = (line.removeprefix(f"{ROOT}.") for line in error.message.splitlines())
        raise ConfigurationError("\n".join(lines)) from None


def _check_engine(path: str, entry: Model | Job) -> None:
    if entry.engine not in engine.names():
        near = hint(entry.engine, engine.names(), "engines")
        raise ConfigurationError(f"{path}.engine: there is no {entry.engine!r}; {near}")
    engine.options(entry.engine, entry.engine_config, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not YAML: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path}: found no keys; a values file is a mapping such as `models: {{}}`")
    return found


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Maps are merged, anything else replaces, and null takes a key away."""
    merged = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            merged[key] = _over(below[key], above[key])
    return {key: value for key, value in merged.items() if value is not None}
