"""Chats of 16 words answered by 32 tokens as a stream; the answers that are compared are greedy and come whole."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tasks import Agreement, Load

THREADS = 1  # vLLM's threads wait for each other by spinning: for a small model on two cores, one is 2.5 times faster.
SHAPE: Mapping[str, Any] = {"words": 16, "tokens": 32, "more": {"ignore_eos": True}}
LOADS = (Load("streamed", SHAPE, {1: 40, 8: 160, 32: 480}),)
COMPARED = {**SHAPE, "stream": False}


def read(body: bytes) -> Any:
    return json.loads(body)["choices"][0]["message"]["content"]


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    equal = sum(our == their for our, their in zip(ours, theirs, strict=True))
    return Agreement(equal == len(ours), f"{equal} of {len(ours)} greedy answers equal")
