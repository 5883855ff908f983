"""Chats of 16 words answered by 32 tokens as a stream; the answers that are compared are greedy."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tasks import Agreement, Load
from serve.bench.ask import EVENT

THREADS = 1  # vLLM's threads wait for each other by spinning: for a small model on two cores, one is 2.5 times faster.
SHAPE: Mapping[str, Any] = {"words": 16, "tokens": 32, "more": {"ignore_eos": True}}
LOADS = (Load("streamed", SHAPE, {1: 24, 8: 96, 32: 256}),)
COMPARED = SHAPE


def read(body: bytes) -> Any:
    """The words of all events."""
    events = [json.loads(line.removeprefix(EVENT)) for line in body.splitlines() if line.startswith(EVENT + b"{")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    equal = sum(our == their for our, their in zip(ours, theirs, strict=True))
    return Agreement(equal == len(ours), f"{equal} of {len(ours)} greedy answers equal")
