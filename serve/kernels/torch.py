"""The kernels by torch: what engines on torch, and vLLM on any GPU, are made of."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serve.device import torch_device
from serve.kernels.exact import Kernel, kernels
from serve.values import Placement

__all__ = ["arithmetic", "computed", "kernels"]


def computed(placement: Placement, precision: str, kernels: Sequence[Kernel]) -> Iterator[NDArray[np.float32]]:
    """What comes out of each, one after the other."""
    import torch

    device, functions = torch_device(placement), _functions()
    with torch.inference_mode():
        for kernel in kernels:
            inputs = [torch.from_numpy(values).to(device, getattr(torch, precision)) for values in kernel.inputs]
            yield functions[kernel.name](*inputs).float().cpu().numpy()


def arithmetic(placement: Placement, precision: str, kernel: Kernel) -> str:
    """What it really computes in: cuDNN convolves float32 in tfloat32 (docs.pytorch.org, CUDA semantics)."""
    shortened = placement.vendor == "cuda" and kernel.name == "convolution" and precision == "float32"
    return "tfloat32" if shortened else precision


def _functions() -> dict[str, Callable[..., Any]]:
    import torch
    from torch.nn import functional

    return {
        "matmul": torch.matmul,
        "softmax": lambda values: torch.softmax(values, -1),
        "layer_norm": lambda values, weight, bias: functional.layer_norm(values, values.shape[-1:], weight, bias),
        "attention": functional.scaled_dot_product_attention,
        "convolution": lambda signal, filters: functional.conv1d(signal, filters, padding=1),
    }
