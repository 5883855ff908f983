"""`ai-inference batch`: the arguments of a job go in, every row of its input is written once.

The entrypoint of a RayJob: it runs within the Ray cluster that it finds.
"""

import importlib
from typing import Annotated

import typer
from pydantic_core import from_json

from serve.errors import ConfigurationError, InferenceError
from serve.job import JobArgs
from serve.validation import validated

Args = Annotated[str, typer.Argument(help="JSON: serve.job.JobArgs, as the chart writes them.")]


def batch(args: Args) -> None:
    """Do what is missing of a job, within Ray."""
    import ray  # Other commands need not wait for it.
    from ray.exceptions import RayError

    try:
        parsed = validated(JobArgs, from_json(args), "jobs")
    except ValueError as error:
        raise ConfigurationError(f"the arguments of a job are JSON, and these are not: {error}") from None
    ray.init(address="auto")
    try:
        importlib.import_module(f"serve.batch.{parsed.task}").run(parsed)
    except RayError as error:
        if isinstance(cause := _cause(error), InferenceError):
            raise ConfigurationError(cause.message) from None
        raise


def _cause(error: BaseException) -> BaseException:
    """What lies at the bottom of what Ray wraps around it."""
    while (inner := getattr(error, "cause", None) or error.__cause__) is not None:
        error = inner
    return error
