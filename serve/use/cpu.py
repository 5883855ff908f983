"""RAM and cores that a model takes, where it computes on the CPU; so does one whose GPU is only simulated."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from serve.use import Gpu
from serve.use.processes import family, resident, worked
from serve.values import Placement


def read(placement: Placement, names: Sequence[str], root: Path) -> Mapping[str, Gpu]:
    """Of several simulated GPUs each has an equal part."""
    pids = family(root)
    ram = sum(resident(root, pid) for pid in pids) // len(names)
    cores = max(1.0, placement.cpus)
    spent = sum(worked(root, pid) for pid in pids)
    gpu = Gpu(own=ram, used=ram, memory=placement.device_memory, worked=(spent, time.monotonic() * cores))
    return dict.fromkeys(names, gpu)
