"""`python -m benchmarks.flame`: where a replica's time goes while 32 clients with a key stream, as a flame graph, and
in shares by package.

py-spy looks at the replica's process from outside, so that what is looked at runs as it does otherwise.
"""

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import psutil
import typer

from benchmarks import models
from benchmarks.environment import OURS
from benchmarks.peers import Server, ours, ours_with_keys
from benchmarks.tasks import llm
from serve.bench import work
from serve.bench.load import Level, connected, run
from serve.bench.work import Shape
from serve.errors import ConfigurationError
from serve.local.nodes import free_port

CLIENTS = 32
REQUESTS = 512
RATE = 200  # Looks in a second.
FILE = re.compile(r"\(([\w-]+)[/.]")
"""What py-spy writes of a frame's file, which begins with its package: `step (vllm/v1/engine/core.py:430)`."""
PACKAGES = ("vllm", "torch", "serve", "ray", "uvicorn", "starlette", "fastapi", "pydantic", "opentelemetry",
            "prometheus_client")  # fmt: skip
"""That time is spent for; `serve` is ours."""


def replica() -> int:
    """The process of the model's replica, among our descendants."""
    for process in psutil.Process().children(recursive=True):
        if f"ServeReplica:{ours.MODEL}:" in " ".join(process.cmdline()):
            return process.pid
    raise ConfigurationError("no replica of the model was found; is py-spy allowed to see other processes here?")


async def _load(server: Server, requests: int, seed: int) -> None:
    async with connected(server.key) as session:
        asks = work.asks("llm", Shape(server.model, **llm.SHAPE), seed, requests)
        await run(session, server.address, Level(CLIENTS), asks, seed)


def shares(stacks: str) -> Counter[str]:
    """Of all samples, by the innermost of PACKAGES in each; `stacks` has a line for each stack, and how often it was
    seen behind it."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, seen = line.rpartition(" ")
        inwards = (match[1] for frame in reversed(stack.split(";")) if (match := FILE.search(frame)))
        found[next((package for package in inwards if package in PACKAGES), "others")] += int(seen)
    return found


async def _watched(server: Server, seconds: int, out: Path, form: str) -> None:
    spy = shutil.which("py-spy", path=str(OURS.python().parent))
    command = [str(spy), "record", f"--pid={replica()}", f"--duration={seconds}", f"--rate={RATE}", "--gil",
               f"--output={out}", f"--format={form}"]  # fmt: skip
    recording = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seed = 0
    while recording.returncode is None:
        seed += 1
        await _load(server, REQUESTS, seed)
    if recording.returncode:
        raise ConfigurationError("py-spy could not look at the replica; it needs the right to trace processes")


def main(
    seconds: Annotated[int, typer.Option(min=1, help="How long to look.")] = 20,
    out: Annotated[Path, typer.Option(help="The picture.")] = Path(__file__).parent / "plots" / "flame.svg",
) -> None:
    """Draw where the replica's time goes under load."""
    with (
        ours_with_keys.serving("llm", models.folder("llm", {}), free_port()) as server,
        tempfile.NamedTemporaryFile("r") as stacks,
    ):
        asyncio.run(_load(server, REQUESTS, 0))  # To warm up.
        asyncio.run(_watched(server, seconds, out, "flamegraph"))
        asyncio.run(_watched(server, seconds, Path(stacks.name), "raw"))
        found = shares(Path(stacks.name).read_text())
    for package, seen in found.most_common():
        typer.echo(f"{package:20} {seen / found.total():6.1%}")
    drawn = out.read_text()
    for place in (f"{OURS.python().parent}/", f"{Path(__file__).parents[1]}/"):  # Its title is the command.
        drawn = drawn.replace(place, "")
    out.write_text(drawn)
    typer.echo(f"{out} is written")


if __name__ == "__main__":
    typer.run(main)
