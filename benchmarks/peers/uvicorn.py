"""uvicorn alone, without Ray and a proxy, before the same simulated engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine import ENV, threads
from benchmarks.environment import OURS
from benchmarks.peers import Server
from benchmarks.processes import started

TASKS = ("simulated",)
PACKAGES = ("uvicorn", "fastapi", "uvloop")


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with started([OURS.python(), "-m", "benchmarks.simulator", str(port)], ENV | threads(task)) as server:
        server.wait(f"http://127.0.0.1:{port}/v1/models")
        yield Server(f"http://127.0.0.1:{port}", "model")
