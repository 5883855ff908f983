"""Embedding models and cross-encoders on torch, as sentence-transformers loads them: token ids to vectors or scores.

Which of the two a model is, its folder says; modules and pooling are the folder's own. Only what that library does
around them is left out: texts are tokenised in other threads, and a batch goes to the device as it comes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from serve import checkpoint
from serve.device import threads, torch_device
from serve.engine import Tokens
from serve.errors import BadRequest, ModelUnavailable
from serve.tokens import Tokenizer
from serve.values import Closed, Placement

KINDS = {False: "an embedding model (task embeddings)", True: "a cross-encoder (task rerank)"}


class Config(Closed):
    """How a model of sentence-transformers is loaded and fed."""

    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """Precision of weights and arithmetic; auto is float32 on a CPU and float16 on a GPU."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"] = "auto"
    """Implementation of attention; auto is transformers' own choice."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Longest text or pair, where less than the model's own limit is wanted."""
    max_batch_tokens: int | None = Field(default=None, ge=1)
    """Padded tokens in one batch; default 16384 on a GPU, and 1024 for each core on a CPU, where more are slower."""
    prompt: str | None = None
    """Put before each text to embed, such as `query: `; default: the folder's default prompt, mostly none."""
    trust_remote_code: bool = False
    """Run Python code that comes with the weights; only for models whose code you have read."""


class Engine:
    """Satisfies Embedder and Reranker; a model refuses the one that it is not."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        self.config = config
        self.device = torch_device(placement)
        self._batch_tokens = config.max_batch_tokens or (1024 * threads(placement) if self.device == "cpu" else 16_384)
        self.reads_pairs = checkpoint.is_cross_encoder(folder)
        self.model = self._loaded(folder).eval()
        self.tokenizer = Tokenizer(self.model.tokenizer, self._longest())
        self._compute: Any = self._scorer() if self.reads_pairs else self._pooler()
        self._default_prompt = config.prompt or self.model.prompts.get(self.model.default_prompt_name, "")
        self._size: int = self._try().shape[-1]

    def _loaded(self, folder: Path) -> Any:
        import torch
        from sentence_transformers import CrossEncoder, SentenceTransformer

        automatic = "float32" if self.device == "cpu" else "float16"
        how = {"dtype": getattr(torch, automatic if self.config.dtype == "auto" else self.config.dtype)}
        if self.config.attention != "auto":
            how["attn_implementation"] = self.config.attention
        return (CrossEncoder if self.reads_pairs else SentenceTransformer)(
            str(folder),
            device=self.device,
            local_files_only=True,
            trust_remote_code=self.config.trust_remote_code,
            model_kwargs=how,
        )

    def _longest(self) -> int:
        """The least of what the folder, the table of positions and the entry say."""
        limits = [self.model.max_seq_length, self.config.max_tokens]
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

    def _scorer(self) -> Any:
        if self.model.num_labels != 1:
            raise ModelUnavailable(f"this classifier gives {self.model.num_labels} labels; a reranker gives one score")
        return self.model

    def _try(self) -> NDArray[np.float32]:
        """A first result; ModelUnavailable when it is no numbers, as of a GPU that cannot do this precision."""
        pair = ("a first", "try")
        first = self.score(self.tokenize_pairs([pair])) if self.reads_pairs else self.embed(self.tokenize(pair[:1]))
        if not np.isfinite(first).all():
            raise ModelUnavailable("a first try gave values that are no numbers; set engineConfig.dtype: float32")
        return first

    def max_tokens(self) -> int:
        return self.tokenizer.max_tokens

    def max_batch_tokens(self) -> int:
        return self._batch_tokens

    def dimensions(self) -> int:
        return self._size

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> list[Tokens]:
        self._must_be(pairs=False)
        before = self._default_prompt if prompt is None else self.model.prompts.get(prompt)
        if before is None:
            raise BadRequest(f"prompt_name: {prompt!r} is none of {', '.join(self.model.prompts)}", param="prompt_name")
        return self.tokenizer.tokenize([before + text for text in texts])

    def tokenize_pairs(self, pairs: Sequence[tuple[str, str]], document_tokens: int | None = None) -> list[Tokens]:
        self._must_be(pairs=True)
        return self.tokenizer.tokenize(self.tokenizer.shortened(pairs, document_tokens))

    def embed(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        return self._run(batch, "sentence_embedding")[:, : self.model.truncate_dim]

    def score(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        return self._run(batch, "scores").reshape(len(batch))

    def _run(self, batch: Sequence[Tokens], output: str) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            features = {name: torch.from_numpy(ids) for name, ids in self.tokenizer.padded(batch).items()}
            result = self._compute({name: ids.to(self.device) for name, ids in features.items()})[output]
            array: NDArray[np.float32] = result.float().cpu().numpy()
        return array

    def _must_be(self, *, pairs: bool) -> None:
        if self.reads_pairs is not pairs:
            raise ModelUnavailable(f"the model is {KINDS[self.reads_pairs]}, and not {KINDS[pairs]}")
