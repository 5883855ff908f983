"""AMD's GPUs, as amdgpu shows them in /sys (docs.kernel.org/gpu/amdgpu/driver-misc.html).

An APU has most of its memory in the node's RAM, which the driver calls GTT.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from serve.use import GONE, Gpu
from serve.use.drm import clients, device, number
from serve.use.processes import family
from serve.values import Placement


def read(placement: Placement, names: Sequence[str], root: Path) -> Mapping[str, Gpu]:
    ours = clients(root, family(root))
    found = {}
    for name in names:
        folder = device(root, name)
        regions = _regions(placement, folder) if folder else ()
        own = sum(client.memory(regions) for client in ours if client.gpu == name)
        found[name] = _gpu(folder, regions, own) if folder else GONE
    return found


def _regions(placement: Placement, folder: Path) -> tuple[str, ...]:
    """GTT counts where the values give more than there is on the GPU itself."""
    there = number(folder / "mem_info_vram_total") or 0
    return ("vram", "gtt") if placement.device_memory > there else ("vram",)


def _gpu(folder: Path, regions: Sequence[str], own: int) -> Gpu:
    used, memory = (
        sum(number(folder / f"mem_info_{region}_{what}") or 0 for region in regions) for what in ("used", "total")
    )
    busy = number(folder / "gpu_busy_percent")
    return Gpu(own=own, used=used, memory=memory, busy=None if busy is None else busy / 100)
