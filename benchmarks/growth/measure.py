"""One curve: ours is started, for each number of replicas anew, and asked point by point."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from statistics import median

from benchmarks import models, tasks
from benchmarks.growth.curves import Curve, Point
from benchmarks.peers import Server, ours
from benchmarks.processes import settle
from benchmarks.tasks import SEED
from serve.bench import work
from serve.bench.figures import Figures, figures
from serve.bench.load import Level, connected, run
from serve.bench.work import Shape
from serve.local.nodes import free_port

TIMEOUT = 3600.0
"""Seconds of one request: an hour of sound, or the last of 256 in a row."""


@dataclass(frozen=True)
class Found:
    """Of one point."""

    figures: Figures
    """Its level is where the point is on its curve."""
    prompt_tokens: float
    """Of one request, where the server said so."""


def measured(curve: Curve) -> Iterator[Found]:
    for replicas, points in groupby(curve.points, key=lambda point: point.replicas):
        with _served(curve, replicas) as server:
            settle()
            for point in points:
                yield asyncio.run(_asked(server, curve.task, point))


async def _asked(server: Server, task: str, point: Point) -> Found:
    shape, level = Shape(server.model, **point.shape), Level(point.clients)
    asked = tasks.work_of(task)
    async with connected(seconds=TIMEOUT) as session:
        warm = work.asks(asked, shape, SEED + 1, max(1, point.requests // 4))
        await run(session, server.address, level, warm, seed=0)
        found = await run(session, server.address, level, work.asks(asked, shape, SEED + 2, point.requests), seed=0)
    tokens = median(answer.prompt_tokens for answer in found.answers)
    return Found(replace(figures(found), level=str(point.at)), tokens)


@contextmanager
def _served(curve: Curve, replicas: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as made:
        folder = models.folder(curve.task, {})
        if curve.context:
            folder = _longer(folder, Path(made) / "model", curve.context)
        described = ours.values(curve.task, folder, **curve.entry, replicas=replicas)
        with ours.up(described, curve.task, free_port()) as server:
            yield server


def _longer(folder: Path, to: Path, context: int) -> Path:
    """The same weights for longer inputs: random ones know as much of the further positions."""
    shutil.copytree(folder, to)
    for file, key in (("config.json", "max_position_embeddings"), ("tokenizer_config.json", "model_max_length")):
        said = json.loads((to / file).read_text())
        (to / file).write_text(json.dumps({**said, key: context}))
    return to
