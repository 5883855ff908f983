"""`ai-inference models`: what can be done with models without serving them. A command is a file beside this one."""

import typer

from serve.cli.estimate import estimate
from serve.cli.fetch import fetch
from serve.cli.reference import reference

models = typer.Typer(no_args_is_help=True, help="What can be done with models without serving them.")
models.command()(estimate)
models.command()(fetch)
models.command()(reference)
