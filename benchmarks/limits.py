"""What limits cost: two keys of one service go in, one of them limited, how it fares beside the other comes out.

`python -m benchmarks.limits`: they take turns at one replica, many times for some seconds each, so that nothing but the
limits differs. These are so far away that none is refused.
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from benchmarks import models, tasks
from benchmarks.markdown import table
from benchmarks.paired import ByRound, Compared, ratio
from benchmarks.peers import Server, ours
from benchmarks.peers.ours_with_keys import LIMITS
from benchmarks.processes import settle
from benchmarks.rounds import order
from benchmarks.tasks import SEED
from serve.bench import load, work
from serve.bench.figures import figures
from serve.bench.work import Shape
from serve.errors import ConfigurationError
from serve.local.nodes import free_port

CLIENTS = 32  # Requests at once.
WARM = 3  # Turns of each key.
KEYS = {"unlimited": "u" * 48, "limited": "l" * 48}
Found = Mapping[str, Mapping[str, ByRound]]
"""By figure and key, what was measured in each turn."""


@dataclass(frozen=True)
class Cost:
    """Of limits for a task: the limited key's figures to the other's."""

    task: str
    ratios: Mapping[str, Compared]


def main(
    wanted: Annotated[list[str] | None, typer.Argument(help="Default: llm and embeddings.")] = None,
    turns: Annotated[int, typer.Option(min=2, help="Of each key.")] = 60,
    requests: Annotated[int, typer.Option(min=CLIENTS, help="Of one turn.")] = 160,
) -> None:
    """Compare a limited key with another, 32 requests at once."""
    typer.echo(page([measured(task, turns, requests) for task in wanted or ("llm", "embeddings")]))


def measured(task: str, turns: int, requests: int) -> Cost:
    values = ours.values(task, models.folder(task, {}))
    with tempfile.TemporaryDirectory() as keys:
        (Path(keys) / "unlimited").write_text(KEYS["unlimited"])
        (Path(keys) / "limited").write_text(yaml.safe_dump({"key": KEYS["limited"], "limits": {ours.MODEL: LIMITS}}))
        with ours.up({**values, "auth": {"enabled": True}}, task, free_port(), f"--keys={keys}") as server:
            settle()
            found = asyncio.run(_taken(server, task, turns, requests))
    return cost(task, found)


def cost(task: str, found: Found) -> Cost:
    ratios = {name: ratio(by_key["limited"], by_key["unlimited"]) for name, by_key in found.items()}
    return Cost(task, {name: one for name, one in ratios.items() if one is not None})


async def _taken(server: Server, task: str, turns: int, requests: int) -> Found:
    found: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    async with AsyncExitStack() as stack:
        sessions = {name: await stack.enter_async_context(load.connected(key)) for name, key in KEYS.items()}
        for turn in range(-WARM, turns):
            for place, name in enumerate(order(list(KEYS), turn)):
                asks = work.asks(tasks.work_of(task), _shape(server, task), SEED + 2 * turn + place, requests)
                run = await load.run(sessions[name], server.address, load.Level(CLIENTS), asks, 0)
                figured = figures(run)
                if figured.errors:
                    raise ConfigurationError(f"{task}: not all were answered: {figured.errors}")
                if turn >= 0:
                    found["requests/s"][name][turn] = figured.requests_per_second
                    found["latency p50"][name][turn] = figured.latency["p50"]
    return found


def _shape(server: Server, task: str) -> Shape:
    return Shape(server.model, **tasks.task(task).LOADS[0].shape)


def page(costs: list[Cost]) -> str:
    rows: list[list[Any]] = [
        [one.task, name, f"{found.measured:.3f}", found.between("{:.3f}".format), found.rounds]
        for one in costs
        for name, found in one.ratios.items()
    ]
    return table(["task", "figure", "limited to unlimited", "95%", "turns of each"], rows)


if __name__ == "__main__":
    typer.run(main)
