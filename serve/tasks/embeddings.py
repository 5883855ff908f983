"""Texts to vectors: `openai.embeddings.create` and TEI's `/embed` go in, float or base64 vectors come out.

Texts are tokenised at once, batched by tokens with those of other requests, and answered in the order they came in.
Answers are written here and not by FastAPI, which takes seconds for two million numbers, and beside the event loop.
"""

import base64
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Response
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from pydantic_core import to_json
from ray.serve import Application

from serve.batching import TokenBatcher, aside, check_length
from serve.engine import Embedder, Tokens
from serve.errors import BadRequest
from serve.front.usage import usage
from serve.replica import Replica
from serve.texts import Texts
from serve.values import ModelArgs

SMALL_TEXT = 1_000  # Characters that are tokenised, and
SMALL_ANSWER = 16_384  # numbers that are written, in about a millisecond.
Vectors = NDArray[np.float32]


class Args(ModelArgs):
    """Arguments of an embeddings application."""


class EmbeddingsRequest(BaseModel):
    """OpenAI's body, and `truncate`. `user` and keys of other servers are accepted and ignored."""

    model: str | None = None
    input: Texts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    truncate: bool = False


class EmbedRequest(BaseModel):
    """TEI's body (github.com/huggingface/text-embeddings-inference, docs/openapi.json)."""

    inputs: Texts
    normalize: bool = True
    truncate: bool = False
    truncation_direction: Literal["Right"] = "Right"
    prompt_name: str | None = None
    dimensions: int | None = Field(None, ge=1)


class Embeddings(Replica):
    """Serves one embedding model."""

    task = "embeddings"
    protocol = Embedder
    engine: Embedder

    def _load(self, args: ModelArgs) -> Any:
        loaded = super()._load(args)
        loaded.tokenize(["an engine of several tasks"])  # Raises ModelUnavailable where the model is for another.
        return loaded

    def routes(self) -> APIRouter:
        self.batcher = TokenBatcher(self.engine.embed, self.engine.max_batch_tokens(), self.engine.max_tokens())
        router = APIRouter()
        router.post("/v1/embeddings")(self.embeddings)
        router.post("/embed")(self.embed)
        return router

    async def probe(self) -> None:
        await self.batcher.run(self.engine.tokenize(["probe"]))

    async def embeddings(self, body: EmbeddingsRequest) -> Response:
        self.must_serve(body.model)
        self._check_dimensions(body.dimensions)
        tokens = await self._tokens(body.input, "input", truncate=body.truncate)
        used = self._read(tokens)
        rest = {"model": body.model or self.args.model, "usage": {"prompt_tokens": used, "total_tokens": used}}
        write = _base64 if body.encoding_format == "base64" else _floats
        return await self._answer(tokens, body.dimensions, partial(_openai, write=write, rest=rest))

    async def embed(self, body: EmbedRequest) -> Response:
        self._check_dimensions(body.dimensions)
        tokens = await self._tokens(body.inputs, "inputs", truncate=body.truncate, prompt=body.prompt_name)
        return await self._answer(tokens, body.dimensions, _tei, normalize=body.normalize)

    def _check_dimensions(self, asked: int | None) -> None:
        most = self.engine.dimensions()
        if asked is not None and asked > most:
            raise BadRequest(f"dimensions: this model has {most}, fewer than {asked}", param="dimensions")

    async def _tokens(self, texts: list[str], param: str, *, truncate: bool, prompt: str | None = None) -> list[Tokens]:
        small = sum(map(len, texts)) <= SMALL_TEXT
        tokens = await aside(partial(self.engine.tokenize, texts, prompt), small=small)
        if not truncate:
            check_length(tokens, self.engine.max_tokens(), param)
        usage().input_tokens += self._read(tokens)
        return tokens

    def _read(self, tokens: list[Tokens]) -> int:
        """How many of them the model reads."""
        return sum(min(item.length, self.engine.max_tokens()) for item in tokens)

    async def _answer(
        self, tokens: list[Tokens], dimensions: int | None, write: Callable[[Vectors], bytes], normalize: bool = True
    ) -> Response:
        rows = await self.batcher.run(tokens)
        small = len(rows) * self.engine.dimensions() <= SMALL_ANSWER
        body = await aside(lambda: write(_finished(rows, dimensions, normalize)), small=small)
        return Response(body, media_type="application/json")


def _finished(rows: Sequence[Vectors], dimensions: int | None, normalize: bool) -> Vectors:
    """The first `dimensions`, brought to unit length as OpenAI does for shortened vectors too."""
    vectors: Vectors = np.stack(rows)[:, :dimensions]
    return unit(vectors) if normalize else vectors


def unit(vectors: Vectors) -> Vectors:
    """Each brought to length 1, as a batch job writes them too."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _openai(vectors: Vectors, *, write: Callable[[Vectors], bytes], rest: dict[str, Any]) -> bytes:
    entry = b'{"object":"embedding","index":%d,"embedding":%b}'
    data = b",".join(entry % (index, write(vector)) for index, vector in enumerate(vectors))
    return b'{"object":"list","data":[%b],%b' % (data, to_json(rest)[1:])


def _tei(vectors: Vectors) -> bytes:
    return b"[%b]" % b",".join(map(_floats, vectors))


def _floats(vector: Vectors) -> bytes:
    return to_json(vector.tolist())


def _base64(vector: Vectors) -> bytes:
    """Little-endian float32, as OpenAI's client decodes it."""
    return b'"%b"' % base64.b64encode(vector.astype("<f4").tobytes())


def build(args: Args) -> Application:
    return Embeddings.application(args)
