"""One measurement of one peer: what to measure goes in as JSON on the standard input, figures and answers come out.

A process of its own, in a session of its own. A peer that is a library is loaded in it and called; any other is asked
over HTTP.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks import tasks
from benchmarks.peers import Direct, Server, peer
from benchmarks.tasks import SEED, Load
from serve.bench import work
from serve.bench.ask import Answer, Ask
from serve.bench.ceiling import ceiling
from serve.bench.figures import figures
from serve.bench.load import Level, Run, connected, run
from serve.bench.work import Shape


@dataclass(frozen=True)
class Wanted:
    """What to measure: `address` is empty for a library, `most` the most requests of a level."""

    peer: str
    task: str
    folder: str
    address: str
    model: str
    key: str
    most: int


Measured = dict[str, Any]
"""`loads`: by name, figures of each level; `answers`: what the compared requests got; `ceilings`: by load, requests/s
that this client could do at the last level with such answers."""


def measured(wanted: Wanted) -> Measured:
    found = peer(wanted.peer)
    if found.loaded:
        return _directly(wanted, found.loaded(wanted.task, Path(wanted.folder)))
    return asyncio.run(_over_http(wanted, Server(wanted.address, wanted.model, wanted.key)))


def _asked(wanted: Wanted, load: Load, clients: int) -> tuple[Iterator[Ask], Iterator[Ask]]:
    """To warm up, and to measure."""
    shape = Shape(wanted.model, **load.shape)
    number = min(load.requests[clients], wanted.most)
    warm = max(1, min(clients, number // 4))
    asked = tasks.work_of(wanted.task)
    return work.asks(asked, shape, SEED + 1, warm), work.asks(asked, shape, SEED + 2 + clients, number)


async def _over_http(wanted: Wanted, server: Server) -> Measured:
    task = tasks.task(wanted.task)
    async with connected(server.key) as session:
        answers = [task.read(await _body(session, server, ask)) for ask in tasks.compared(wanted.task, server.model)]
        loads, ceilings = {}, {}
        for load in task.LOADS:
            runs = []
            for clients in load.requests:
                warm, asks = _asked(wanted, load, clients)
                await run(session, server.address, Level(clients), warm, seed=0)
                runs.append(await run(session, server.address, Level(clients), asks, seed=0))
            loads[load.name] = [figures(one).record() for one in runs]
            most = await ceiling(_asked(wanted, load, clients)[1], Level(clients), runs[-1])
            ceilings[load.name] = figures(most).requests_per_second
    return {"loads": loads, "answers": answers, "ceilings": ceilings}


async def _body(session: aiohttp.ClientSession, server: Server, ask: Ask) -> bytes:
    async with session.post(server.address + ask.path, data=ask.body, headers=ask.headers) as response:
        response.raise_for_status()
        return await response.read()


def _directly(wanted: Wanted, library: Direct) -> Measured:
    loads = {}
    answers = library.answer(tasks.compared(wanted.task, wanted.model))
    for load in tasks.task(wanted.task).LOADS:
        runs = []
        for clients in load.requests:
            warm, asks = _asked(wanted, load, clients)
            _called(library, clients, warm)
            runs.append(_called(library, clients, asks))
        loads[load.name] = [figures(one).record() for one in runs]
    return {"loads": loads, "answers": answers, "ceilings": {}}


def _called(library: Direct, clients: int, asks: Iterator[Ask]) -> Run:
    """Calls as `library` likes them best."""

    def call(group: Sequence[Ask]) -> list[Answer]:
        begin = time.perf_counter()
        answered = library.answer(group)
        end = time.perf_counter()
        return [
            Answer(begin, end=end, units=one if ask.unit_bytes else ask.units)
            for ask, one in zip(group, answered, strict=True)
        ]

    groups = list(_groups(asks, clients if library.gathers else 1))
    begin = time.perf_counter()
    with ThreadPoolExecutor(1 if library.gathers else clients) as threads:
        answers = list(chain.from_iterable(threads.map(call, groups)))
    return Run(Level(clients), time.perf_counter() - begin, answers)


def _groups(asks: Iterator[Ask], size: int) -> Iterator[list[Ask]]:
    while group := list(islice(asks, size)):
        yield group


if __name__ == "__main__":
    out = sys.stdout
    sys.stdout = sys.stderr  # Which libraries may write to.
    out.write(json.dumps(measured(Wanted(**json.load(sys.stdin)))))
