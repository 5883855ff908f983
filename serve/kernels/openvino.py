"""The kernels by OpenVINO: a small model of all of them, compiled for the device as a served one is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serve.device import openvino_device
from serve.kernels.exact import EPSILON, Kernel, kernels
from serve.values import Placement

HINTS = {"float32": "f32", "float16": "f16"}

__all__ = ["arithmetic", "computed", "kernels"]


def computed(placement: Placement, precision: str, kernels: Sequence[Kernel]) -> Iterator[NDArray[np.float32]]:
    """What comes out of each. The first input is the model's, the others are its weights."""
    import openvino
    from openvino import opset13 as operations

    functions = _functions(operations)
    parameters = [operations.parameter(kernel.inputs[0].shape, np.float32) for kernel in kernels]
    results = [
        functions[kernel.name](parameter, *map(operations.constant, kernel.inputs[1:]))
        for kernel, parameter in zip(kernels, parameters, strict=True)
    ]
    how = {"INFERENCE_PRECISION_HINT": HINTS[precision]}
    model = openvino.Core().compile_model(openvino.Model(results, parameters), openvino_device(placement), how)
    found = model([kernel.inputs[0] for kernel in kernels])
    for number in range(len(kernels)):
        yield np.asarray(found[number], np.float32)


def arithmetic(placement: Placement, precision: str, kernel: Kernel) -> str:
    """What it really computes in."""
    return precision


def _functions(operations: Any) -> dict[str, Callable[..., Any]]:
    def layer_norm(values: Any, weight: Any, bias: Any) -> Any:
        normal = operations.mvn(values, operations.constant([-1]), True, EPSILON, "inside_sqrt")
        return operations.add(operations.multiply(normal, weight), bias)

    return {
        "matmul": lambda left, right: operations.matmul(left, right, False, False),
        "softmax": lambda values: operations.softmax(values, -1),
        "layer_norm": layer_norm,
        "attention": operations.scaled_dot_product_attention,
        "convolution": lambda signal, filters: operations.convolution(signal, filters, [1], [1], [1], [1]),
    }
