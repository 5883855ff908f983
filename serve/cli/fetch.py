"""`ai-inference models fetch`: values files or sources go in, the files of each model are in the cache when it ends.

The chart runs it as a Job where an accelerator's cache says `prefetch`. What is there already is not asked for again.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from serve import sources
from serve.cli.estimate import Model, Values, chosen
from serve.errors import ConfigurationError, ModelUnavailable
from serve.report import logger
from serve.values import Source

BY_MODEL = TypeAdapter(dict[str, Source])
Given = Annotated[str, typer.Option("--sources", help='Instead of values: {"llm": {"hub": "org/name"}}')]

BestEffort = Annotated[bool, typer.Option("--best-effort", help="End well even so: a replica will try again.")]


def fetch(values: Values = None, model: Model = None, given: Given = "", best_effort: BestEffort = False) -> None:
    """Fetch the weights of models into the cache, AI_INFERENCE_CACHE."""
    if bool(values) == bool(given):
        raise ConfigurationError("say one of --values and --sources: what is to be fetched")
    wanted = _of_values(values, model) if values else _parsed(given)
    with _progress():
        fetched = [_fetched(name, source) for name, source in wanted.items()]
    if not (all(fetched) or best_effort):
        raise typer.Exit(1)


def _fetched(name: str, source: Source) -> bool:
    try:
        typer.echo(f"fetched {name}  {sources.fetch(source, name)}")
    except ModelUnavailable as error:
        typer.echo(f"FAILED  {name}  {error.message}")
        return False
    return True


@contextmanager
def _progress() -> Iterator[None]:
    """Shows how far each is."""
    shown = logging.StreamHandler()
    logger.addHandler(shown)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(shown)


def _of_values(values: list[Path], model: str | None) -> dict[str, Source]:
    manifest, names = chosen(values, model)
    return {name: manifest.args(name).source for name in names}


def _parsed(given: str) -> dict[str, Source]:
    try:
        return BY_MODEL.validate_json(given)
    except ValidationError as error:
        raise ConfigurationError(f"--sources is no JSON of sources by model: {error}") from None
