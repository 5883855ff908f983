"""Whether a model gives the answers that a CPU gives: a loaded engine goes in, nothing comes out, or Unlike.

A reference is a JSON file: what the same engine answered on a CPU in float32, with these weights and options. It lies
beside the weights as reference.json, or in the cache of models. Naming equation: `reference/<task>.py` has
`answers(engine)` to what is `ASKED`, and `compare(found, expected, precision)`, which raises Wrong.
"""

import asyncio
from pathlib import Path
from typing import Any

from serve import engine, sources
from serve.checks import Wrong
from serve.errors import ModelUnavailable, Unlike
from serve.kernels import ADVICE
from serve.reference import place
from serve.reference.place import Reference, of
from serve.report import report
from serve.values import ModelArgs


async def check(task: str, args: ModelArgs, loaded: Any) -> None:
    """Raises Unlike where the answers are others than the reference's, or where there must be one and is none."""
    folder = await asyncio.to_thread(sources.fetch, args.source, args.model)
    known = await asyncio.to_thread(_known, task, args, folder)
    if known is None:
        return
    arithmetic = engine.arithmetic(args, folder)
    precision = arithmetic.narrowest if arithmetic else "float32"
    where = f"accelerator {args.placement.accelerator!r} (vendor {args.placement.vendor!r})"
    try:
        of(task).compare(await of(task).answers(loaded), known.answers, precision)
    except Wrong as wrong:
        raise Unlike(f"model {args.model!r} answers on {where} what it does not on a CPU: {wrong}; {ADVICE}") from None
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise Unlike(f"model {args.model!r} cannot answer on {where}, as it does on a CPU: {what}; {ADVICE}") from error
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
    if found is not None or args.placement.vendor == "cpu":
        return found
    if args.reference == "made":
        report("model %s: a CPU makes the reference of its answers", args.model)
        return _made(task, args, folder)
    report("model %s: there is no reference of a CPU's answers to compare with", args.model)
    return None


def _made(task: str, args: ModelArgs, folder: Path) -> Reference:
    try:
        return place.read(place.make(task, args, folder))
    except ModelUnavailable as error:
        raise Unlike(f"model {args.model!r}: no reference could be made on a CPU: {error.message}") from error
