"""Ours at /v1, by the model's name: through the gateway, which is one process more on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import Server, ours

TASKS = ours.TASKS
PACKAGES = ()


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with ours.serving(task, folder, port) as server:
        yield replace(server, address=f"http://127.0.0.1:{port}")
