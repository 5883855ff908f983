"""sentence-transformers called directly, without a server: what is asked at once goes in as one list."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.engine import DTYPE
from benchmarks.hardware import DEVICE
from benchmarks.peers import Answered, Direct
from serve.bench.ask import Ask

TASKS = ("embeddings", "rerank")
PACKAGES = ("sentence-transformers", "transformers", "torch")


def loaded(task: str, folder: Path) -> Direct:
    return Direct(_embedder(folder) if task == "embeddings" else _reranker(folder), gathers=True)


def _embedder(folder: Path) -> Callable[[Sequence[Ask]], Answered]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=DEVICE, model_kwargs={"dtype": DTYPE})

    def answer(asks: Sequence[Ask]) -> Answered:
        asked = [json.loads(ask.body)["input"] for ask in asks]
        return _parted(model.encode([text for texts in asked for text in texts]).tolist(), asked)

    return answer


def _reranker(folder: Path) -> Callable[[Sequence[Ask]], Answered]:
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device=DEVICE, model_kwargs={"dtype": DTYPE})

    def answer(asks: Sequence[Ask]) -> Answered:
        asked = [json.loads(ask.body) for ask in asks]
        pairs = [[(body["query"], document) for document in body["documents"]] for body in asked]
        return _parted(model.predict([pair for some in pairs for pair in some]).tolist(), pairs)

    return answer


def _parted(rows: list[Any], asked: Sequence[Sequence[Any]]) -> Answered:
    """To each request what is its own."""
    left = iter(rows)
    return [[next(left) for _ in some] for some in asked]
