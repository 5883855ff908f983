"""How much each replica has to do: an application goes in, its replicas that run come out with their requests.

The replicas say so themselves, so that any number of routers, one just started and requests past all of them are
right alike; the routers of a node only add what they have sent since. They ask little: when nobody has for a while, and
before a replica is passed over, as of what was sent much has ended.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError
from ray.serve._private.constants import SERVE_NAMESPACE

from serve.routing import table
from serve.siblings import listening

LEARN_SECONDS = 1.0
ASK_SECONDS = 0.25
AGAIN_SECONDS = 0.02
PATIENCE = 0.2  # Then the request goes on with what is known.


class Loads:
    """Of the replicas of one application, in the file `path`."""

    def __init__(self, application: str, path: Path) -> None:
        self._application = application
        self._actors: dict[str, Any] = {}
        self._places: dict[str, int] = {}
        self._loads = table.mapped(path, np.dtype(np.int64))
        self._learned = self._asked = -LEARN_SECONDS
        self._task: asyncio.Task[None] | None = None

    async def known(self) -> Mapping[str, int]:
        """At once, unless no replica is known yet; what is old is asked for meanwhile."""
        if time.monotonic() - self._asked > ASK_SECONDS:
            self._begin()
        if not self._places:
            await self._wait()
        return self._now()

    async def asked(self) -> Mapping[str, int]:
        """As the replicas say now."""
        if time.monotonic() - self._asked > AGAIN_SECONDS:
            self._begin()
            await self._wait()
        return self._now()

    def sent(self, name: str) -> None:
        self._loads[self._places[name]] += 1

    def _now(self) -> Mapping[str, int]:
        return {name: int(self._loads[place]) for name, place in self._places.items()}

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())

    async def _wait(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=PATIENCE)

    async def _ask(self) -> None:
        if time.monotonic() - self._learned > LEARN_SECONDS:
            await self._learn()
        told = await asyncio.gather(*(_ongoing(actor) for actor in self._actors.values()))
        loads = {name: load for name, load in zip(self._actors, told, strict=True) if load is not None}
        self._places = {name: table.number(name) % table.PLACES for name in loads}
        for name, load in loads.items():
            self._loads[self._places[name]] = load
        self._asked = time.monotonic()

    async def _learn(self) -> None:
        """Who runs."""
        try:
            names = await listening(self._application)
        except RayError:  # The controller is away for a moment; what was known is the best that is.
            return
        new = await asyncio.to_thread(_found, set(names) - set(self._actors))
        self._actors = {name: actor for name, actor in {**self._actors, **new}.items() if name in names}
        self._learned = time.monotonic()


def _found(names: Iterable[str]) -> dict[str, Any]:
    actors = {}
    for name in names:
        try:
            actors[name] = ray.get_actor(name, namespace=SERVE_NAMESPACE)
        except ValueError:  # It has just ended.
            continue
    return actors


async def _ongoing(actor: Any) -> int | None:
    """None of a replica that has ended."""
    try:
        requests: int = await actor.get_num_ongoing_requests.remote()
    except RayError:
        return None
    return requests
