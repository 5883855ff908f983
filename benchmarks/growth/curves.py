"""The curves: what there is more and more of, from point to point, while all else stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.engine import FLAGS
from benchmarks.tasks import llm, simulated

AT_ONCE = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CONTEXT = 16 * 1024
"""Tokens that the language model of the longest inputs takes."""
PATIENT = {"queueTimeout": 3600}
"""Of a model that takes many times as much as it can answer in a minute, none of which shall be told so."""


@dataclass(frozen=True)
class Point:
    """A load: so many requests of this shape, so many of them at once."""

    at: int
    """Where it is on its curve."""
    requests: int
    shape: Mapping[str, Any]
    clients: int = 1
    replicas: int = 1


@dataclass(frozen=True)
class Curve:
    """Points of one task."""

    task: str
    along: str
    """What there is more and more of."""
    points: Sequence[Point]
    entry: Mapping[str, Any] = field(default_factory=dict)
    """What the model's entry in the values says beside what all have."""
    context: int = 0
    """Tokens that the stand-in takes, where its own are too few."""

    @property
    def name(self) -> str:
        return f"{self.task}, {self.along}"


def _at_once(task: str, shape: Mapping[str, Any], each: int = 4) -> Curve:
    """`each` requests of each client, but never very few."""
    points = [Point(clients, max(8, each * clients), shape, clients) for clients in AT_ONCE]
    return Curve(task, "at once", points, entry=PATIENT)


CURVES = (
    _at_once("llm", llm.SHAPE),
    _at_once("simulated", simulated.SHAPE),
    _at_once("embeddings", {"words": 32}),
    _at_once("rerank", {"words": 32, "batch": 4}),
    _at_once("stt", {"seconds": 5}, each=1),
    _at_once("tts", {"words": 4}, each=1),
    Curve(
        "simulated",
        "replicas",
        [Point(replicas, 512, simulated.SHAPE, clients=128, replicas=replicas) for replicas in (1, 2, 3, 4)],
        entry={"memory": "1Gi"},
    ),
    Curve(
        "llm",
        "words of input",
        [Point(words, 8, {**llm.SHAPE, "words": words}) for words in (4, 16, 64, 256, 1024, 6800)],
        entry={"engineConfig": {**FLAGS, "maxModelLen": CONTEXT}},
        context=CONTEXT,
    ),
    Curve(
        "embeddings",
        "sentences in a request",
        [Point(batch, 4, {"words": 32, "batch": batch}) for batch in (1, 4, 16, 64, 256, 1024, 2048)],
    ),
    Curve(
        "stt",
        "seconds of audio",
        [Point(seconds, max(1, 60 // seconds), {"seconds": seconds}) for seconds in (5, 30, 120, 600, 3600)],
        entry={**PATIENT, "maxBody": "256Mi"},  # An hour of samples; MP3 would be a tenth.
    ),
)
