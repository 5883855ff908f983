"""Sentences of 4 words, spoken; what is compared is how long they take to say."""

from collections.abc import Sequence
from typing import Any

from benchmarks.tasks import Agreement, Load
from serve.audio import SPOKEN_RATE
from serve.bench.work.tts import SAMPLE

THREADS = 2
MOST = 0.05
"""Seconds."""
LOADS = (Load("4 words", {"words": 4}, {1: 3, 4: 8}),)
COMPARED = {"words": 4}


def read(body: bytes) -> Any:
    """Seconds."""
    return len(body) / (SPOKEN_RATE * SAMPLE)


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    apart = max(abs(our - their) for our, their in zip(ours, theirs, strict=True))
    return Agreement(apart <= MOST, f"lengths at most {apart * 1000:.0f} ms apart")
