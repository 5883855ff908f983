"""Texts to vectors: the rows of a part go in, a table of `id`, `text`, `embedding` and `error` comes out.

Vectors are those that the task `embeddings` serves, of unit length. A row that has none says why in `error`: its text
is empty, no text at all, longer than the model takes, or one that the device fails at while it computes the others.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from serve.batching import TokenBatcher
from serve.engine import Embedder, Tokens
from serve.job import JobArgs
from serve.parts.rows import Row
from serve.tasks.embeddings import Vectors, unit
from serve.texts import readable
from serve.worker import Worker, work


class Embeddings(Worker):
    """Embeds with one embedding model."""

    protocol = Embedder
    engine: Embedder

    def __init__(self, args: JobArgs) -> None:
        super().__init__(args)
        self.batcher = TokenBatcher(self.engine.embed, self.engine.max_batch_tokens(), self.engine.max_tokens())

    def table(self, rows: Sequence[Row]) -> pa.Table:
        errors = [row.error or _unreadable(row.value) for row in rows]
        texts = [row.value if error is None else None for row, error in zip(rows, errors, strict=True)]
        vectors = np.zeros((len(rows), self.engine.dimensions()), np.float32)
        tokens = self._tokens(texts, errors)
        for index, vector in zip(tokens, self._vectors(list(tokens.values())), strict=True):
            if isinstance(vector, Exception):
                errors[index] = f"{type(vector).__name__}: {vector}"
            else:
                vectors[index] = vector
        return pa.table(
            {
                "id": pa.array([row.id for row in rows], pa.string()),
                "text": pa.array(texts, pa.string()),
                "embedding": _nullable(unit(vectors), [error is not None for error in errors]),
                "error": pa.array(errors, pa.string()),
            }
        )

    def _tokens(self, texts: Sequence[str | None], errors: list[str | None]) -> dict[int, Tokens]:
        """By their place in `texts`, of those that the model takes; of the others `errors` gets the reason."""
        sound = {index: text for index, text in enumerate(texts) if text is not None}
        tokens = dict(zip(sound, self.engine.tokenize(list(sound.values())), strict=True))
        most = self.engine.max_tokens()
        long = [] if self.args.truncate else [index for index, item in tokens.items() if item.length > most]
        for index in long:
            length = tokens.pop(index).length
            errors[index] = f"has at least {length} tokens, and this model takes {most}; shorten it, or set truncate"
        return tokens

    def _vectors(self, tokens: list[Tokens]) -> Sequence[Vectors | Exception]:
        """A vector for each, or why it alone has none; when no text at all can be embedded, it is not the texts."""
        try:
            return asyncio.run(self.batcher.run(tokens))
        except Exception:
            each = asyncio.run(self._each(tokens))
            if all(isinstance(one, Exception) for one in each):
                raise
            return each

    async def _each(self, tokens: list[Tokens]) -> list[Any]:
        found = await asyncio.gather(*(self.batcher.run([one]) for one in tokens), return_exceptions=True)
        return [one if isinstance(one, BaseException) else one[0] for one in found]


def _unreadable(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"is no text but {type(value).__name__}"
    try:
        readable(value)
    except ValueError as error:
        return str(error)
    return None


def _nullable(vectors: Vectors, absent: list[bool]) -> pa.FixedSizeListArray:
    values = pa.array(vectors.reshape(-1), pa.float32())
    return pa.FixedSizeListArray.from_arrays(values, vectors.shape[1], mask=pa.array(absent, pa.bool_()))


def run(args: JobArgs) -> None:
    work(args, Embeddings)
