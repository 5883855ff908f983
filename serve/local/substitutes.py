"""Stand-ins for models that cannot be had: a manifest goes in, one whose sources exist comes out.

Only `ai-inference up` does this, where no model hub answers; a cluster never serves a stand-in.
"""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from serve.errors import ConfigurationError
from serve.local.manifest import Manifest
from serve.local.nodes import interpreter
from serve.sources import cache, folder_name
from serve.standins import hub_answers
from serve.values import Source

MAKE = "import sys, pathlib, serve.standins as s; s.make(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]))"


def substituted(manifest: Manifest) -> tuple[Manifest, set[str]]:
    """The manifest to run, and the models that run with random weights."""
    absent = {name for name, args in manifest.models.items() if _absent(args)}
    if not absent or hub_answers():
        return manifest, set()
    made = {name: str(_made(manifest, name)) for name in absent}
    applications = [
        {**app, "args": {**app["args"], "source": {"path": made[app["name"]]}}} if app["name"] in made else app
        for app in manifest.config["applications"]
    ]
    return replace(manifest, config={**manifest.config, "applications": applications}), absent


def _absent(args: dict[str, Any]) -> bool:
    """Whether it would have to be fetched from the hub."""
    source = Source.model_validate(args["source"])
    return source.hub is not None and args["engine"] != "fake" and not (cache() / folder_name(source)).exists()


def _made(manifest: Manifest, model: str) -> Path:
    """The stand-in, made by the environment that will read it."""
    args, task = manifest.models[model], manifest.task(model)
    folder = cache() / "stand-ins" / f"{task}-{args['engine']}"
    command = [str(interpreter(args["placement"]["vendor"])), "-c", MAKE, task, args["engine"], str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ConfigurationError(
            f"models.{model}: no model hub answers, and no stand-in could be made:\n{done.stderr.strip()[-1000:]}"
        )
    return folder
