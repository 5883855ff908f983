"""Whether a model gives the answers that a CPU gives: a loaded engine goes in, nothing comes out, or Unlike.

A reference is a JSON file: what the same engine answered on a CPU in float32, with these weights and options. It lies
beside the weights as reference.json, or in the cache of models. Naming equation: `reference/<task>.py` has
`answers(engine)`, of a few fixed inputs, and `compare(found, expected, precision)`, which raises Wrong.
"""

import asyncio
import importlib
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

from serve import engine, sources
from serve.checks import Wrong
from serve.errors import ModelUnavailable, Unlike
from serve.kernels import ADVICE
from serve.reference import place
from serve.reference.place import Reference
from serve.report import report
from serve.values import ModelArgs


def of(task: str) -> ModuleType:
    """The task's module."""
    return importlib.import_module(f"serve.reference.{task}")


async def check(task: str, args: ModelArgs, loaded: Any) -> None:
    """Raises Unlike where the answers are others than the reference's, or where there must be one and is none."""
    folder = await asyncio.to_thread(sources.fetch, args.source, args.model)
    known = await asyncio.to_thread(_known, task, args, folder)
    if known is None:
        return
    arithmetic = engine.arithmetic(args, folder)
    precision = arithmetic.narrowest if arithmetic else "float32"
    try:
        of(task).compare(await of(task).answers(loaded), known.answers, precision)
    except Wrong as wrong:
        where = f"accelerator {args.placement.accelerator!r} (vendor {args.placement.vendor!r})"
        raise Unlike(f"model {args.model!r} answers on {where} what it does not on a CPU: {wrong}; {ADVICE}") from None
    report("model %s: its answers are those of a CPU", args.model)


def _known(task: str, args: ModelArgs, folder: Path) -> Reference | None:
    """The one there is, or that is made, as the entry says; a CPU needs not be compared with itself."""
    found = place.find(task, args, folder)
    if found is None and args.reference == "required":
        raise Unlike(
            f"model {args.model!r} has no reference for these weights and options of {args.engine}: make one by "
            f"`ai-inference models reference -f VALUES --model {args.model}` and put it into the folder of the weights "
            f"as {place.FILE}, or set reference: made"
        )
    if found is None and args.reference == "made" and args.placement.vendor != "cpu":
        report("model %s: a CPU makes the reference of its answers", args.model)
        return _made(task, args, folder)
    if found is None:
        report("model %s: there is no reference of a CPU's answers to compare with", args.model, level=logging.WARNING)
    return found


def _made(task: str, args: ModelArgs, folder: Path) -> Reference:
    try:
        return place.read(place.make(task, args, folder))
    except ModelUnavailable as error:
        raise Unlike(f"model {args.model!r}: no reference could be made on a CPU: {error.message}") from error
