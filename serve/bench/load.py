"""The load: requests go out as many at once as wanted, or as often, and answers come back with their times.

In a closed loop each client sends its next request when the last is answered. In an open one requests arrive by chance
at a rate, whatever the server does, and are timed from when they should have been sent (www.azul.com, coordinated
omission).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import numpy as np

from serve.bench.ask import Answer, Ask, asked

TIMEOUT = 600.0
"""Seconds of one request, unless more are wanted."""


@dataclass(frozen=True)
class Level:
    """One step of a sweep: a closed loop of `clients`, or an open one at `rate` per second."""

    clients: int = 0
    rate: float = 0

    def __str__(self) -> str:
        return f"{self.rate:g}/s" if self.rate else str(self.clients)


@dataclass(frozen=True)
class Run:
    """What one level gave."""

    level: Level
    seconds: float
    answers: list[Answer]


@asynccontextmanager
async def connected(key: str = "", seconds: float = TIMEOUT) -> AsyncIterator[aiohttp.ClientSession]:
    """Connections that are kept, as many as it takes."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    limit = aiohttp.ClientTimeout(total=seconds)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    async with aiohttp.ClientSession(connector=connector, timeout=limit, headers=headers) as session:
        yield session


async def run(session: aiohttp.ClientSession, address: str, level: Level, asks: Iterator[Ask], seed: int) -> Run:
    """Sends all of `asks`."""
    begin = time.perf_counter()
    sent = _open(session, address, level.rate, asks, seed) if level.rate else _closed(session, address, level, asks)
    answers = await sent
    return Run(level, time.perf_counter() - begin, answers)


async def _closed(session: aiohttp.ClientSession, address: str, level: Level, asks: Iterator[Ask]) -> list[Answer]:
    async def client() -> list[Answer]:
        return [await asked(session, address, ask) for ask in asks]

    found = await asyncio.gather(*(client() for _ in range(level.clients)))
    return [answer for answers in found for answer in answers]


async def _open(
    session: aiohttp.ClientSession, address: str, rate: float, asks: Iterator[Ask], seed: int
) -> list[Answer]:
    drawn = np.random.default_rng(seed)
    due = time.perf_counter()
    tasks = []
    for ask in asks:
        due += drawn.exponential(1 / rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(asked(session, address, ask, due)))
    return await asyncio.gather(*tasks)
