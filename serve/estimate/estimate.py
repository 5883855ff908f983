"""THE sum: a checkpoint and what an engine does with it go in, bytes on each GPU and a `memory` to give come out."""

from collections.abc import Callable
from dataclasses import dataclass

from serve.estimate import activations, cache, weights
from serve.estimate.architecture import Encoder, Whisper
from serve.estimate.config import Checkpoint
from serve.estimate.datatype import DataType
from serve.quantity import mebibytes


@dataclass(frozen=True)
class Workload:
    """What an engine holds and computes at once."""

    engine: str
    dtype: DataType
    overhead: int
    """Bytes beside the model; serve/estimate/entry.py says whence."""
    context: int | None = None
    """Tokens of one sequence; None: as long as the model takes."""
    batch: int = 1
    """Sequences of that length at once; windows of half a minute for speech."""
    beams: int = 1
    """Hypotheses for each."""
    step: int | None = None
    """Tokens that are computed at once; None: the entire batch."""
    sampled: int = 0
    """Sequences whose next word is chosen at once."""
    cached: int | None = None
    """Bytes of one value in the cache, where it has a type of its own."""
    reserved: int | None = None
    """Bytes that the cache gets, whatever it needs."""
    materialised: bool = False
    """Whether an encoder's attention is."""
    tensor_parallel: int = 1
    pipeline_parallel: int = 1


@dataclass(frozen=True)
class Estimate:
    """Bytes on each GPU."""

    dtype: str
    context: int
    cache_per_token: int
    weights: int
    cache: int
    activations: int
    overhead: int

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.activations + self.overhead

    @property
    def memory(self) -> str:
        """What to write into the values: a quantity, rounded up."""
        return mebibytes(self.total)

    def parts(self, shown: Callable[[int], str]) -> str:
        """What it is the sum of, each as `shown` writes it."""
        found = {name: getattr(self, name) for name in ("weights", "cache", "activations", "overhead")}
        return ", ".join(f"{name} {shown(size)}" for name, size in found.items() if size)


def estimated(checkpoint: Checkpoint, work: Workload) -> Estimate:
    """What `checkpoint` takes under `work`."""
    model, dtype = checkpoint.architecture, work.dtype
    context = min(work.context or model.longest, model.longest)
    value = work.cached or dtype.values
    per_token = cache.per_token(model, value, work.tensor_parallel) // work.pipeline_parallel
    sequences = work.batch * work.beams
    return Estimate(
        dtype=dtype.name,
        context=context,
        cache_per_token=per_token,
        weights=_weights(checkpoint, dtype) // (work.tensor_parallel * work.pipeline_parallel),
        cache=work.reserved or sequences * context * per_token + work.batch * cache.heard(model, value),
        activations=_activations(checkpoint, work, context),
        overhead=work.overhead,
    )


def _weights(checkpoint: Checkpoint, dtype: DataType) -> int:
    """As many bytes as are stored, where they are loaded as they are."""
    if checkpoint.size is not None and dtype.bits == checkpoint.stored.bits:
        return checkpoint.size
    return weights.size(checkpoint.architecture, dtype)


def _activations(checkpoint: Checkpoint, work: Workload, context: int) -> int:
    """Of the forward pass or of sampling, which come one after the other."""
    model, value = checkpoint.architecture, work.dtype.values
    tokens = work.step or work.batch * (model.max_source_positions if isinstance(model, Whisper) else context)
    forward = activations.forward(model, tokens, value, work.tensor_parallel)
    if work.materialised and isinstance(model, Encoder):
        forward += activations.scores(model, tokens, context, value)
    return max(forward, activations.sampling(model, work.sampled))
