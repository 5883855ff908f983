"""Linear layers on a CPU: a model of torch goes in, and oneDNN computes them, from weights in the order that it reads.

torch gives products in float32 to MKL, which leaves AVX-512 aside on AMD's processors: oneDNN takes less than half of
its time there. torch.compile would do the same with a compiler, which no image has.
"""

import torch
from torch import Tensor, nn

FEW, STEP = 512, 16
"""Less than FEW rows are filled up, to a multiple of STEP or an eighth more: to compile a kernel takes longer."""


class Packed(nn.Module):  # type: ignore[misc]  # Of torch, which mypy does not read.
    """A linear layer whose weights can only be multiplied by."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach())
        self.register_buffer("weight", packed, persistent=False)
        self.bias = layer.bias

    def forward(self, inputs: Tensor) -> Tensor:
        rows = inputs.reshape(-1, inputs.shape[-1])
        spare = -len(rows) % max(STEP, 2 ** len(rows).bit_length() // 8) if len(rows) < FEW else 0
        filled = nn.functional.pad(rows, (0, 0, 0, spare)) if spare else rows
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise(filled, self.weight, self.bias, "none", [], "")
        return outputs[: len(rows)].view(*inputs.shape[:-1], outputs.shape[-1])


def pack(model: nn.Module) -> None:
    """Replaces each linear layer in float32 of `model`, in place; torch gives narrower ones to oneDNN itself."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):  # A build of torch without oneDNN.
        return
    for module in list(model.modules()):
        for name, layer in module.named_children():
            if type(layer) is nn.Linear and layer.weight.dtype == torch.float32:
                setattr(module, name, Packed(layer))
