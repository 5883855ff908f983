"""Ours, where a client's key is looked up for each request, of which tokens, requests and those at once are limited."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.peers import Server, ours

TASKS = ours.TASKS
PACKAGES = ()
KEY = "k" * 48
FAR = 10**9
LIMITS = {"requestsPerMinute": FAR, "tokensPerMinute": FAR, "requestsAtOnce": FAR}
"""So far away that none is refused: what is measured is what asking costs."""


@contextmanager
def serving(task: str, folder: Path, port: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as keys:
        (Path(keys) / "client").write_text(KEY)
        closed = {**ours.values(task, folder, limits=LIMITS), "auth": {"enabled": True}}
        with ours.up(closed, task, port, f"--keys={keys}") as server:
            yield replace(server, key=KEY)
