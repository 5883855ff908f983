"""Texts or pairs of texts to token ids, and batches of ids to padded arrays: for engines that run a transformer.

A fast tokenizer may serve many threads at once as long as nobody changes its truncation (else "Already borrowed",
github.com/huggingface/tokenizers/issues/537), so there are two that never change: one reads whole texts and so knows
true lengths, the other cuts the few that are too long, as the model's own tokenizer would.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from serve.engine import Tokens
from serve.errors import ModelUnavailable

Item = TypeVar("Item")
Input = str | tuple[str, str]
AT_ONCE = 32  # Of a token the tokenizer keeps some 200 bytes, and of a thousand long texts gigabytes.
TOKEN_CHARACTERS = 64  # Hardly a text has more to a token, so that of a book not much is read before it is too long.


class Tokenizer:
    """Wraps `tokenizer`, one of transformers'; nothing longer than `max_tokens` comes out."""

    def __init__(self, tokenizer: Any, max_tokens: int) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ModelUnavailable("the model has no fast tokenizer; add its tokenizer.json to the folder")
        self.max_tokens = max_tokens
        self._whole = tokenizer.backend_tokenizer
        self._whole.no_padding()
        self._whole.no_truncation()
        self._cut = copy.deepcopy(self._whole)
        self._cut.enable_truncation(max_tokens, direction=tokenizer.truncation_side)
        self._features = [name for name in ("input_ids", "token_type_ids") if name in tokenizer.model_input_names]
        self._padding = {"input_ids": tokenizer.pad_token_id or 0, "token_type_ids": tokenizer.pad_token_type_id}
        self._pads_left = tokenizer.padding_side == "left"

    def tokenize(self, inputs: Sequence[Input]) -> list[Tokens]:
        """`ids` holds a row for each feature that the model reads."""
        return [tokens for part in _parts(inputs) for tokens in self._tokenize(part)]

    def _tokenize(self, inputs: Sequence[Input]) -> list[Tokens]:
        heads = [self._head(item) for item in inputs]
        encodings = self._whole.encode_batch_fast(heads)
        for index, (head, item) in enumerate(zip(heads, inputs, strict=True)):
            if head != item and len(encodings[index]) <= self.max_tokens:  # Blanks, mostly.
                heads[index], encodings[index] = item, self._whole.encode_batch_fast([item])[0]
        lengths = [len(encoding) for encoding in encodings]
        long = [index for index, length in enumerate(lengths) if length > self.max_tokens]
        for index, cut in zip(long, self._cut.encode_batch_fast([heads[i] for i in long]), strict=True):
            encodings[index] = cut
        return [Tokens(self._rows(encoding), length) for encoding, length in zip(encodings, lengths, strict=True)]

    def blank(self, length: int) -> Tokens:
        """So many tokens that say nothing."""
        return Tokens(np.zeros((len(self._features), length), np.int64), length)

    def _head(self, item: Input) -> Input:
        most = TOKEN_CHARACTERS * self.max_tokens
        return item[:most] if isinstance(item, str) else (item[0][:most], item[1][:most])

    def _rows(self, encoding: Any) -> NDArray[np.int64]:
        read = {"input_ids": "ids", "token_type_ids": "type_ids"}
        return np.array([getattr(encoding, read[name]) for name in self._features], np.int64)

    def shortened(self, pairs: Sequence[tuple[str, str]], most: int | None) -> Sequence[tuple[str, str]]:
        """`pairs` with the second text cut after `most` tokens."""
        if most is None:
            return pairs
        return [pair for part in _parts(pairs) for pair in self._shortened(part, most)]

    def _shortened(self, pairs: Sequence[tuple[str, str]], most: int) -> Iterator[tuple[str, str]]:
        encodings = self._whole.encode_batch([second for _, second in pairs], add_special_tokens=False)
        ends = [encoding.offsets[most - 1][1] if len(encoding) > most else None for encoding in encodings]
        return ((first, second[:end]) for (first, second), end in zip(pairs, ends, strict=True))

    def padded(self, batch: Sequence[Tokens]) -> dict[str, NDArray[np.int64]]:
        """The model's features by name, each of shape (len(batch), longest of the batch)."""
        shape = (len(batch), max(tokens.ids.shape[1] for tokens in batch))
        features = {name: np.full(shape, self._padding[name], np.int64) for name in self._features}
        mask = np.zeros(shape, np.int64)
        for row, tokens in enumerate(batch):
            length = tokens.ids.shape[1]
            place = slice(shape[1] - length, None) if self._pads_left else slice(length)
            mask[row, place] = 1
            for name, ids in zip(self._features, tokens.ids, strict=True):
                features[name][row, place] = ids
        return {**features, "attention_mask": mask}


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
