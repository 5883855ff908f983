"""Ours, where eight windows of a recording are recognised at once, each without what was said before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import Server, ours

TASKS = ("stt",)
PACKAGES = ()


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with ours.up(ours.values(task, folder, engineConfig={**ours.CONFIG["stt"], "batchSize": 8}), task, port) as server:
        yield server
