"""Sentences of 32 words, one in a request or 32."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.tasks import Agreement, Load

THREADS = 2
LEAST = 0.999
LOADS = (
    Load("1 sentence", {"words": 32, "batch": 1}, {1: 60, 32: 256}),
    Load("32 sentences", {"words": 32, "batch": 32}, {1: 10, 32: 64}),
)
COMPARED = {"words": 32, "batch": 3}


def read(body: bytes) -> Any:
    """Vectors, written as base64 or as numbers."""
    return [_vector(entry["embedding"]) for entry in json.loads(body)["data"]]


def _vector(written: str | list[float]) -> list[float]:
    if isinstance(written, list):
        return written
    return [float(value) for value in np.frombuffer(base64.b64decode(written), "<f4")]


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    left, right = (np.concatenate([np.asarray(vectors) for vectors in said]) for said in (ours, theirs))
    cosines = (left * right).sum(1) / (np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1))
    return Agreement(bool(cosines.min() >= LEAST), f"cosine at least {cosines.min():.6f}")
