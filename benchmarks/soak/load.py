"""The load: an address and its models go in, what each request was answered comes out.

One client for each model, which asks again as soon as it has its answer: by turns at the model's own path, and by name
at the gateway.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import aiohttp

from serve.bench import work
from serve.bench.ask import Answer, asked
from serve.bench.load import connected
from serve.bench.work import Shape

SEED = 7
PAUSE_SECONDS = 1
"""After an error, as clients that try again do."""
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "llm": {"words": 32, "tokens": 32},
    "embeddings": {"batch": 8},
    "rerank": {"batch": 8},
    "tts": {"words": 4},
}
Answers = Mapping[str, list[Answer]]
"""By model."""


async def load(address: str, models: Mapping[str, str], until: float, answers: Answers) -> None:
    """Adds to `answers`, of models given with their tasks."""
    async with connected() as session:
        clients = (_client(session, address, model, task, until, answers[model]) for model, task in models.items())
        await asyncio.gather(*clients)


async def _client(
    session: aiohttp.ClientSession, address: str, model: str, task: str, until: float, answers: list[Answer]
) -> None:
    ways = cycle((f"{address}/{model}", address))
    asks = work.asks(task, Shape(model, **SHAPES.get(task, {})), SEED, sys.maxsize)
    while time.perf_counter() < until:
        answers.append(await asked(session, next(ways), next(asks)))
        if answers[-1].error:
            await asyncio.sleep(PAUSE_SECONDS)
