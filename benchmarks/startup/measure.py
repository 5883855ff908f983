"""One start: a case goes in, seconds until each of its models has answered come out."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import aiohttp

from benchmarks.peers import ours
from benchmarks.processes import START_SECONDS
from benchmarks.startup.cases import Case, named
from serve.bench import work
from serve.bench.work import Shape
from serve.local.nodes import free_port

GATEWAY = "the gateway"
EVERY_SECONDS = 0.2
Seconds = Mapping[str, float]
"""Until the gateway and each of them have answered."""


def measured(case: Case) -> Seconds:
    """Raises ConfigurationError where the service does not start."""
    values = case.values()
    case.first()
    begin = time.monotonic()
    with ours.launched(values, "llm", free_port(), env=case.env) as (server, address):
        server.wait(f"{address}/v2/health/live")
        gateway = time.monotonic() - begin
        return {GATEWAY: gateway, **asyncio.run(_answers(address, case.tasks, begin))}


async def _answers(address: str, wanted: Sequence[str], begin: float) -> Seconds:
    async def until(task: str) -> float:
        (ask,) = work.asks(task, Shape(named(task), words=4, tokens=4, seconds=2), 0, 1)
        while True:
            async with session.post(address + ask.path, data=ask.body, headers=ask.headers) as answer:
                await answer.read()
                if answer.status == 200:
                    return time.monotonic() - begin
            await asyncio.sleep(EVERY_SECONDS)

    async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
        return dict(zip(wanted, await asyncio.gather(*map(until, wanted)), strict=True))
