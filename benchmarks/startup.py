"""`python -m benchmarks.startup`: seconds from `ai-inference up` to the first answer of each model, alone and together.

Everything is started as a person would start it, on a machine that has read the files before. A model's own part is
what its line has beyond that of the gateway, which needs Ray and Serve alone.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated, Any

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import models
from benchmarks.peers import ours
from benchmarks.processes import START_SECONDS
from serve.bench import work
from serve.bench.work import Shape
from serve.local.nodes import free_port

GATEWAY = "the gateway"
Seconds = Mapping[str, float]
"""Until each of them has answered."""


def described(named: Sequence[str]) -> dict[str, Any]:
    """A values file of a model for each task, on one accelerator."""
    found = {task: ours.values(task, models.folder(task, {})) for task in named}
    shared = {task: {**one["models"][ours.MODEL], "memory": "2Gi"} for task, one in found.items()}
    return {**next(iter(found.values())), "models": shared}


def measured(named: Sequence[str]) -> Seconds:
    """Of one start."""
    begin = time.monotonic()
    with ours.launched(described(named), "llm", free_port()) as (server, address):
        server.wait(f"{address}/v2/health/live")
        gateway = time.monotonic() - begin
        return {GATEWAY: gateway, **asyncio.run(_answers(address, named, begin))}


async def _answers(address: str, named: Sequence[str], begin: float) -> Seconds:
    async def until(task: str) -> float:
        (ask,) = work.asks(task, Shape(task, words=4, tokens=4, seconds=2), 0, 1)
        while True:
            async with session.post(address + ask.path, data=ask.body, headers=ask.headers) as answer:
                await answer.read()
                if answer.status == 200:
                    return time.monotonic() - begin
            await asyncio.sleep(0.2)

    async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
        return dict(zip(named, await asyncio.gather(*map(until, named)), strict=True))


def main(number: Annotated[int, typer.Option("--rounds", min=1, help="Starts of each.")] = 3) -> None:
    """Start each model alone, and then all together."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for name in ("started", "answers", "s (median)", "each"):
        table.add_column(name, justify="right" if name[0] == "s" and "(" in name else "left")
    for named in [*([task] for task in work.tasks()), work.tasks()]:
        starts = [measured(named) for _ in range(number)]
        for answering in (GATEWAY, *named):
            each = [one[answering] for one in starts]
            label = named[0] if len(named) == 1 else "all five"
            table.add_row(label, answering, f"{median(each):.1f}", " ".join(f"{one:.1f}" for one in each))
    Console(width=100).print(table)


if __name__ == "__main__":
    typer.run(main)
