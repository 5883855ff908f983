"""NVIDIA's GPUs, by the management library of the driver, which opens none of them (docs.nvidia.com/deploy/nvml-api).

It calls processes by the numbers that the node has for them. Where a pod has its own, none of them is known to be ours,
and what the model takes is not said.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serve.use import GONE, Gpu
from serve.use.processes import family
from serve.values import Placement

UNLOADED = 9
"""NVML_ERROR_DRIVER_NOT_LOADED."""
LOST = (15, 6)
"""NVML_ERROR_GPU_IS_LOST and NVML_ERROR_NOT_FOUND."""


def read(placement: Placement, names: Sequence[str], root: Path) -> Mapping[str, Gpu]:
    from ray._private.thirdparty import pynvml  # NVIDIA's own binding, which Ray brings.

    known = [name for name in names if ":" in name]  # Else it is no address.
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return dict.fromkeys(known, GONE) if error.value == UNLOADED else {}
    pids = set(family(root))
    found = {name: _gpu(pynvml, name, pids) for name in known}
    return {name: gpu for name, gpu in found.items() if gpu is not None}


def _gpu(pynvml: Any, address: str, pids: set[int]) -> Gpu | None:
    try:
        handle = pynvml.nvmlDeviceGetHandleByPciBusId(address.encode())
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        busy = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
        running = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except pynvml.NVMLError as error:
        return GONE if error.value in LOST else None
    ours = [process.usedGpuMemory or 0 for process in running if process.pid in pids]
    return Gpu(own=sum(ours) if ours else None, used=memory.used, memory=memory.total, busy=busy)
