"""`ai-inference bench`: an address and a load go in, what the server makes of it is printed, written and drawn."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from serve.bench import work
from serve.bench.ceiling import ceiling
from serve.bench.figures import Figures, figures
from serve.bench.load import Level, Run, connected, run
from serve.bench.plot import plot
from serve.bench.table import table
from serve.bench.work import Shape
from serve.errors import ConfigurationError

WIDE = 160  # Where nobody's window says: a file, or another command.
NEAR = 0.5  # Of the ceiling: from there on the client is part of what is measured.

Address = Annotated[str, typer.Argument(help="Where /v1 answers, such as http://127.0.0.1:8000 or .../llm.")]
Task = Annotated[str, typer.Option(help=f"What is asked: {', '.join(work.tasks())}.")]
Model = Annotated[str, typer.Option(help="The model's name.")]
AtOnce = Annotated[str, typer.Option("--at-once", help="Clients of a closed loop, one level after the other: 1,8,32.")]
Rate = Annotated[str, typer.Option(help="Requests per second of an open loop instead: 5,10,20.")]
Number = Annotated[int, typer.Option("--requests", min=1, help="Requests of each level.")]
Warm = Annotated[int, typer.Option("--warm-up", min=0, help="Requests before the first level, which do not count.")]
Words = Annotated[int, typer.Option(min=1, help="Words of a prompt, a sentence, or a text to speak.")]
Tokens = Annotated[int, typer.Option(min=1, help="Tokens that a language model shall answer.")]
Batch = Annotated[int, typer.Option(min=1, help="Sentences or documents of one request.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="Length of a recording.")]
Stream = Annotated[bool, typer.Option(help="Stream a language model's answers.")]
More = Annotated[str, typer.Option(help="""Further keys of each body, as JSON: '{"ignore_eos": true}'.""")]
Key = Annotated[str, typer.Option(envvar="AI_INFERENCE_KEY", help="The key, where the address wants one.")]
Seed = Annotated[int, typer.Option(help="Requests are the same for the same seed.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]
Svg = Annotated[Path | None, typer.Option("--svg", help="Draw them into this file.")]


def bench(
    address: Address,
    task: Task,
    model: Model,
    at_once: AtOnce = "1,8,32",
    rate: Rate = "",
    requests: Number = 128,
    warm_up: Warm = 8,
    words: Words = 64,
    tokens: Tokens = 64,
    batch: Batch = 1,
    seconds: Seconds = 5,
    stream: Stream = True,
    more: More = "{}",
    key: Key = "",
    seed: Seed = 0,
    json_file: Json = None,
    svg: Svg = None,
) -> None:
    """Measure a service: its throughput and its times, under a load."""
    if task not in work.tasks():
        raise ConfigurationError(f"--task: there is no {task!r}; tasks: {', '.join(work.tasks())}")
    shape = Shape(model, words, tokens, batch, seconds, stream, _object(more))
    levels = _levels(at_once, rate)
    runs, most = asyncio.run(_measured(address.rstrip("/"), task, shape, levels, requests, warm_up, key, seed))
    rows = [figures(one) for one in runs]
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    _print(console, rows, work.unit(task), bool(rate), figures(most))
    if json_file:
        said = {"address": address, "task": task, "seed": seed, "shape": asdict(shape)}
        found = {**said, "levels": [row.record() for row in rows], "ceiling": figures(most).record()}
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    if svg:
        plot({model: rows}, work.unit(task), svg, "arrivals" if rate else "at once")
    if any(row.errors for row in rows):
        raise typer.Exit(1)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"--more is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError("--more must be a JSON object")
    return found


def _levels(at_once: str, rate: str) -> list[Level]:
    try:
        if rate:
            return [Level(rate=float(one)) for one in rate.split(",")]
        return [Level(clients=int(one)) for one in at_once.split(",")]
    except ValueError:
        raise ConfigurationError("--at-once and --rate take numbers with commas between them: 1,8,32") from None


async def _measured(
    address: str, task: str, shape: Shape, levels: list[Level], requests: int, warm_up: int, key: str, seed: int
) -> tuple[list[Run], Run]:
    """Each level, and the ceiling at the widest of them for answers like the last."""
    async with connected(key) as session:
        if warm_up:
            await run(session, address, Level(clients=min(warm_up, 8)), work.asks(task, shape, seed + 1, warm_up), seed)
        runs = [await run(session, address, level, work.asks(task, shape, seed, requests), seed) for level in levels]
    widest = Level(clients=max(level.clients or 32 for level in levels))
    asks = work.asks(task, shape, seed, max(requests, 256))
    return runs, await ceiling(asks, widest, runs[-1])


def _print(console: Console, rows: list[Figures], unit: str, open_loop: bool, most: Figures) -> None:
    console.print(table(rows, unit, open_loop))
    reached = max(row.requests_per_second for row in rows) / most.requests_per_second
    said = f"this client could do {most.requests_per_second:.4g} requests/s with such answers"
    console.print(f"{said}; the server took {reached:.0%} of that", style="yellow" if reached > NEAR else "dim")
