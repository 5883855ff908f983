"""Vectors of fixed texts, alone in what they mean and in their length; compared by the angle between them."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np

from serve.checks import must
from serve.checks.embeddings import OTHER, PARAPHRASE, TEXT
from serve.engine import Embedder

ASKED = (TEXT, PARAPHRASE, OTHER, " ".join([TEXT, OTHER] * 12))
COSINE = {"float32": 0.9999, "float16": 0.999, "bfloat16": 0.99, "int8": 0.97}
"""Least allowed. Of the precisions of MiniLM on a CPU the narrowest stay ten times nearer to 1 (test_reference.py),
where a model of 24 layers, with four times as many roundings, is twice as far; what int8 may lose is an assumption."""


async def answers(engine: Embedder) -> dict[str, Any]:
    vectors = await asyncio.to_thread(lambda: engine.embed(engine.tokenize(ASKED)))
    return {"vectors": vectors.astype(np.float64).round(6).tolist()}


def compare(found: Mapping[str, Any], expected: Mapping[str, Any], precision: str) -> None:
    """Raises Wrong with the text whose vector turned the farthest."""
    here, there = np.array(found["vectors"]), np.array(expected["vectors"])
    must(here.shape == there.shape, f"vectors of {here.shape[1]} dimensions, and there of {there.shape[1]}")
    cosines = (here * there).sum(1) / (np.linalg.norm(here, axis=1) * np.linalg.norm(there, axis=1))
    worst = int(np.nan_to_num(cosines, nan=-1).argmin())
    least = COSINE[precision]
    must(
        cosines[worst] >= least,
        f"the vector of {ASKED[worst][:40]!r} has the cosine {cosines[worst]:.4f} to the reference, {precision} allows "
        f"{least}",
    )
