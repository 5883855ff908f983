"""How a replica comes to its engine: an entry goes in, a loaded engine comes out that computes what it should.

Where its GPU cannot load it or computes wrongly, the entry may say that the CPU of the same pod takes over.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serve import engine, kernels, reference, sources
from serve.errors import ModelUnavailable
from serve.report import report
from serve.turn import turn
from serve.values import ModelArgs

Load = Callable[[ModelArgs], Any]


@dataclass(frozen=True)
class Started:
    """The engine, the entry as it runs, and why that is not on its GPU."""

    engine: Any
    args: ModelArgs
    refused: ModelUnavailable | None = None


async def start(task: str, args: ModelArgs, load: Load) -> Started:
    """The model by `load`, or ModelUnavailable with the reason."""
    await asyncio.to_thread(sources.fetch, args.source, args.model)
    try:
        return Started(await _checked(task, args, load), args)
    except ModelUnavailable as error:
        if not _falls_back(args, error):
            raise
        report("model %s falls back to the CPU: %s", args.model, error, level=logging.WARNING)
        on_cpu = engine.on_cpu(args)
        try:
            return Started(await _checked(task, on_cpu, load), on_cpu, error)
        except ModelUnavailable as again:
            raise type(error)(f"{error.message}; and on the CPU: {again.message}") from again


def _falls_back(args: ModelArgs, error: ModelUnavailable) -> bool:
    """Whether the CPU may do what its GPU could not; a budget is no fault of the GPU."""
    return args.fallback == "cpu" and args.placement.vendor != "cpu" and error.cause != "budget"


async def _checked(task: str, args: ModelArgs, load: Load) -> Any:
    """Unless its answers are wrong: then what it has of the GPU is free for others."""
    loaded = await asyncio.to_thread(load, args)
    try:
        await reference.check(task, args, loaded)
    except ModelUnavailable:
        if close := getattr(loaded, "close", None):
            close()
        raise
    report("model %s: ready", args.model)
    return loaded


def load(args: ModelArgs) -> Any:
    """The engine, loaded in its turn on a GPU whose kernels are right."""
    folder = sources.fetch(args.source, args.model)
    with turn(args):
        engine.prepare(args)
        kernels.check(engine.arithmetic(args, folder), args.placement)
        report("model %s: loading %s by %s", args.model, folder.name, args.engine)
        return engine.load(args, folder)
