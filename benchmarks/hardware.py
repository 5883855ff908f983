"""What models compute on, for ours and for peers: the environment that runs this goes in, vendor and card come out.

`.venv/<vendor>` and each image are for one vendor.
"""

import os
import sys
from pathlib import Path
from typing import Any

import psutil

from serve.device import TORCH_WORDS, word_for

RESOURCES = {"cuda": "nvidia.com/gpu", "rocm": "amd.com/gpu", "xpu": "gpu.intel.com/xe"}


def _vendor() -> str:
    named = os.environ.get("AI_INFERENCE_VENDOR", Path(sys.prefix).name)
    return named if named in TORCH_WORDS else "cpu"


VENDOR = _vendor()
ON_CPU = VENDOR == "cpu"
DEVICE = word_for(VENDOR)
"""Torch's word for it."""


def accelerator() -> dict[str, Any]:
    """The machine as an entry of a values file's accelerators: its first GPU, or else half of its RAM."""
    if ON_CPU:
        return {"vendor": VENDOR, "memory": f"{psutil.virtual_memory().total // 2**21}Mi", "order": 1, "cpus": 16}
    memory = f"{card().total_memory // 2**20}Mi"
    return {"vendor": VENDOR, "resource": RESOURCES[VENDOR], "memory": memory, "order": 1, "cpus": 16}


def card() -> Any:
    """torch's properties of the first GPU: name, total_memory in bytes."""
    import torch

    return torch.get_device_module(DEVICE).get_device_properties(0)
