"""`ai-inference models estimate`: a folder, a name on the hub or values files go in, what memory to give comes out.

Only what describes a model is read, and never its weights.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from serve.cli import helm
from serve.errors import ConfigurationError
from serve.estimate import config, entry
from serve.estimate.datatype import BY_NAME
from serve.estimate.estimate import Estimate
from serve.estimate.room import Room
from serve.estimate.sizing import Asked, Sizing, sized
from serve.local.manifest import Manifest
from serve.plan import entries
from serve.plan.words import gibibytes
from serve.quantity import mebibytes
from serve.values import Placement, Source

Hub = Annotated[str | None, typer.Option("--hub", help="A repository on the Hugging Face hub, `org/name`.")]
Revision = Annotated[str | None, typer.Option(help="Its commit, tag or branch.")]
Folder = Annotated[Path | None, typer.Option("--path", help="A model's folder.")]
Values = Annotated[
    list[Path] | None, typer.Option("-f", "--values", help="A values file; later ones override.", exists=True)
]
Model = Annotated[str | None, typer.Option("--model", help="One model of the values; default: all.")]
Context = Annotated[
    int | None, typer.Option(min=1, help="Tokens of one sequence; default: the entry's, or the model's.")
]
Batch = Annotated[int | None, typer.Option(min=1, help="Sequences of that length at once.")]
Type = Annotated[str | None, typer.Option("--dtype", help=f"Propose for this data type: {', '.join(BY_NAME)}.")]
Tensors = Annotated[int | None, typer.Option("--tensor-parallel", min=1, help="GPUs that share each layer.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the estimates as JSON.")]


def estimate(
    hub: Hub = None,
    revision: Revision = None,
    path: Folder = None,
    values: Values = None,
    model: Model = None,
    context: Context = None,
    batch: Batch = None,
    dtype: Type = None,
    tensor_parallel: Tensors = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what memory a model takes, and propose its `memory`."""
    if len([one for one in (hub, path, values) if one]) != 1:
        raise ConfigurationError("say one of --hub, --path and --values: what is to be estimated")
    asked = Asked(context, batch, _type(dtype), tensor_parallel)
    if values:
        found, unknown = _of_values(values, model, asked)
    else:
        source = Source(hub=hub, revision=revision, path=str(path) if path else None)
        found, unknown = {str(hub or path): _of_source(source, asked)}, {}
    if as_json:
        typer.echo(
            json.dumps({"models": {name: record(one) for name, one in found.items()}, "unknown": unknown}, indent=2)
        )
    else:
        _print(Console(highlight=False, markup=False), found, unknown)


def record(sizing: Sizing) -> dict[str, Any]:
    """As plain data, names in camelCase as in the values."""
    return {
        "architecture": sizing.checkpoint.architecture.model_type,
        "parameters": sizing.parameters,
        "engine": sizing.work.engine,
        "context": sizing.proposed.context,
        "batch": sizing.work.batch,
        "tensorParallel": sizing.work.tensor_parallel,
        "pipelineParallel": sizing.work.pipeline_parallel,
        "dtype": sizing.proposed.dtype,
        "memory": sizing.proposed.memory,
        "estimates": [_bytes(one) for one in sizing.rows],
        **({"room": asdict(sizing.room)} if sizing.room else {}),
    }


def _bytes(found: Estimate) -> dict[str, Any]:
    return {
        "dtype": found.dtype,
        "weights": found.weights,
        "cachePerToken": found.cache_per_token,
        "cache": found.cache,
        "activations": found.activations,
        "overhead": found.overhead,
        "total": found.total,
        "memory": found.memory,
    }


def _type(name: str | None) -> str | None:
    if name is not None and name not in BY_NAME:
        raise ConfigurationError(f"--dtype: there is no {name!r}; data types: {', '.join(BY_NAME)}")
    return name


def _of_source(source: Source, asked: Asked) -> Sizing:
    """As an engine has it that is told nothing, on a GPU of its own."""
    checkpoint = config.read(source)
    placement = Placement(accelerator="gpu", vendor="cuda", num_gpus=1, memory=0, device_memory=0)
    return sized(checkpoint, entry.workload(entry.default(checkpoint), placement, checkpoint.stored), asked)


def _of_values(values: list[Path], model: str | None, asked: Asked) -> tuple[dict[str, Sizing], dict[str, str]]:
    """The models that can be estimated, and why others cannot; an error where one is asked for by name."""
    found, unknown = {}, {}
    manifest, names = chosen(values, model)
    for name in names:
        args = manifest.args(name)
        try:
            found[name] = sized(*entry.read(args), asked, args.placement)
        except ConfigurationError as error:
            if model:
                raise ConfigurationError(f"models.{name}: {error.message}") from None
            unknown[name] = error.message
    return found, unknown


def chosen(values: list[Path], model: str | None) -> tuple[Manifest, list[str]]:
    """What the values render to, and the models of it, or the one."""
    entries.check(values)
    manifest = Manifest.of(helm.template(values))
    if model and model not in manifest.models:
        raise ConfigurationError(f"--model: there is no {model!r}; models: {', '.join(manifest.models) or 'none'}")
    return manifest, [model] if model else list(manifest.models)


def _print(console: Console, found: Mapping[str, Sizing], unknown: Mapping[str, str]) -> None:
    for name, sizing in found.items():
        console.print(f"{name}: {sentence(sizing)}", style="bold", soft_wrap=True)
        console.print(_table(sizing))
        console.print(f"memory: {sizing.proposed.memory}", style="green")
        if sizing.room:
            console.print(f"the budget leaves {_left(sizing.room)}")
        console.print()
    for name, reason in unknown.items():
        console.print(f"{name} is not estimated: {reason}", style="yellow", soft_wrap=True)


def _left(room: Room) -> str:
    if not room.blocks:
        return "no cache: it is less than the rest takes"
    return f"{mebibytes(room.size)} of cache: {room.tokens} tokens in {room.blocks} blocks"


def sentence(sizing: Sizing) -> str:
    """What the numbers are of."""
    work, proposed = sizing.work, sizing.proposed
    gpus = work.tensor_parallel * work.pipeline_parallel
    shared = f", on each of {gpus} GPUs" if gpus > 1 else ""
    fixed = work.step and not proposed.cache
    amount = f"{work.step} tokens at once" if fixed else f"{work.batch} x {proposed.context} tokens"
    return (
        f"{sizing.parameters / 1e9:.3g}B parameters, {sizing.checkpoint.architecture.model_type}; "
        f"{amount} by {work.engine} in {proposed.dtype}{shared}"
    )


def _table(sizing: Sizing) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("dtype", "weights", "cache/token", "cache", "activations", "overhead", "memory"):
        table.add_column(name, no_wrap=True)
    for one in sizing.rows:
        weights, *parts = map(gibibytes, (one.weights, one.cache, one.activations, one.overhead))
        per_token = f"{one.cache_per_token / 2**10:g}Ki"
        style = "bold" if one is sizing.proposed else None
        table.add_row(one.dtype, weights, per_token, *parts, one.memory, style=style)
    return table
