"""The kernels by CTranslate2, which gives no single one away: a Whisper of one layer is made of them and encodes.

Its weights are written here as the library reads them (ctranslate2/specs/model_spec.py), since its own way to write a
model imports torch.
"""

import json
import math
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serve.device import threads, word_for
from serve.kernels.exact import Array, Kernel, attention, convolution, layer_norm, short
from serve.values import Placement

Weights = Mapping[str, NDArray[np.float32]]
BANDS, FRAMES, WIDTH, HEADS, INNER = 80, 100, 384, 6, 1536
"""Whisper tiny's, of a second of sound."""
BINARY, REVISION = 6, 3
TYPES = {np.dtype("float32"): 0, np.dtype("int16"): 2}
VOCABULARY = ("<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>")
TERMS = 3 * BANDS + 3 * WIDTH + 6 * WIDTH + FRAMES + INNER
"""Of one number: two convolutions, three layer norms, the three projections and the sums of attention, two more."""


def computed(placement: Placement, precision: str, kernels: Sequence[Kernel]) -> Iterator[NDArray[np.float32]]:
    """What the encoder gives."""
    import ctranslate2

    device = "cpu" if word_for(placement.vendor) == "cpu" else "cuda"
    known = precision in ctranslate2.get_supported_compute_types(device)  # Else it takes float32 by itself.
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), {**_weights(), **_decoder()})
        how = {"compute_type": precision if known else "float32", "intra_threads": threads(placement)}
        model = ctranslate2.models.Whisper(folder, device=device, **how)
    for kernel in kernels:
        signal = ctranslate2.StorageView.from_array(np.ascontiguousarray(kernel.inputs[0]))
        encoded = model.encode(signal, to_cpu=True).to(ctranslate2.DataType.float32)
        yield np.array(encoded)


def arithmetic(placement: Placement, precision: str, kernel: Kernel) -> str:
    """What it really computes in: on NVIDIA's cards cuDNN convolves float32 in tfloat32, as CTranslate2 lets it."""
    return "tfloat32" if placement.vendor == "cuda" and precision == "float32" else precision


@cache
def kernels() -> tuple[Kernel, ...]:
    """One, of all of them."""
    signal = short(np.random.default_rng(1).standard_normal((1, BANDS, FRAMES)))
    weights = {name: values.astype(np.float64) for name, values in _weights().items()}
    return (Kernel("whisper's encoder", (signal,), _encoded(signal.astype(np.float64), weights), TERMS),)


def _encoded(signal: Array, weights: Mapping[str, Array]) -> Array:
    """As openai/whisper's AudioEncoder."""

    def linear(values: Array, name: str) -> Array:
        return np.asarray(values @ weights[f"{name}/weight"].T + weights[f"{name}/bias"])

    def norm(values: Array, name: str) -> Array:
        return layer_norm(values, weights[f"{name}/gamma"], weights[f"{name}/beta"])

    def split(values: Array) -> Array:
        return values.reshape(1, -1, HEADS, WIDTH // HEADS).swapaxes(1, 2)

    for number, stride in ((1, 1), (2, 2)):
        convolved = convolution(signal, weights[f"encoder/conv{number}/weight"], stride)
        signal = gelu(convolved + weights[f"encoder/conv{number}/bias"][:, None])
    states = signal.swapaxes(1, 2) + weights["encoder/position_encodings/encodings"]
    layer = "encoder/layer_0"
    mixed = linear(norm(states, f"{layer}/self_attention/layer_norm"), f"{layer}/self_attention/linear_0")
    heard = attention(*(split(part) for part in np.split(mixed, 3, -1))).swapaxes(1, 2).reshape(states.shape)
    states = states + linear(heard, f"{layer}/self_attention/linear_1")
    inner = gelu(linear(norm(states, f"{layer}/ffn/layer_norm"), f"{layer}/ffn/linear_0"))
    return norm(states + linear(inner, f"{layer}/ffn/linear_1"), "encoder/layer_norm")


def gelu(values: Array) -> Array:
    error = np.vectorize(math.erf, otypes=[np.float64])
    return np.asarray(0.5 * values * (1 + error(values / math.sqrt(2))))


@cache
def _weights() -> Weights:
    random = np.random.default_rng(2)

    def normal(*shape: int) -> NDArray[np.float32]:
        """Scaled so that results are as large as what went in."""
        return short(random.standard_normal(shape) / math.sqrt(math.prod(shape[1:])))

    found = {
        "encoder/conv1/weight": normal(WIDTH, BANDS, 3),
        "encoder/conv1/bias": normal(WIDTH),
        "encoder/conv2/weight": normal(WIDTH, WIDTH, 3),
        "encoder/conv2/bias": normal(WIDTH),
        "encoder/position_encodings/encodings": normal(FRAMES // 2, WIDTH),
    }
    for name, lines, columns in (
        ("self_attention/linear_0", 3 * WIDTH, WIDTH),
        ("self_attention/linear_1", WIDTH, WIDTH),
        ("ffn/linear_0", INNER, WIDTH),
        ("ffn/linear_1", WIDTH, INNER),
    ):
        found |= {
            f"encoder/layer_0/{name}/weight": normal(lines, columns),
            f"encoder/layer_0/{name}/bias": normal(lines),
        }
    for name in ("layer_0/self_attention/layer_norm", "layer_0/ffn/layer_norm", "layer_norm"):
        found |= {f"encoder/{name}/gamma": normal(WIDTH), f"encoder/{name}/beta": normal(WIDTH)}
    return found


def _decoder() -> Weights:
    """The smallest that the library takes; nobody runs it."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(
        ("embeddings/weight", "projection/weight", "position_encodings/encodings"), (len(VOCABULARY), WIDTH)
    )
    linears = {"self_attention": (3, 1), "attention": (1, 2, 1), "ffn": (1, 1)}
    for block, parts in linears.items():
        for number, part in enumerate(parts):
            shapes |= _part(f"layer_0/{block}/linear_{number}", part)
        shapes |= _norm(f"layer_0/{block}/layer_norm")
    shapes |= _norm("layer_norm")
    return {f"decoder/{name}": np.zeros(shape, np.float32) for name, shape in shapes.items()}


def _part(name: str, part: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/weight": (part * WIDTH, WIDTH), f"{name}/bias": (part * WIDTH,)}


def _norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}/gamma": (WIDTH,), f"{name}/beta": (WIDTH,)}


def _write(folder: Path, weights: Weights) -> None:
    (folder / "vocabulary.json").write_text(json.dumps(VOCABULARY))
    (folder / "config.json").write_text(json.dumps({"suppress_ids": [], "suppress_ids_begin": [], "lang_ids": []}))
    variables: dict[str, NDArray[Any]] = {**weights}
    variables |= dict.fromkeys(("encoder/num_heads", "decoder/num_heads"), np.array(HEADS, np.int16))
    with (folder / "model.bin").open("wb") as file:
        file.write(struct.pack("<I", BINARY) + _text("WhisperSpec") + struct.pack("<II", REVISION, len(variables)))
        for name, values in sorted(variables.items()):
            file.write(_text(name) + struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape))
            file.write(struct.pack("<BI", TYPES[values.dtype], values.nbytes) + values.tobytes())
        file.write(struct.pack("<I", 0))


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"
