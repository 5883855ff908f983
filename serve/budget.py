"""What holds a model to its budget: an entry and its folder go in, options that keep to it come out, or a refusal.

What a model takes is estimated where its architecture is known, and else at least its weight files. When it is loaded,
what it really took is compared too. A refusal costs the model alone: its neighbours on the GPU keep what is theirs.
"""

from dataclasses import replace
from pathlib import Path

from serve import engine
from serve.checkpoint import WEIGHTS
from serve.device import word_for
from serve.encoder import Encoder, EncoderConfig
from serve.engines import faster_whisper, vllm
from serve.errors import ConfigurationError, OverBudget
from serve.estimate import architecture, config, entry
from serve.estimate.config import Checkpoint
from serve.estimate.estimate import Estimate, Workload, estimated
from serve.estimate.room import room
from serve.quantity import mebibytes
from serve.report import report
from serve.values import Closed, ModelArgs, Placement

SURE = 0.9
"""Estimates are within a tenth (docs/memory.md): what lies closer above the budget may turn out to be within it."""
ROOM = 0.5
"""Of what is left a batch gets: on CPUs torch and OpenVINO took up to 1.7 times the estimate of its activations."""
UNBOUNDED = 2**30
"""Bytes of vLLM's cache on a CPU where no budget says them: as a fallback, and for a GPU that is only simulated."""


def fitted(args: ModelArgs, folder: Path) -> Closed:
    """The entry's options, those that the budget decides filled in; OverBudget where it is not enough."""
    args = _alone(args)
    options, budget = engine.config(args), args.placement.memory
    found = needs(options, folder, args.placement)
    if not budget:
        return _unbounded(options)
    if found.weights > budget or found.total * SURE > budget:
        raise _refusal(args, f"it takes {found.memory} ({found.parts(mebibytes)})")
    match options:
        case vllm.Config() if word_for(args.placement.vendor) == "cpu" and not options.kv_cache_memory_bytes:
            return options.model_copy(update={"kv_cache_memory_bytes": _cache(args, found)})
        case EncoderConfig():
            return _capped(args, options, "max_batch_tokens", folder)
        case faster_whisper.Config():
            return _capped(args, options, "batch_size", folder)
    return options


def _alone(args: ModelArgs) -> ModelArgs:
    """One of the models that a replica with small ones holds at once: each has an equal part of the budget."""
    if args.adapters is None or issubclass(engine.module(args.engine).Engine, engine.Adaptable):
        return args
    part = args.placement.memory // (1 + args.adapters.max)
    return args.model_copy(update={"placement": args.placement.model_copy(update={"memory": part})})


def _unbounded(options: Closed) -> Closed:
    """Of a fallback on the CPU, which has no budget; vLLM must be told a size all the same."""
    own = isinstance(options, vllm.Config)
    return options.model_copy(update={"kv_cache_memory_bytes": UNBOUNDED}) if own else options


def needs(options: Closed, folder: Path, placement: Placement) -> Estimate:
    """The least that an engine does with: an encoder one text of full length at a time, Whisper one window."""
    try:
        checkpoint, work = _known(options, folder, placement)
    except ConfigurationError:
        return _of_files(options, folder, placement)
    whole = None if isinstance(checkpoint.architecture, architecture.Encoder) else work.step
    return estimated(checkpoint, replace(work, step=whole, batch=1))


def hold(args: ModelArgs, loaded: object) -> None:
    """OverBudget where a loaded engine that says what memory it takes has more than the budget."""
    if not isinstance(loaded, Encoder):
        return
    taken, place = loaded.fill(), args.placement
    its_own = loaded.in_ram == (place.vendor == "cpu")  # The budget is of the GPU, also where that is simulated.
    if its_own and taken > place.memory > 0:
        loaded.close()
        raise _refusal(args, f"loaded, and with its largest batch, it took {mebibytes(taken)}")


def _known(options: Closed, folder: Path, placement: Placement) -> tuple[Checkpoint, Workload]:
    checkpoint = config.of_folder(folder)
    return checkpoint, entry.workload(options, placement, checkpoint.stored)


def _of_files(options: Closed, folder: Path, placement: Placement) -> Estimate:
    """As far as the files say it: their size, less where they are loaded with fewer bits."""
    kinds = (sorted(folder.glob(f"*{suffix}")) for suffix in WEIGHTS)
    found = [folder] if folder.is_file() else next(filter(None, kinds), [])
    size = sum(file.stat().st_size for file in found) // (placement.tensor_parallel * placement.pipeline_parallel)
    try:
        stored = config.stored(folder)
        work = entry.workload(options, placement, stored)
    except ConfigurationError:
        return Estimate("stored", 0, 0, size, 0, 0, 0)
    weights = size * min(work.dtype.bits, stored.bits) // stored.bits
    return Estimate(work.dtype.name, 0, 0, weights, 0, 0, work.overhead)


def _cache(args: ModelArgs, found: Estimate) -> int:
    """Bytes of vLLM's cache on a CPU, where it does not measure what is free."""
    left = room(found, args.placement).size
    if left <= 0:
        raise _refusal(args, f"without any cache it takes {mebibytes(found.total - found.cache)}")
    return left if args.placement.vendor == "cpu" else min(left, UNBOUNDED)


def _capped(args: ModelArgs, options: Closed, name: str, folder: Path) -> Closed:
    """`options` with the largest batch that the budget has room for; the least one has been admitted."""
    try:
        checkpoint, work = _known(options, folder, args.placement)
    except ConfigurationError:
        return options
    tokens = name == "max_batch_tokens"
    sizes = [replace(work, step=size) if tokens else replace(work, batch=size) for size in (1, 2)]
    one, two = (estimated(checkpoint, size) for size in sizes)
    more = int(ROOM * (args.placement.memory - one.total)) // (two.total - one.total)
    most = max(one.context if tokens else 1, 1 + more)
    wanted = work.step if tokens else work.batch
    if wanted is None or wanted <= most:
        return options
    message = "model %s: %s is %d instead of %d: its budget of %s has room for no more"
    report(message, args.model, name, most, wanted, mebibytes(args.placement.memory))
    return options.model_copy(update={name: most})


def _refusal(args: ModelArgs, fact: str) -> OverBudget:
    place = args.placement
    return OverBudget(
        f"model {args.model!r} is not served, as {fact}, and its budget on accelerator {place.accelerator!r} is "
        f"{mebibytes(place.memory)}: raise models.{args.model}.memory or gpu, or take smaller weights, a shorter "
        f"context or a smaller batch"
    )
