"""What stands in for a model where no hub answers: a task and an engine go in, a folder like the hub's comes out.

The architecture is the real one, small; the weights are random, always the same, and scaled so that different inputs
give different outputs. Naming equation: `standins/<task>.py` has `make(folder)` and `READ_BY`, the engines that read
what it writes.
"""

import importlib
import os
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from serve.errors import ModelUnavailable
from serve.sources.complete import complete

TIMEOUT = 3.0
"""Seconds that a hub has to say anything at all."""


def make(task: str, engine: str, folder: Path) -> Path:
    """`folder` with the stand-in for `task` in the format of `engine`; what is there already is left alone."""
    module = importlib.import_module(f"serve.standins.{task}")
    if engine == "fake":  # Reads no weights.
        return complete(folder, lambda _: None)
    if engine not in module.READ_BY:
        raise ModelUnavailable(
            f"there is no stand-in for task {task!r} that engine {engine!r} reads; "
            f"give source.path, or one of the engines {', '.join(module.READ_BY)}"
        )
    return complete(folder, module.make)


def hub_answers() -> bool:
    """Whether models can be had from the hub, or the mirror that HF_ENDPOINT names."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=TIMEOUT):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        # A mirror may have no page at its root, or want a token; anything else is a proxy that refuses for the hub.
        return error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
    except (OSError, ValueError):
        return False
