"""`python -m benchmarks.soak`: a values file and a time go in, the verdict comes out, and 1 where a rule is broken."""

import asyncio
import pickle
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import psutil
import typer
import yaml
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.environment import OURS
from benchmarks.machine import begun
from benchmarks.processes import started
from benchmarks.soak.held import Held, look
from benchmarks.soak.kills import Kill, kill, schedule
from benchmarks.soak.load import load
from benchmarks.soak.page import page
from benchmarks.soak.verdict import Seen, rules
from serve.bench.ask import Answer
from serve.local.nodes import free_port

MINUTES_PER_KILL = 10

Minutes = Annotated[float, typer.Option(min=0.1, help="How long, warm-up and all.")]
Kills = Annotated[
    int | None, typer.Option(min=0, help=f"Replicas to kill; default: one per {MINUTES_PER_KILL} minutes")
]
Values = Annotated[Path, typer.Option(help="What is served; each of its models is asked.")]
Every = Annotated[float, typer.Option(min=0.1, help="Seconds between looks at processes.")]
Before = Annotated[Path | None, typer.Option("--seen", help="What an earlier run has kept, to be judged again.")]
Write = Annotated[Path | None, typer.Option(help="A file for the verdict, in Markdown.")]


async def watched(address: str, models: Mapping[str, str], seconds: float, number: int, every: float) -> Seen:
    """Load, kills and looks side by side, for so many seconds and until the last request has ended."""
    begin = time.perf_counter()
    answers: dict[str, list[Answer]] = {model: [] for model in models}
    kills: list[Kill] = []
    held: dict[psutil.Process, Held] = {}
    due = schedule(list(models), number, seconds)
    async with asyncio.TaskGroup() as group:
        loading = group.create_task(load(address, models, begin + seconds, answers))
        killing = group.create_task(kill(due, begin, answers, kills, typer.echo))
        while not loading.done():
            await asyncio.to_thread(look, held, psutil.Process().children(recursive=True), time.perf_counter())
            await asyncio.wait({loading}, timeout=every)
        killing.cancel()
    return Seen(begin, seconds, answers, number, kills, list(held.values()))


def main(
    minutes: Minutes = 60,
    kills: Kills = None,
    values: Values = Path("values/local.yaml"),
    every: Every = 30,
    write: Write = None,
    seen_before: Before = None,
) -> None:
    """Load all models of a values file for an hour, kill replicas, and see that nothing is lost and nothing grows."""
    if seen_before:
        _judge(seen_before, write)
    run = begun("benchmarks.soak")
    models = {name: entry["task"] for name, entry in yaml.safe_load(values.read_text())["models"].items()}
    number = round(minutes / MINUTES_PER_KILL) if kills is None else kills
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with started([OURS.python().parent / "ai-inference", "up", "-f", values, f"--port={port}"], {}) as server:
        server.wait(f"{address}/v2/health/ready")
        typer.echo(f"all models answer; load for {minutes:g} minutes")
        seen = asyncio.run(watched(address, models, minutes * 60, number, every))
    kept = Path(tempfile.mkdtemp()) / "seen.pickle"
    # An hour is not to be lost by what judges it.
    kept.write_bytes(pickle.dumps((seen, run["command"], run["date"], run["machine"])))
    typer.echo(f"what was seen is kept in {kept}; --seen judges it again")
    _judge(kept, write)


def _judge(kept: Path, write: Path | None) -> NoReturn:
    seen, command, date, where = pickle.loads(kept.read_bytes())  # noqa: S301
    said = page(seen, command, date, where)
    Console(width=140).print(Markdown(said))
    if write:
        write.write_text(said)
    sys.exit(not all(rule.holds for rule in rules(seen)))


if __name__ == "__main__":
    typer.run(main)
