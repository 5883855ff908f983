"""What engines that run an encoder have alike: texts or pairs to token ids, batches of ids to vectors or scores.

Which of the two a model gives, its folder says. An engine adds how it loads weights and how it computes.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from serve import checkpoint, peak
from serve.device import threads
from serve.engine import Tokens
from serve.errors import BadRequest, ModelUnavailable
from serve.tokens import Tokenizer
from serve.values import Closed, Placement

KINDS = {False: "an embedding model (task embeddings)", True: "a cross-encoder (task rerank)"}
GPU_BATCH, CORE_BATCH = 16_384, 1_536
BRIEF = 0.2
"""Seconds after which a CPU has been tried enough before it serves."""


class EncoderConfig(Closed):
    """Options of every engine that runs an encoder."""

    max_tokens: int | None = Field(default=None, ge=8)
    """Longest text or pair, where less than the model's own limit is wanted."""
    max_batch_tokens: int | None = Field(default=None, ge=1)
    """Padded tokens in one batch; default 16384 on a GPU, and 1536 for each core on a CPU, where more are slower."""
    prompt: str | None = None
    """Put before each text to embed, such as `query: `; default: the folder's default prompt, mostly none."""


class Encoder:
    """Satisfies Embedder and Reranker; a model refuses the one that it is not."""

    tokenizer: Tokenizer
    _size: int

    def __init__(self, config: EncoderConfig, folder: Path, placement: Placement, *, on_cpu: bool) -> None:
        self.reads_pairs = checkpoint.is_cross_encoder(folder)
        self.in_ram = on_cpu
        self._batch_tokens = config.max_batch_tokens or (CORE_BATCH * threads(placement) if on_cpu else GPU_BATCH)
        self._prompts, default = checkpoint.prompts(folder)
        self._default_prompt = default if config.prompt is None else config.prompt

    def compute(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """What the model gives, shape (len(batch), dimensions); a cross-encoder has one dimension."""
        raise NotImplementedError

    def check(self) -> None:
        """A first result; ModelUnavailable when it is no numbers, as of a GPU that cannot do this precision."""
        pair = ("a first", "try")
        first = self.compute(self.tokenize_pairs([pair]) if self.reads_pairs else self.tokenize(pair[:1]))
        if not np.isfinite(first).all():
            raise ModelUnavailable("a first try gave values that are no numbers; try engineConfig with float32")
        self._size = first.shape[1]
        if self.reads_pairs and self._size != 1:
            raise ModelUnavailable(f"this classifier gives {self._size} labels; a reranker gives one score")

    def fill(self) -> int:
        """Computes the largest batch that it may get, and says what memory it then has had in all.

        A CPU gets ever larger ones only while they take hardly any time.
        """
        if self.in_ram:
            return peak.ram(self._grow)
        self.compute(self._filler(self._largest()))
        return self.taken()

    def taken(self) -> int:
        """Bytes on the GPU."""
        raise NotImplementedError

    def close(self) -> None:
        """Gives back what it has on the GPU, where its library would keep it."""

    def _largest(self) -> int:
        return max(self._batch_tokens, self.max_tokens())

    def _grow(self) -> None:
        tokens, took = 64, 0.0
        while tokens < self._largest() and took < BRIEF:
            tokens = min(2 * tokens, self._largest())
            begun = time.monotonic()
            self.compute(self._filler(tokens))
            took = time.monotonic() - begun

    def _filler(self, tokens: int) -> list[Tokens]:
        """A batch of so many, in texts as long as can be."""
        length = min(tokens, self.max_tokens())
        return [self.tokenizer.blank(length)] * (tokens // length)

    def max_tokens(self) -> int:
        return self.tokenizer.max_tokens

    def max_batch_tokens(self) -> int:
        return self._batch_tokens

    def dimensions(self) -> int:
        return self._size

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> list[Tokens]:
        self._must_be(pairs=False)
        before = self._default_prompt if prompt is None else self._prompts.get(prompt)
        if before is None:
            raise BadRequest(f"prompt_name: {prompt!r} is none of {', '.join(self._prompts)}", param="prompt_name")
        return self.tokenizer.tokenize([before + text for text in texts])

    def tokenize_pairs(self, pairs: Sequence[tuple[str, str]], document_tokens: int | None = None) -> list[Tokens]:
        self._must_be(pairs=True)
        return self.tokenizer.tokenize(self.tokenizer.shortened(pairs, document_tokens))

    def embed(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        return self.compute(batch)

    def score(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        return self.compute(batch)[:, 0]

    def _must_be(self, *, pairs: bool) -> None:
        if self.reads_pairs is not pairs:
            raise ModelUnavailable(f"the model is {KINDS[self.reads_pairs]}, and not {KINDS[pairs]}")
