"""A query and documents to an order: Cohere's and Jina's `/v1/rerank`, Cohere's `/v2/rerank`, TEI's `/rerank` and
`/v1/score` go in, relevances come out.

One cross-encoder reads each pair of query and document; pairs of many requests share batches by tokens.
"""

import asyncio
import uuid
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray
from pydantic import BaseModel, Field, StringConstraints
from ray.serve import Application

from serve.batching import TokenBatcher, check_length
from serve.engine import Reranker
from serve.errors import BadRequest
from serve.replica import Replica
from serve.texts import Texts
from serve.values import ModelArgs

MAX_DOCUMENTS = 1000  # docs.cohere.com/reference/rerank: "no more than 1,000 documents"
Query = Annotated[str, StringConstraints(min_length=1)]
Documents = Annotated[list[Any], Field(min_length=1, max_length=MAX_DOCUMENTS)]


class Args(ModelArgs):
    """Arguments of a rerank application."""


class RerankRequest(BaseModel):
    """Cohere's body, v1 and v2, and Jina's: a document is a text or an object with `text`."""

    model: str | None = None
    query: Query
    documents: Documents
    top_n: int | None = Field(None, ge=1)
    return_documents: bool = False


class TeiRequest(BaseModel):
    """TEI's body (github.com/huggingface/text-embeddings-inference, docs/openapi.json)."""

    query: Query
    texts: Documents
    raw_scores: bool = False
    return_text: bool = False
    truncate: bool = False


class ScoreRequest(BaseModel):
    """vLLM's body: one text against each of the other, or pair by pair."""

    model: str | None = None
    text_1: Texts
    text_2: Texts


class Rerank(Replica):
    """Serves one cross-encoder."""

    task = "rerank"
    protocol = Reranker
    engine: Reranker

    def routes(self) -> APIRouter:
        self.batcher = TokenBatcher(self.engine.score, self.engine.max_batch_tokens())
        router = APIRouter()
        router.post("/v1/rerank")(self.rerank)
        router.post("/v2/rerank")(self.rerank)
        router.post("/v1/score")(self.score)
        router.post("/rerank")(self.tei)
        return router

    async def rerank(self, body: RerankRequest) -> dict[str, Any]:
        self.must_serve(body.model)
        texts = [_text(document, i, "documents") for i, document in enumerate(body.documents)]
        scores, used = await self._scores([(body.query, text) for text in texts], "documents")
        shown = [{"document": {"text": text}} if body.return_documents else {} for text in texts]
        order = _order(scores)[: body.top_n]
        results = [{"index": int(i), "relevance_score": float(scores[i]), **shown[i]} for i in order]
        meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        usage = {"total_tokens": used, "prompt_tokens": used}
        model = body.model or self.args.model
        return {"id": str(uuid.uuid4()), "model": model, "results": results, "meta": meta, "usage": usage}

    async def tei(self, body: TeiRequest) -> list[dict[str, Any]]:
        texts = [_text(document, i, "texts") for i, document in enumerate(body.texts)]
        pairs = [(body.query, text) for text in texts]
        scores, _ = await self._scores(pairs, "texts", raw=body.raw_scores, truncate=body.truncate)
        shown = [{"text": text} if body.return_text else {} for text in texts]
        return [{"index": int(i), "score": float(scores[i]), **shown[i]} for i in _order(scores)]

    async def score(self, body: ScoreRequest) -> dict[str, Any]:
        self.must_serve(body.model)
        left, right = body.text_1, body.text_2
        if len(left) not in (1, len(right)):
            raise BadRequest(f"text_1 has {len(left)} texts and text_2 has {len(right)}; send one, or as many")
        left = left * len(right) if len(left) == 1 else left
        scores, used = await self._scores(list(zip(left, right, strict=True)), "text_2")
        data = [{"index": i, "object": "score", "score": float(score)} for i, score in enumerate(scores)]
        usage = {"total_tokens": used, "prompt_tokens": used}
        return {"object": "list", "data": data, "model": body.model or self.args.model, "usage": usage}

    async def _scores(
        self, pairs: list[tuple[str, str]], param: str, *, raw: bool = False, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """Relevances in [0, 1], or the model's logits when `raw`, and the tokens read."""
        tokens = await asyncio.to_thread(self.engine.tokenize_pairs, pairs)
        if not truncate:
            check_length(tokens, self.engine.max_tokens(), param)
        logits = np.array(await self.batcher.run(tokens), np.float32)
        scores = logits if raw else (1 / (1 + np.exp(-logits))).astype(np.float32)
        return scores, sum(item.length for item in tokens)


def _text(document: Any, index: int, param: str) -> str:
    text = document.get("text") if isinstance(document, dict) else document
    if not isinstance(text, str):
        raise BadRequest(f"{param}[{index}] must be a text, or an object with a text", param=param)
    return text


def _order(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices from the most relevant on; equal scores keep the order in which the documents came."""
    return np.argsort(-scores, kind="stable")


def build(args: Args) -> Application:
    return Rerank.application(args)
