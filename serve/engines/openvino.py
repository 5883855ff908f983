"""Embedding models and cross-encoders on Intel's GPUs and on CPUs, by optimum-intel: token ids to vectors or scores.

Weights that are not yet OpenVINO's are exported when they are loaded for the first time, into a folder beside them.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from serve import checkpoint, compiled
from serve.arithmetic import Arithmetic, floats
from serve.device import openvino_device, threads, word_for
from serve.encoder import Encoder, EncoderConfig
from serve.engine import Tokens
from serve.errors import ModelUnavailable
from serve.sources import cache
from serve.sources.complete import complete
from serve.tokens import Tokenizer
from serve.values import Placement

FILE = "openvino_model.xml"
POOLINGS = ("mean", "cls", "lasttoken")


class Config(EncoderConfig):
    """How OpenVINO compiles and runs a model."""

    precision: Literal["auto", "f32", "f16", "int8"] = "auto"
    """Arithmetic; auto is f32 on a CPU and f16 on a GPU. int8 compresses the weights to 8 bits."""
    num_streams: int = Field(default=1, ge=1)
    """Parts of a batch that are computed at once: more use many cores better."""
    device: Literal["auto", "CPU", "GPU"] = "auto"
    """Where it runs; auto is what the vendor of the accelerator means."""

    def on_cpu(self) -> Self:
        """As a CPU computes it, in float32."""
        return self.model_copy(update={"precision": "f32", "device": "CPU", "num_streams": 1, "max_batch_tokens": None})


class Engine(Encoder):
    """One model on OpenVINO."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        from transformers import AutoTokenizer

        self.device = openvino_device(placement) if config.device == "auto" else config.device
        super().__init__(config, folder, placement, on_cpu=self.device == "CPU")
        self._pooling = "" if self.reads_pairs else _known(checkpoint.pooling(folder))
        compiled = self._compiled(config, folder, placement)
        self._inputs = {name for port in compiled.inputs for name in port.names}
        self._requests = [compiled.create_infer_request() for _ in range(config.num_streams)]
        tokenizer = AutoTokenizer.from_pretrained(folder)
        limits = [checkpoint.longest(folder), tokenizer.model_max_length, config.max_tokens]
        self.tokenizer = Tokenizer(tokenizer, min(limit for limit in limits if limit is not None))
        self.check()

    def _compiled(self, config: Config, folder: Path, placement: Placement) -> Any:
        from optimum.intel import OVModelForFeatureExtraction, OVModelForSequenceClassification

        cls = OVModelForSequenceClassification if self.reads_pairs else OVModelForFeatureExtraction
        how = {"INFERENCE_PRECISION_HINT": _hint(config, self.device), "NUM_STREAMS": str(config.num_streams)}
        if self.device == "CPU":
            how["INFERENCE_NUM_THREADS"] = str(threads(placement))
        elif (kept := compiled.place()) is not None:
            how["CACHE_DIR"] = str(kept / "openvino")  # docs.openvino.ai, Model Caching
        where = str(_exported(cls.export_feature, folder, config.precision))
        model = cls.from_pretrained(where, export=False, device=self.device, ov_config=how, local_files_only=True)
        return model.request

    def taken(self) -> int:
        import openvino

        taken: Mapping[str, int] = openvino.Core().get_property("GPU", "GPU_MEMORY_STATISTICS")
        return sum(taken.values())

    def close(self) -> None:
        self._requests.clear()

    def compute(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        size = -(-len(batch) // len(self._requests))
        parts = [batch[start : start + size] for start in range(0, len(batch), size)]
        running = []
        for request, part in zip(self._requests, parts, strict=False):
            features = self.tokenizer.padded(part)
            read = {name: ids for name, ids in features.items() if name in self._inputs}
            request.start_async(read, share_inputs=True)
            running.append((request, features))
        return np.concatenate([self._result(request, features["attention_mask"]) for request, features in running])

    def _result(self, request: Any, mask: NDArray[np.int64]) -> NDArray[np.float32]:
        request.wait()
        output: NDArray[np.float32] = np.asarray(request.get_output_tensor(0).data, np.float32)
        return np.array(output) if self.reads_pairs else _pooled(output, mask, self._pooling)


def _known(pooling: str) -> str:
    if pooling not in POOLINGS:
        raise ModelUnavailable(f"its pooling is {pooling}; this engine has {', '.join(POOLINGS)}")
    return pooling


def _pooled(states: NDArray[np.float32], mask: NDArray[np.int64], pooling: str) -> NDArray[np.float32]:
    """One vector of those of the tokens, shape (texts, tokens, dimensions), that `mask` does not leave out."""
    rows = np.arange(len(mask))
    if pooling == "mean":
        weights = (mask / mask.sum(1, keepdims=True)).astype(np.float32)
        return np.asarray(np.einsum("nt,ntd->nd", weights, states), np.float32)
    place = mask.argmax(1) if pooling == "cls" else mask.shape[1] - 1 - mask[:, ::-1].argmax(1)
    return np.asarray(states[rows, place])


def _exported(task: str, folder: Path, precision: str) -> Path:
    """The folder with the model as OpenVINO reads it: the one given, one within it, or else one in the cache."""
    compressed = precision == "int8"

    def export(target: Path) -> None:
        from optimum.exporters.openvino import main_export
        from optimum.intel import OVConfig

        how = OVConfig(quantization_config={"bits": 8}) if compressed else OVConfig(dtype="fp32")
        main_export(str(folder), target, task=task, library_name="transformers", local_files_only=True, ov_config=how)

    if not compressed and (folder / FILE).exists():
        return folder
    name = "openvino-int8" if compressed else "openvino"
    if os.access(folder, os.W_OK) or (folder / name / FILE).exists():
        return complete(folder / name, export)
    state = f"{folder.resolve()}@{folder.stat().st_mtime_ns}"
    return complete(cache() / "exports" / hashlib.sha256(state.encode()).hexdigest()[:16] / name, export)


def arithmetic(config: Config, folder: Path, placement: Placement) -> Arithmetic:
    automatic = "CPU" if word_for(placement.vendor) == "cpu" else "GPU"
    hint = _hint(config, automatic if config.device == "auto" else config.device)
    precisions = floats({"f32": "float32", "f16": "float16"}[hint])
    return Arithmetic("openvino", precisions, config.precision == "int8", on_cpu=config.device == "CPU")


def _hint(config: Config, device: str) -> str:
    automatic = "f32" if device == "CPU" else "f16"
    return config.precision if config.precision in ("f32", "f16") else automatic
