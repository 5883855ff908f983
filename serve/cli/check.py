"""`ai-inference check`: the address of a service goes in, a line per model comes out, and 1 where something is wrong.

Each model gets a real request by every way to it. `helm test` runs it in the cluster with the models of the values; by
itself it asks the gateway which there are. Where keys are needed it takes the one that it is given, or in a pod of the
release the service's own.
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from serve import checks
from serve.checks import Checked
from serve.errors import ConfigurationError
from serve.front.keys import Keys, bearer

Models = Mapping[str, Checked]
MODELS: TypeAdapter[Models] = TypeAdapter(dict[str, Checked])
SECONDS = 10.0

Address = Annotated[str, typer.Argument(help="Where the service answers.")]
Wanted = Annotated[str | None, typer.Option("--models", help="JSON: {name: {task, check, alias}}; default: all.")]
Patience = Annotated[float, typer.Option(help="Seconds that models may take until they are there.")]


Key = Annotated[str, typer.Option(envvar="AI_INFERENCE_KEY", help="The key, where the service wants one.")]


def check(
    address: Address = "http://127.0.0.1:8000", models: Wanted = None, patience: Patience = 120, key: Key = ""
) -> None:
    """Send each model a request and look whether the answer makes sense."""
    base = address.rstrip("/")
    headers = bearer(key) if key else Keys.of_environment().service()
    wanted = _listed(base, headers) if models is None else _read(models)
    if not asyncio.run(_all_well(base, wanted, patience, headers)):
        raise typer.Exit(1)


async def _all_well(address: str, models: Models, patience: float, headers: Mapping[str, str]) -> bool:
    well = True
    width = max(map(len, models), default=0)
    async for found in checks.check(address, models, patience, headers):
        well = well and found.well
        print("ok    " if found.well else "FAILED", f"{found.model:{width}}", found.remark, sep="  ", flush=True)
    return well


def _listed(address: str, headers: Mapping[str, str]) -> Models:
    """Those of the gateway's own list."""
    try:
        request = urllib.request.Request(f"{address}/health", headers=dict(headers))  # noqa: S310
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            found = json.load(answer)["models"]
            return {name: Checked(task=entry["task"]) for name, entry in found.items()}
    except (OSError, ValueError, LookupError) as error:
        raise ConfigurationError(f"{address}/health lists no models: {error}") from error


def _read(models: str) -> Models:
    try:
        return MODELS.validate_json(models)
    except ValidationError as error:
        raise ConfigurationError(f"--models: {error}") from None
