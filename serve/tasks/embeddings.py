"""Texts to vectors: `openai.embeddings.create` and TEI's `/embed` go in, float or base64 vectors come out.

Texts are tokenised at once, batched by tokens with those of other requests, and answered in the order they came in.
"""

import asyncio
import base64
from typing import Any, Literal

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from ray.serve import Application

from serve.batching import TokenBatcher, check_length
from serve.engine import Embedder, Tokens
from serve.errors import BadRequest
from serve.replica import Replica
from serve.texts import Texts
from serve.values import ModelArgs


class Args(ModelArgs):
    """Arguments of an embeddings application."""


class EmbeddingsRequest(BaseModel):
    """OpenAI's body. `user` and keys of other servers are accepted and ignored."""

    model: str | None = None
    input: Texts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)


class EmbedRequest(BaseModel):
    """TEI's body (github.com/huggingface/text-embeddings-inference, docs/openapi.json)."""

    inputs: Texts
    normalize: bool = True
    truncate: bool = False
    dimensions: int | None = Field(None, ge=1)


class Embeddings(Replica):
    """Serves one embedding model."""

    task = "embeddings"
    protocol = Embedder
    engine: Embedder

    def routes(self) -> APIRouter:
        self.batcher = TokenBatcher(self.engine.embed, self.engine.max_batch_tokens())
        router = APIRouter()
        router.post("/v1/embeddings")(self.embeddings)
        router.post("/embed")(self.embed)
        return router

    async def embeddings(self, body: EmbeddingsRequest) -> dict[str, Any]:
        self.must_serve(body.model)
        tokens = await self._tokens(body.input)
        vectors = await self._vectors(tokens, body.dimensions)
        write = _base64 if body.encoding_format == "base64" else _floats
        data = [{"object": "embedding", "index": i, "embedding": write(vector)} for i, vector in enumerate(vectors)]
        used = sum(item.length for item in tokens)
        usage = {"prompt_tokens": used, "total_tokens": used}
        return {"object": "list", "data": data, "model": body.model or self.args.model, "usage": usage}

    async def embed(self, body: EmbedRequest) -> list[list[float]]:
        tokens = await self._tokens(body.inputs, truncate=body.truncate)
        return [_floats(vector) for vector in await self._vectors(tokens, body.dimensions)]

    async def _tokens(self, texts: list[str], truncate: bool = False) -> list[Tokens]:
        tokens = await asyncio.to_thread(self.engine.tokenize, texts)
        if not truncate:
            check_length(tokens, self.engine.max_tokens(), "input")
        return tokens

    async def _vectors(self, tokens: list[Tokens], dimensions: int | None) -> list[NDArray[np.float32]]:
        if dimensions is not None and dimensions > self.engine.dimensions():
            raise BadRequest(
                f"dimensions: this model has {self.engine.dimensions()}, fewer than {dimensions}", param="dimensions"
            )
        vectors = await self.batcher.run(tokens)
        return vectors if dimensions is None else [_shortened(vector, dimensions) for vector in vectors]


def _shortened(vector: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The first dimensions at unit length again, as OpenAI's `dimensions` does for Matryoshka models."""
    head = vector[:dimensions]
    return head / max(float(np.linalg.norm(head)), 1e-12)


def _floats(vector: NDArray[np.float32]) -> list[float]:
    return [float(x) for x in vector]


def _base64(vector: NDArray[np.float32]) -> str:
    """Little-endian float32, as OpenAI's client decodes it."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def build(args: Args) -> Application:
    return Embeddings.application(args)
