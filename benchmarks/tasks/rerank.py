"""A query and documents of 64 words, one in a request or 32."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.tasks import Agreement, Load

THREADS = 2
MOST = 1e-3
LOADS = (
    Load("1 document", {"words": 64, "batch": 1}, {1: 60, 32: 320}),
    Load("32 documents", {"words": 64, "batch": 32}, {1: 12, 32: 64}),
)
COMPARED = {"words": 64, "batch": 8}


def read(body: bytes) -> Any:
    """Scores in the order of the documents."""
    found = sorted(json.loads(body)["results"], key=lambda result: result["index"])
    return [result["relevance_score"] for result in found]


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    apart = np.abs(np.asarray(ours) - np.asarray(theirs)).max()
    return Agreement(bool(apart <= MOST), f"scores at most {apart:.1e} apart")
