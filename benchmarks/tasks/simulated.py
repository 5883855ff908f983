"""Chats that an engine with a GPU's timing answers, at up to 256 at once: what is left is what the server adds."""

from benchmarks.tasks import Load, llm

WORK = "llm"
THREADS = 1
SHAPE = {"words": 32, "tokens": 32}
LOADS = (Load("streamed", SHAPE, {1: 2, 32: 64, 128: 256, 256: 512}),)
COMPARED = SHAPE
read, agreement = llm.read, llm.agreement
