"""A model's estimates side by side: a checkpoint, a workload and what was asked go in, rows by data type come out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from serve.estimate import weights
from serve.estimate.architecture import Decoder, Encoder
from serve.estimate.config import Checkpoint
from serve.estimate.datatype import BY_NAME, TYPES
from serve.estimate.estimate import Estimate, Workload, estimated
from serve.estimate.room import Room, room
from serve.values import Placement


@dataclass(frozen=True)
class Asked:
    """What overrides an entry; None leaves it."""

    context: int | None = None
    batch: int | None = None
    dtype: str | None = None
    tensor_parallel: int | None = None


@dataclass(frozen=True)
class Sizing:
    """A model and what it takes."""

    checkpoint: Checkpoint
    work: Workload
    proposed: Estimate
    """With the data type of the entry, or the one that was asked for."""
    rows: Sequence[Estimate]
    """With each data type, the proposed one among them."""
    room: Room | None = None
    """What the budget of an entry leaves for the cache of a language model."""

    @property
    def parameters(self) -> int:
        return weights.parameters(self.checkpoint.architecture)


def sized(
    checkpoint: Checkpoint, work: Workload, asked: Asked | None = None, placement: Placement | None = None
) -> Sizing:
    """`work` with each data type, and what the budget of a placement leaves."""
    whole = _overridden(checkpoint, work, asked) if asked else work
    proposed = estimated(checkpoint, whole)
    others = [estimated(checkpoint, replace(whole, dtype=one)) for one in TYPES.values() if one.name != proposed.dtype]
    rows = sorted((proposed, *others), key=lambda one: -one.weights)
    speaks = placement is not None and isinstance(checkpoint.architecture, Decoder)
    return Sizing(checkpoint, whole, proposed, rows, room(proposed, placement) if placement and speaks else None)


def _overridden(checkpoint: Checkpoint, work: Workload, asked: Asked) -> Workload:
    """An encoder computes a batch as a whole, so that one that is asked for is its step."""
    own = asked.batch and isinstance(checkpoint.architecture, Encoder)
    return replace(
        work,
        step=None if own else work.step,
        context=asked.context or work.context,
        batch=asked.batch or work.batch,
        dtype=BY_NAME[asked.dtype] if asked.dtype else work.dtype,
        tensor_parallel=asked.tensor_parallel or work.tensor_parallel,
    )
