"""The client of one peer: which it is comes in as a line of JSON, then turn by turn what to measure; a line goes out
for each, first with answers to compare, then with figures.

The server is this process's child, and a library is loaded in it: the peer is this process and its descendants.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from benchmarks import tasks
from benchmarks.peers import Answered, Direct, Server, peer
from benchmarks.tasks import SEED, Load
from serve.bench import work
from serve.bench.ask import Answer, Ask
from serve.bench.ceiling import ceiling
from serve.bench.figures import figures
from serve.bench.load import Level, Run, connected, run
from serve.bench.work import Shape
from serve.errors import ConfigurationError
from serve.local.nodes import free_port


@dataclass(frozen=True)
class Wanted:
    """What to start."""

    peer: str
    task: str
    folder: str


@dataclass(frozen=True)
class Turn:
    """What to measure: a load's levels, with at most so many requests at each, that no other round has."""

    load: str
    round: int
    most: int
    ceiling: bool
    """Whether to measure too what this client could do at the last level with such answers."""


Measured = dict[str, Any]
"""`levels`: figures of each; `ceiling`: requests/s, where it was wanted and a server was asked."""


class Asked(Protocol):
    """A peer that is there."""

    model: str

    def answers(self, asks: Sequence[Ask]) -> Answered: ...

    def run(self, clients: int, warm: Iterator[Ask], asks: Iterator[Ask]) -> Run: ...

    def ceiling(self, clients: int, asks: Iterator[Ask], like: Run) -> float | None: ...


def measured(asked: Asked, task: str, turn: Turn) -> Measured:
    load = next(load for load in tasks.task(task).LOADS if load.name == turn.load)
    runs = [asked.run(clients, *_asks(asked, task, turn, load, clients)) for clients in load.requests]
    clients = max(load.requests)
    most = asked.ceiling(clients, _asks(asked, task, turn, load, clients)[1], runs[-1]) if turn.ceiling else None
    return {"levels": [figures(one).record() for one in runs], **({} if most is None else {"ceiling": most})}


def _asks(asked: Asked, task: str, turn: Turn, load: Load, clients: int) -> tuple[Iterator[Ask], Iterator[Ask]]:
    """To warm up, and to measure; where each takes seconds there is nothing to warm up."""
    shape, named = Shape(asked.model, **load.shape), tasks.work_of(task)
    number = min(load.requests[clients], turn.most)
    seed = SEED + 1000 * (turn.round + 1) + clients
    warm = work.asks(named, shape, seed + 500, min(clients, number // 4))
    return warm, iter(list(work.asks(named, shape, seed, number)))  # Made before the clock runs.


class _Served:
    """A server is asked over HTTP, by connections that each level makes anew."""

    def __init__(self, task: str, server: Server) -> None:
        self.model = server.model
        self._read = tasks.task(task).read
        self._server = server

    def answers(self, asks: Sequence[Ask]) -> Answered:
        async def bodies() -> list[bytes]:
            async with connected(self._server.key) as session:
                return [await self._body(session, ask) for ask in asks]

        return [self._read(body) for body in asyncio.run(bodies())]

    async def _body(self, session: aiohttp.ClientSession, ask: Ask) -> bytes:
        async with session.post(self._server.address + ask.path, data=ask.body, headers=ask.headers) as response:
            response.raise_for_status()
            return await response.read()

    def run(self, clients: int, warm: Iterator[Ask], asks: Iterator[Ask]) -> Run:
        async def warmed() -> Run:
            async with connected(self._server.key) as session:
                await run(session, self._server.address, Level(clients), warm, seed=0)
                return await run(session, self._server.address, Level(clients), asks, seed=0)

        return asyncio.run(warmed())

    def ceiling(self, clients: int, asks: Iterator[Ask], like: Run) -> float | None:
        return figures(asyncio.run(ceiling(asks, Level(clients), like))).requests_per_second


class _Called:
    """A library is called as it likes best."""

    model = "model"

    def __init__(self, library: Direct) -> None:
        self._library = library
        self.answers = library.answer

    def run(self, clients: int, warm: Iterator[Ask], asks: Iterator[Ask]) -> Run:
        self._level(clients, warm)
        return self._level(clients, asks)

    def _level(self, clients: int, asks: Iterator[Ask]) -> Run:
        groups = list(_groups(asks, clients if self._library.gathers else 1))
        begin = time.perf_counter()
        with ThreadPoolExecutor(1 if self._library.gathers else clients) as threads:
            answers = list(chain.from_iterable(threads.map(self._timed, groups)))
        return Run(Level(clients), time.perf_counter() - begin, answers)

    def _timed(self, group: Sequence[Ask]) -> list[Answer]:
        begin = time.perf_counter()
        answered = self._library.answer(group)
        end = time.perf_counter()
        return [
            Answer(begin, end=end, units=one if ask.unit_bytes else ask.units)
            for ask, one in zip(group, answered, strict=True)
        ]

    def ceiling(self, clients: int, asks: Iterator[Ask], like: Run) -> float | None:
        return None


def _groups(asks: Iterator[Ask], size: int) -> Iterator[list[Ask]]:
    while group := list(islice(asks, size)):
        yield group


@contextmanager
def _there(wanted: Wanted) -> Iterator[Asked]:
    found, folder = peer(wanted.peer), Path(wanted.folder)
    if found.loaded:
        yield _Called(found.loaded(wanted.task, folder))
    elif found.serving:
        with found.serving(wanted.task, folder, free_port()) as server:
            yield _Served(wanted.task, server)


def main() -> None:
    """Until its input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr  # Which libraries may write to.
    wanted = Wanted(**json.loads(sys.stdin.readline()))
    with _there(wanted) as asked:
        print(json.dumps(asked.answers(tasks.compared(wanted.task, asked.model))), file=out, flush=True)
        for line in sys.stdin:
            print(json.dumps(measured(asked, wanted.task, Turn(**json.loads(line)))), file=out, flush=True)


if __name__ == "__main__":
    try:
        main()
    except ConfigurationError as error:
        sys.exit(error.message)
