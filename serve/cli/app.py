"""The list of subcommands, and what becomes of an error: a message and an exit status."""

import sys
from typing import Annotated

import typer
from rich.console import Console

import serve
from serve.cli.batch import batch
from serve.cli.bench import bench
from serve.cli.check import check
from serve.cli.models import models
from serve.cli.plan import plan
from serve.cli.recreate import recreate
from serve.cli.token import token
from serve.cli.up import up
from serve.errors import ConfigurationError

FAILED = 1
MISCONFIGURED = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(up)
app.command()(plan)
app.command()(check)
app.command()(batch)
app.command()(bench)
app.command()(recreate)
app.command()(token)
app.add_typer(models, name="models")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(serve.__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, help="Print the version.")] = False,
) -> None:
    """One values file becomes a working inference service on whatever GPUs you own."""


def main() -> None:
    try:
        app()
    except ConfigurationError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"error: {error.message}", style="red", markup=False, highlight=False
        )
        sys.exit(MISCONFIGURED)
