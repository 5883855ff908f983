"""Where a replica computes: its placement goes in, the word that torch or OpenVINO has for the device comes out.

Vendors are told apart here and nowhere else. AI_INFERENCE_SIMULATED=1 says that GPUs are bookkeeping only.
"""

import os
from types import MappingProxyType

from serve.errors import ModelUnavailable, OverBudget
from serve.quantity import mebibytes
from serve.values import Placement

MUCH = 0.8
"""Of the memory that the values say: cards have up to a tenth less than their name, by error correction and driver."""
TORCH_WORDS = MappingProxyType({"cuda": "cuda", "rocm": "cuda", "xpu": "xpu", "cpu": "cpu"})


def torch_device(placement: Placement) -> str:
    """The device, with torch held to the share of it and to the cores that the placement gives."""
    import torch

    torch.set_num_threads(threads(placement))
    word = word_for(placement.vendor)
    if word != "cpu":
        share = min(1.0, placement.memory / total(placement))
        torch.get_device_module(word).set_per_process_memory_fraction(share)
    return word


def total(placement: Placement) -> int:
    """Bytes that its GPU really has: a share of what the values say would be a wrong one where that is another number.

    The properties of a device are known without a context on it, which would take some hundred megabytes.
    """
    import torch

    word = word_for(placement.vendor)
    device = torch.get_device_module(word)
    if not device.is_available():
        raise ModelUnavailable(
            f"accelerator {placement.accelerator!r} has vendor {placement.vendor!r}, but torch {torch.__version__} "
            f"finds no {word!r} device here: check the driver, that the pod asks for the GPU, and that the image is "
            f"the one of this vendor"
        )
    found: int = device.get_device_properties(0).total_memory
    if found < placement.memory or found < MUCH * placement.device_memory:
        raise OverBudget(_lacking(placement, found))
    return found


def _lacking(placement: Placement, found: int) -> str:
    """With what to do; the kernel gives an APU half of the RAM unless it is told otherwise."""
    pages = placement.device_memory // 4096
    said, budget, there = (mebibytes(size) for size in (placement.device_memory, placement.memory, found))
    apu = f", or on an APU boot with ttm.pages_limit={pages} (with an older kernel amdgpu.gttsize={pages // 256})"
    return (
        f"the GPU of accelerator {placement.accelerator!r} has {there}, but its memory is given as {said}, and the "
        f"budget on it is {budget}: set accelerators.{placement.accelerator}.memory to {there} or less"
        f"{apu if placement.vendor == 'rocm' else ''}"
    )


def openvino_device(placement: Placement) -> str:
    """`GPU` or `CPU`."""
    if word_for(placement.vendor) == "cpu":
        return "CPU"
    import openvino

    found = openvino.Core().available_devices
    if not any(name.startswith("GPU") for name in found):
        raise ModelUnavailable(
            f"accelerator {placement.accelerator!r} has vendor {placement.vendor!r}, but OpenVINO finds only "
            f"{', '.join(found)}: check the driver and that the pod asks for the GPU, or set engineConfig.device: CPU"
        )
    return "GPU"


def word_for(vendor: str) -> str:
    """Torch's word for a vendor's devices; `cpu` where GPUs are simulated."""
    if vendor not in TORCH_WORDS:
        raise ModelUnavailable(f"there is no vendor {vendor!r}; vendors: {', '.join(TORCH_WORDS)}")
    return "cpu" if os.environ.get("AI_INFERENCE_SIMULATED") == "1" else TORCH_WORDS[vendor]


def threads(placement: Placement) -> int:
    """Cores for the engine's threads, at least one; tokenizers' threads are held to them as well."""
    cores = max(1, int(placement.cpus))
    os.environ.setdefault("RAYON_NUM_THREADS", str(cores))
    return cores
