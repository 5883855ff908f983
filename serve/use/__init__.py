"""What a model really takes of its GPUs: a placement goes in, memory and work of each GPU come out, as its driver says.

    processes  which processes are the model's
    cpu        RAM and cores, where the CPU computes or stands for a simulated GPU
    cuda       NVIDIA's management library
    rocm, xpu  files of the kernel's drivers: drm

Each vendor's module has `read(placement, names, root)`. A reading must not open a GPU: it would take memory of it.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serve.device import word_for
from serve.values import Placement

ROOT = Path("/")


@dataclass(frozen=True)
class Gpu:
    """One of them now; what its driver does not say is None."""

    own: int | None
    """Bytes that this model's processes have."""
    used: int | None = None
    """Bytes that anybody has."""
    memory: int | None = None
    """Bytes there are."""
    busy: float | None = None
    """The part of the time that it works, 0 to 1, or..."""
    worked: tuple[float, float] | None = None
    """...how long it has worked, and of how long: both only grow, in a unit of the driver's."""
    present: bool = True
    """Whether it is there still."""


GONE = Gpu(own=None, present=False)


def read(placement: Placement, names: Sequence[str], root: Path = ROOT) -> Mapping[str, Gpu]:
    """By the names of `serve.card`, in whose words vendor cpu has one GPU: the node."""
    vendor = "cpu" if word_for(placement.vendor) == "cpu" else placement.vendor
    found: Mapping[str, Gpu] = importlib.import_module(f"serve.use.{vendor}").read(placement, names, root)
    return found


class Meter:
    """Looks again and again, as work is known by how much there was since the last look."""

    def __init__(self, placement: Placement, names: Sequence[str], root: Path = ROOT) -> None:
        self.placement = placement
        self.names = names or (placement.accelerator,)
        self.root = root
        self._before: dict[str, tuple[float, float]] = {}

    def look(self) -> dict[str, tuple[Gpu, float | None]]:
        """Each GPU, and the part of the time that it worked."""
        found = read(self.placement, self.names, self.root)
        return {name: (gpu, self._busy(name, gpu)) for name, gpu in found.items()}

    def _busy(self, name: str, gpu: Gpu) -> float | None:
        if gpu.worked is None:
            return gpu.busy
        worked, of = gpu.worked
        worked_before, of_before = self._before.get(name, gpu.worked)
        self._before[name] = gpu.worked
        return min(1.0, max(0.0, worked - worked_before) / (of - of_before)) if of > of_before else None
