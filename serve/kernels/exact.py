"""The kernels by which models compute, each with fixed inputs and what it gives of them in float64 on the CPU.

The inputs have 8 binary digits, so that every format has them exactly, and all errors are those of the computation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DIGITS = 2**8
SMALLEST = 2.0**-10
"""Below it float16 has fewer digits."""
TOKENS, WIDTH, HEADS, HEAD = 128, 1024, 8, 64
CHANNELS, FILTERS, TAPS = 128, 256, 3
EPSILON = 1e-5
"""Of the layer norm."""


@dataclass(frozen=True)
class Kernel:
    """What goes in, what shall come out, and how many numbers are added up for one of the results."""

    name: str
    inputs: tuple[NDArray[np.float32], ...]
    expected: Array
    terms: int


@cache
def kernels() -> tuple[Kernel, ...]:
    """All of them, computed once."""
    random = np.random.default_rng(0)
    heads = (1, HEADS, TOKENS, HEAD)
    shapes: dict[str, tuple[list[tuple[int, ...]], int]] = {
        "matmul": ([(TOKENS, WIDTH), (WIDTH, WIDTH)], WIDTH),
        "softmax": ([(TOKENS, WIDTH)], WIDTH),
        "layer_norm": ([(TOKENS, WIDTH), (WIDTH,), (WIDTH,)], WIDTH),
        "attention": ([heads, heads, heads], HEAD + 2 * TOKENS),
        "convolution": ([(1, CHANNELS, 4 * TOKENS), (FILTERS, CHANNELS, TAPS)], CHANNELS * TAPS),
    }
    found = []
    for name, (wanted, terms) in shapes.items():
        inputs = tuple(short(random.standard_normal(shape)) for shape in wanted)
        found.append(Kernel(name, inputs, EXACT[name](*(values.astype(np.float64) for values in inputs)), terms))
    return tuple(found)


def short(values: Array) -> NDArray[np.float32]:
    mantissas, exponents = np.frexp(np.where(np.abs(values) < SMALLEST, 0, values))
    return np.asarray(np.ldexp(np.round(mantissas * DIGITS) / DIGITS, exponents), np.float32)


def softmax(values: Array) -> Array:
    powers = np.exp(values - values.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def layer_norm(values: Array, weight: Array, bias: Array) -> Array:
    centred = values - values.mean(-1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) * weight + bias)


def attention(queries: Array, keys: Array, values: Array) -> Array:
    return np.asarray(softmax(queries @ keys.swapaxes(-1, -2) / np.sqrt(queries.shape[-1])) @ values)


def convolution(signal: Array, filters: Array, stride: int = 1) -> Array:
    """One dimension, padded by one on each side; as a product with the windows of the signal."""
    padded = np.pad(signal, ((0, 0), (0, 0), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, TAPS, axis=2)[:, :, ::stride]
    flat = windows.transpose(0, 2, 1, 3).reshape(len(signal), windows.shape[2], -1)
    return np.asarray((flat @ filters.reshape(len(filters), -1).T).swapaxes(1, 2))


EXACT: dict[str, Callable[..., Array]] = {
    "matmul": np.matmul,
    "softmax": softmax,
    "layer_norm": layer_norm,
    "attention": attention,
    "convolution": convolution,
}
