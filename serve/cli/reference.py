"""`ai-inference models reference`: values files go in, for each model a file with what a CPU answers comes out.

Each is made in the environment of its vendor, where its engine is, and holds on every machine with the same weights.
"""

from pathlib import Path
from typing import Annotated

import typer

from serve import sources
from serve.cli.estimate import Model, chosen
from serve.errors import ModelUnavailable
from serve.local.nodes import interpreter
from serve.reference import place

Values = Annotated[list[Path], typer.Option("-f", "--values", help="A values file; later ones override.", exists=True)]
Output = Annotated[Path | None, typer.Option(help="Folder for the files; default: where replicas here look for them.")]


def reference(values: Values, model: Model = None, output: Output = None) -> None:
    """Have a CPU answer what models on GPUs are compared with."""
    well = True
    manifest, names = chosen(values, model)
    for name in names:
        args = manifest.args(name)
        try:
            folder = sources.fetch(args.source, name)
            made = place.make(manifest.task(name), args, folder, output, interpreter(args.placement.vendor))
            typer.echo(f"made    {name}  {made}")
        except ModelUnavailable as error:
            well = False
            typer.echo(f"FAILED  {name}  {error.message}")
    if not well:
        raise typer.Exit(1)
