"""Intel's GPUs: xe and i915 show what each process has and does, and no sum, so that it is made of the pod's.

A pod has its GPUs for itself, as device plugin and claim give it them.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from serve.use import GONE, Gpu
from serve.use.drm import Client, clients, device
from serve.use.processes import family
from serve.values import Placement

REGIONS = ("vram0", "vram1", "local0", "local1")
"""Of a tile each: by xe and by i915."""
CYCLES = ("ccs", "rcs")
"""Engines that compute, by xe."""
ENGINES = ("compute", "render")
"""The same by i915."""


def read(placement: Placement, names: Sequence[str], root: Path) -> Mapping[str, Gpu]:
    everybody = [int(folder.name) for folder in root.glob("proc/[0-9]*")]
    own, all_of_them = (clients(root, pids) for pids in (family(root), everybody))
    found = {}
    for name in names:
        theirs = [client for client in all_of_them if client.gpu == name]
        ours = sum(client.memory(REGIONS) for client in own if client.gpu == name)
        used = sum(client.memory(REGIONS) for client in theirs)
        gpu = Gpu(own=ours, used=used, memory=placement.device_memory, worked=_worked(theirs))
        found[name] = gpu if device(root, name) else GONE
    return found


def _worked(theirs: Sequence[Client]) -> tuple[float, float]:
    """Cycles of all, and of the GPU since it started; or nanoseconds."""
    of = max((client.numbers.get(f"drm-total-cycles-{one}", 0) for client in theirs for one in CYCLES), default=0)
    if of:
        return sum(client.numbers.get(f"drm-cycles-{one}", 0) for client in theirs for one in CYCLES), of
    return sum(client.numbers.get(f"drm-engine-{one}", 0) for client in theirs for one in ENGINES), time.monotonic_ns()
