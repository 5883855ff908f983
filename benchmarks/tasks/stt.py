"""Recordings of 5 s, 30 s and 5 min, recognised as faster-whisper does by default, but speech alone and in one try."""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.tasks import Agreement, Load

THREADS = 2
LOADS = (
    Load("5 s", {"seconds": 5}, {1: 6, 4: 12}),
    Load("30 s", {"seconds": 30}, {1: 4, 4: 8}),
    Load("5 min", {"seconds": 300}, {1: 1}),
)
COMPARED = {"seconds": 5}


def read(body: bytes) -> Any:
    return json.loads(body)["text"].strip()


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    equal = sum(our == their for our, their in zip(ours, theirs, strict=True))
    return Agreement(equal == len(ours), f"{equal} of {len(ours)} transcripts equal")
