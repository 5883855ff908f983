"""Scores of fixed documents; scores that are near enough also put them in the same order, up to ties."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np

from serve.checks import must
from serve.checks.rerank import DOCUMENTS, QUERY
from serve.engine import Reranker

ASKED = tuple((QUERY, document) for document in (*DOCUMENTS, " ".join(DOCUMENTS * 12)))
SCORE = {"float32": 0.005, "float16": 0.03, "bfloat16": 0.2, "int8": 0.4}
"""Most allowed, of a logit or, above 1, of the largest: an angle of the hidden state as for embeddings."""


async def answers(engine: Reranker) -> dict[str, Any]:
    scores = await asyncio.to_thread(lambda: engine.score(engine.tokenize_pairs(ASKED)))
    return {"scores": scores.astype(np.float64).round(6).tolist()}


def compare(found: Mapping[str, Any], expected: Mapping[str, Any], precision: str) -> None:
    """Raises Wrong with the scores, and the order where that differs too."""
    here, there = np.array(found["scores"]), np.array(expected["scores"])
    allowed = SCORE[precision] * max(1.0, float(np.abs(there).max()))
    orders = [np.argsort(-scores, kind="stable").tolist() for scores in (here, there)]
    remark = (
        f"scores {here.round(3).tolist()} in the order {orders[0]}, by the reference {there.round(3).tolist()} in the "
    )
    must(np.abs(here - there).max() <= allowed, f"{remark}order {orders[1]}; {precision} allows {allowed:.3g}")
