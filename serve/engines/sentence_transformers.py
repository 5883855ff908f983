"""Embedding models and cross-encoders on torch, as sentence-transformers loads them: token ids to vectors or scores.

Modules and pooling are the folder's own. Only what that library does around them is left out: texts are tokenised in
other threads, and a batch goes to the device as it comes. The cores of a CPU compute parts of a batch side by side, as
together at one part they would wait for each other after every step: with two cores that is a fifth more.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from serve.arithmetic import Arithmetic, floats
from serve.device import threads, torch_device, word_for
from serve.encoder import Encoder, EncoderConfig
from serve.engine import Tokens
from serve.errors import ModelUnavailable
from serve.tokens import Tokenizer
from serve.values import Placement

ENVIRONMENT = {"LRU_CACHE_CAPACITY": "16", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16"}
"""On a CPU each number of tokens leaves compiled kernels behind, of which torch and oneDNN would each keep 1024: a
gigabyte."""
PART_TOKENS = 256
"""Of a batch at least, for a core of its own: below, the interpreter takes more time than the core."""
CORE_TOKENS = 64
"""Of a part at least, for each core that it is computed by: below, cores wait for each other for as long."""


class Config(EncoderConfig):
    """How a model of sentence-transformers is loaded and fed."""

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """Precision of weights and arithmetic; auto is float32 on a CPU and float16 on a GPU."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """Implementation of attention; auto is transformers' own choice."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights; only for models whose code you have read."""

    def on_cpu(self) -> Self:
        """As a CPU computes it best, in float32."""
        return self.model_copy(update={"dtype": "float32", "attention": "auto", "max_batch_tokens": None})


class Engine(Encoder):
    """One model on torch."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        self.device = torch_device(placement)
        super().__init__(config, folder, placement, on_cpu=self.device == "cpu")
        self._cores = threads(placement) if self.in_ram else 1
        self._lanes = ThreadPoolExecutor(self._cores, "core")
        self.model = self._loaded(config, folder).eval()
        self.tokenizer = Tokenizer(self.model.tokenizer, self._longest(config))
        self._modules = self.model if self.reads_pairs else self._pooler()
        self._parts_at_once = 1 if config.trust_remote_code or _changes(self.model) else self._cores
        self._output = "scores" if self.reads_pairs else "sentence_embedding"
        self.check()

    def _loaded(self, config: Config, folder: Path) -> Any:
        import torch
        from sentence_transformers import CrossEncoder, SentenceTransformer

        how = {"dtype": getattr(torch, _precision(config, self.device))}
        if config.attention != "auto":
            how["attn_implementation"] = config.attention
        model = (CrossEncoder if self.reads_pairs else SentenceTransformer)(
            str(folder),
            device=self.device,
            local_files_only=True,
            trust_remote_code=config.trust_remote_code,
            model_kwargs=how,
        )
        if "message" in model.modalities:
            raise ModelUnavailable("the model reads its texts through a chat template, which this engine does not do")
        if self.in_ram and not config.trust_remote_code:
            from serve.packed import pack

            pack(model)
        return model

    def _longest(self, config: Config) -> int:
        """The least of what the folder, the table of positions and the entry say."""
        limits = [self.model.max_seq_length, config.max_tokens]
        for name, table in self.model.named_modules():
            if name.endswith(".position_embeddings"):
                first = 0 if table.padding_idx is None else table.padding_idx + 1  # RoBERTa counts from after padding.
                limits.append(table.num_embeddings - first)
        return int(min(limit for limit in limits if limit is not None))

    def _pooler(self) -> Any:
        """The folder's modules without a normalisation at the end: unit length is the task's affair."""
        import torch
        from sentence_transformers.sentence_transformer.modules import Normalize

        modules = list(self.model)
        while isinstance(modules[-1], Normalize):
            modules.pop()
        return torch.nn.Sequential(*modules)

    def taken(self) -> int:
        import torch

        taken: int = torch.get_device_module(self.device).max_memory_reserved()
        return taken

    def close(self) -> None:
        import torch

        self._lanes.shutdown()
        self.model = self._modules = None
        if self.device != "cpu":
            torch.get_device_module(self.device).empty_cache()

    def compute(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        parts = self._parts(batch)
        if len(parts) == 1:
            return self._computed(batch, self._cores)
        share, rest = divmod(self._cores, len(parts))
        cores = [share + (place < rest) for place in range(len(parts))]
        return np.concatenate(list(self._lanes.map(self._computed, parts, cores)))

    def _parts(self, batch: Sequence[Tokens]) -> list[Sequence[Tokens]]:
        """Neighbours, and so of like length, with about as many tokens in each part."""
        lengths = np.array([min(item.length, self.max_tokens()) for item in batch])
        ends = np.cumsum(lengths)
        number = int(min(self._parts_at_once, len(batch), max(1, ends[-1] // PART_TOKENS)))
        cuts = [0, *np.searchsorted(ends - lengths / 2, ends[-1] * np.arange(1, number) / number), len(batch)]
        return [batch[begin:end] for begin, end in pairwise(cuts) if end > begin]

    def _computed(self, batch: Sequence[Tokens], cores: int) -> NDArray[np.float32]:
        import torch

        if self.in_ram:
            wanted = sum(item.length for item in batch) // CORE_TOKENS
            torch.set_num_threads(max(1, min(cores, wanted)))  # Of this thread; if never said, what another said last.
        with torch.inference_mode():
            padded = {name: torch.from_numpy(ids) for name, ids in self.tokenizer.padded(batch).items()}
            features = self._modules({name: ids.to(self.device) for name, ids in padded.items()})
            result: NDArray[np.float32] = features[self._output].float().cpu().numpy()
        return result if self.reads_pairs else result[:, : self.model.truncate_dim]


def _changes(model: Any) -> bool:
    """Whether computing changes the model itself, as transformers does for some rotary embeddings."""
    return any(getattr(module, "rope_type", "") in ("dynamic", "longrope") for module in model.modules())


def arithmetic(config: Config, folder: Path, placement: Placement) -> Arithmetic:
    return Arithmetic("torch", floats(_precision(config, word_for(placement.vendor))))


def _precision(config: Config, device: str) -> str:
    automatic = "float32" if device == "cpu" else "float16"
    return automatic if config.dtype == "auto" else config.dtype
