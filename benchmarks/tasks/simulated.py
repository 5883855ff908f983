"""Chats that an engine with a GPU's timing answers, at up to 256 at once: what is left is what the server adds."""

from collections.abc import Sequence
from typing import Any

from benchmarks.tasks import Agreement, Load, llm

WORK = "llm"
THREADS = 1
SHAPE = {"words": 32, "tokens": 32}
LOADS = (Load("streamed", SHAPE, {1: 8, 32: 160, 128: 640, 256: 1280}),)
COMPARED = {**SHAPE, "stream": False}


def read(body: bytes) -> Any:
    return llm.read(body)


def agreement(ours: Sequence[Any], theirs: Sequence[Any]) -> Agreement:
    return llm.agreement(ours, theirs)
