"""`make soak`: an hour of load on all five tasks at once; what each process holds of memory and files comes out.

The first part of the time warms up: caches fill, allocators take what they keep. From then on a serving process may
grow by LIMIT, and no request may fail. Exits with 1 where that does not hold.
"""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import psutil
import typer
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.engine import ENV
from benchmarks.environment import OURS
from benchmarks.processes import started
from serve.bench import work
from serve.bench.load import Level, connected, run
from serve.bench.work import Shape
from serve.local.nodes import free_port

LIMIT = 0.02
WARM_UP = 0.15
"""Of the time."""
AVERAGED = 0.1
"""Of the samples, at either end: one sample more or less says nothing."""
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "llm": {"words": 32, "tokens": 32},
    "embeddings": {"batch": 8},
    "rerank": {"batch": 8},
    "tts": {"words": 4},
}
SERVING = ("ServeReplica", "haproxy -db")
"""In the command line of a process that requests pass through; Ray's others are shown only."""


@dataclass
class Held:
    """By one process over time."""

    megabytes: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def growth(self) -> float:
        begin, end = ends(self.megabytes)
        return end / begin - 1


def ends(samples: list[float]) -> tuple[float, float]:
    """The means of the first and of the last few."""
    few = max(1, round(len(samples) * AVERAGED))
    return mean(samples[:few]), mean(samples[-few:])


def sample(held: Mapping[str, Held], processes: Iterable[psutil.Process]) -> None:
    """What each has of its own: pages that are shared would be counted several times."""
    for process in processes:
        try:
            name = " ".join(process.cmdline())[:60] or process.name()
            memory, files = process.memory_full_info().uss / 2**20, process.num_fds()
        except psutil.Error:
            continue
        held[f"{name} ({process.pid})"].megabytes.append(memory)
        held[f"{name} ({process.pid})"].files.append(files)


def failing(held: Mapping[str, Held], errors: Mapping[str, int]) -> list[str]:
    """What must not be, as sentences."""
    grown = [name for name, of in held.items() if any(word in name for word in SERVING) and of.growth() > LIMIT]
    return [f"{name} has grown by {held[name].growth():.1%}" for name in grown] + [
        f"{number} requests failed: {cause}" for cause, number in errors.items()
    ]


async def _load(address: str, models: Mapping[str, str], until: float, errors: Counter[str]) -> None:
    """A client for each task, in a closed loop."""

    async def client(model: str, task: str) -> None:
        seed = 0
        while time.monotonic() < until:
            seed += 1
            asks = work.asks(task, Shape(model, **SHAPES.get(task, {})), seed, 16)
            answered = await run(session, address, Level(clients=1), asks, seed)
            errors.update(f"{task} {one.error}" for one in answered.answers if one.error)

    async with connected() as session:
        await asyncio.gather(*(client(model, task) for model, task in models.items()))


async def _watched(
    address: str, models: Mapping[str, str], seconds: float, every: float
) -> tuple[dict[str, Held], Counter[str]]:
    held: dict[str, Held] = defaultdict(Held)
    errors: Counter[str] = Counter()
    begin = time.monotonic()
    load = asyncio.create_task(_load(address, models, begin + seconds, errors))
    while not load.done():
        await asyncio.wait({load}, timeout=every)
        if time.monotonic() - begin > seconds * WARM_UP:
            sample(held, psutil.Process().children(recursive=True))
    await load
    return {name: of for name, of in held.items() if len(of.megabytes) > 1}, errors


def _table(held: Mapping[str, Held]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("process")
    for name in ("MB at first", "at last", "growth", "files at first", "at last"):
        table.add_column(name, justify="right")
    for name, of in sorted(held.items()):
        begin, end = ends(of.megabytes)
        table.add_row(name, f"{begin:.1f}", f"{end:.1f}", f"{of.growth():+.1%}", str(of.files[0]), str(of.files[-1]))
    return table


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long, warm-up and all.")] = 60,
    values: Annotated[Path, typer.Option(help="What is served; each of its models is asked.")] = Path(
        "values/local.yaml"
    ),
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between looks.")] = 30,
) -> None:
    """Load all models of a values file for an hour, and see that nothing grows."""
    models = {name: entry["task"] for name, entry in yaml.safe_load(values.read_text())["models"].items()}
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with started([OURS.python().parent / "ai-inference", "up", "-f", values, f"--port={port}"], ENV) as server:
        server.wait(f"{address}/v2/health/ready")
        held, errors = asyncio.run(_watched(address, models, minutes * 60, every))
    console = Console(width=140)
    console.print(_table(held))
    for trouble in failing(held, errors):
        console.print(trouble, style="red")
    sys.exit(bool(failing(held, errors)))


if __name__ == "__main__":
    typer.run(main)
