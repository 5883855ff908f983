"""A query and documents to an order: Cohere's and Jina's `/v1/rerank`, Cohere's `/v2/rerank`, TEI's `/rerank` and
`/v1/score` go in, relevances come out.

One cross-encoder reads each pair of query and document; pairs of many requests share batches by tokens.
"""

import time
import uuid
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, Field
from ray.serve import Application

from serve.batching import TokenBatcher, aside, check_length
from serve.engine import Reranker
from serve.errors import BadRequest, TooLarge
from serve.front.usage import usage
from serve.replica import Replica
from serve.texts import Text, Texts, readable
from serve.values import ModelArgs

MAX_DOCUMENTS = 1000  # docs.cohere.com/reference/rerank: "no more than 1,000 documents"
MAX_CHARACTERS = 2**24  # Of a request's pairs: a query counts again with each document, so few bytes can be many.
SMALL_TEXT = 1_000  # Characters that are tokenised in about a millisecond.
Scores = NDArray[np.float64]


def _bounded(value: Any) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_DOCUMENTS:
        found = len(value) if isinstance(value, list) else type(value).__name__
        raise ValueError(f"must be a list of 1 to {MAX_DOCUMENTS}, found {found}; send more in several requests")
    return value


Documents = Annotated[list[Any], BeforeValidator(_bounded)]


class Args(ModelArgs):
    """Arguments of a rerank application."""


class RerankRequest(BaseModel):
    """Cohere's body, v1 and v2, and Jina's: a document is a text, or an object with its `rank_fields`."""

    model: str | None = None
    query: Text
    documents: Documents
    top_n: int | None = Field(None, ge=1)
    rank_fields: list[str] = ["text"]
    return_documents: bool = False
    max_tokens_per_doc: int | None = Field(None, ge=1)
    truncate: bool = False


class TeiRequest(BaseModel):
    """TEI's body (github.com/huggingface/text-embeddings-inference, docs/openapi.json)."""

    query: Text
    texts: Documents
    raw_scores: bool = False
    return_text: bool = False
    truncate: bool = False
    truncation_direction: Literal["Right"] = "Right"


class ScoreRequest(BaseModel):
    """vLLM's body: one text against each of the other, or pair by pair."""

    model: str | None = None
    text_1: Texts
    text_2: Texts
    truncate: bool = False


class Rerank(Replica):
    """Serves one cross-encoder."""

    task = "rerank"
    protocol = Reranker
    engine: Reranker

    def _load(self, args: ModelArgs) -> Any:
        loaded = super()._load(args)
        loaded.tokenize_pairs([("an engine", "of several tasks")])  # ModelUnavailable where the model is for another.
        return loaded

    def routes(self) -> APIRouter:
        self.batcher = TokenBatcher(self.engine.score, self.engine.max_batch_tokens(), self.engine.max_tokens())
        router = APIRouter()
        router.post("/v1/rerank")(self.rerank)
        router.post("/v2/rerank")(self.rerank)
        router.post("/v1/score")(self.score)
        router.post("/rerank")(self.tei)
        return router

    async def probe(self) -> None:
        await self.batcher.run(self.engine.tokenize_pairs([("probe", "probe")]))

    async def rerank(self, body: RerankRequest) -> JSONResponse:
        self.must_serve(body.model)
        texts = [_text(document, body.rank_fields, f"documents[{i}]") for i, document in enumerate(body.documents)]
        pairs = [(body.query, text) for text in texts]
        logits, used = await self._logits(pairs, "documents", body.truncate, body.max_tokens_per_doc)
        scores = _relevances(logits)
        shown = [{"document": {"text": text}} if body.return_documents else {} for text in texts]
        order = _order(scores)[: body.top_n]
        results = [{"index": int(i), "relevance_score": float(scores[i]), **shown[i]} for i in order]
        meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        model = body.model or self.args.model
        return JSONResponse(
            {"id": str(uuid.uuid4()), "model": model, "results": results, "meta": meta, "usage": _usage(used)}
        )

    async def tei(self, body: TeiRequest) -> JSONResponse:
        texts = [_text(document, ["text"], f"texts[{i}]") for i, document in enumerate(body.texts)]
        logits, _ = await self._logits([(body.query, text) for text in texts], "texts", body.truncate)
        scores = logits if body.raw_scores else _relevances(logits)
        shown = [{"text": text} if body.return_text else {} for text in texts]
        return JSONResponse([{"index": int(i), "score": float(scores[i]), **shown[i]} for i in _order(scores)])

    async def score(self, body: ScoreRequest) -> JSONResponse:
        self.must_serve(body.model)
        left, right = body.text_1, body.text_2
        if len(left) not in (1, len(right)):
            raise BadRequest(f"text_1 has {len(left)} texts and text_2 has {len(right)}; send one, or as many")
        left = left * len(right) if len(left) == 1 else left
        logits, used = await self._logits(list(zip(left, right, strict=True)), "text_2", body.truncate)
        data = [{"index": i, "object": "score", "score": float(x)} for i, x in enumerate(_relevances(logits))]
        head = {"id": f"score-{uuid.uuid4()}", "object": "list", "created": int(time.time())}
        return JSONResponse({**head, "model": body.model or self.args.model, "data": data, "usage": _usage(used)})

    async def _logits(
        self, pairs: list[tuple[str, str]], param: str, truncate: bool, document_tokens: int | None = None
    ) -> tuple[Scores, int]:
        """What the model says of each pair, and the tokens that it read."""
        most = self.engine.max_tokens()
        size = sum(len(query) + len(document) for query, document in pairs)
        if size > MAX_CHARACTERS:
            raise TooLarge(
                f"{param}: {len(pairs)} pairs have {size} characters, more than {MAX_CHARACTERS}, as the query is read "
                "with each document; send it in several requests",
                param=param,
            )
        small = size <= SMALL_TEXT
        tokens = await aside(partial(self.engine.tokenize_pairs, pairs, document_tokens), small=small)
        if not truncate:
            check_length(tokens, most, param)
        used = sum(min(item.length, most) for item in tokens)
        usage().input_tokens += used
        return np.array(await self.batcher.run(tokens), np.float64), used


def _text(document: Any, fields: list[str], param: str) -> str:
    """The text of a document, which may be empty, or the fields of an object, one a line."""
    parts = [document.get(field) for field in fields] if isinstance(document, dict) else [document]
    if not all(isinstance(part, str) for part in parts):
        raise BadRequest(f"{param} must be a text, or an object with {' and '.join(fields)}", param=param)
    try:
        return "\n".join(readable(part) if part else "" for part in parts)
    except ValueError as error:
        raise BadRequest(f"{param} {error}", param=param) from None


def _relevances(logits: Scores) -> Scores:
    """Between 0 and 1, in the same order."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def _order(scores: Scores) -> NDArray[np.intp]:
    """Indices from the most relevant on; equal scores keep the order in which the documents came."""
    return np.argsort(-scores, kind="stable")


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def build(args: Args) -> Application:
    return Rerank.application(args)
