"""Values files go in, nothing comes out, or words that name the entry and the nearest right key.

Helm's own check against the schema says that a key is unknown and no more, so the types that the schema is made from
look first, and those of the engines' options. Files are laid over each other and over the chart's values as Helm does.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from serve import engine
from serve.chart_values import CHART, Values
from serve.errors import ConfigurationError
from serve.validation import validated
from serve.values import Closed, Model

ROOT = "values"


def check(files: Sequence[Path]) -> None:
    """ConfigurationError for a key or a value that no type has."""
    whole: dict[str, Any] = {}
    for path in (CHART / "values.yaml", *files):
        whole = _over(whole, _read(path))
    for name, model in _typed(whole).models.items():
        _check_engine(name, model)


def _typed(whole: Mapping[str, Any]) -> Values:
    try:
        return validated(Values, whole, ROOT)
    except ConfigurationError as error:
        lines = (line.removeprefix(f"{ROOT}.") for line in error.message.splitlines())
        raise ConfigurationError("\n".join(lines)) from None


def _check_engine(name: str, model: Model) -> None:
    if model.engine not in engine.names():
        near = difflib.get_close_matches(model.engine, engine.names(), 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"engines: {', '.join(engine.names())}"
        raise ConfigurationError(f"models.{name}.engine: there is no {model.engine!r}; {hint}")
    config: type[Closed] = engine.module(model.engine).Config
    validated(config, model.engine_config, f"models.{name}.engineConfig")


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
