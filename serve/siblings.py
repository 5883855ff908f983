"""The replicas of one application among themselves: an adapter's id goes in, the replica that should hold it comes out.

The proxy gives a request to any replica. Each id has one that it belongs to, by rendezvous hashing over the replicas
that run (en.wikipedia.org/wiki/Rendezvous_hashing), so that all agree without talking, and a replica that comes or goes
moves only its own. Where they listen, Serve's controller tells HAProxy, and us.
"""

import asyncio
import hashlib
import time
from collections.abc import Iterable, Mapping

import ray
from ray import serve as ray_serve
from ray.exceptions import RayError
from ray.serve.context import _get_global_client

LOOK_SECONDS = 2.0


class Siblings:
    """Of the replica that makes it."""

    def __init__(self) -> None:
        self._application = ray_serve.get_replica_context().app_name
        self._own = ray.get_runtime_context().get_actor_name()
        self._addresses: Mapping[str, str] = {}
        self._look: asyncio.Task[None] | None = None
        self._looked = -LOOK_SECONDS

    async def owner(self, id: str) -> str | None:
        """The address of the replica that `id` belongs to; None for this one, and where none is known."""
        if time.monotonic() - self._looked >= LOOK_SECONDS and (self._look is None or self._look.done()):
            self._look = asyncio.create_task(self._learn())
        if self._look is not None and not self._addresses:
            await self._look
        if not self._addresses:
            return None
        name = belongs(id, self._addresses)
        return None if name == self._own else self._addresses[name]

    async def _learn(self) -> None:
        try:
            found = await listening(self._application)
        except RayError:  # The controller is away for a moment; what was known is the best that is.
            return
        self._addresses = self._reached(found)
        self._looked = time.monotonic()

    def _reached(self, targets: Mapping[str, tuple[str, int]]) -> dict[str, str]:
        """Addresses by actor. Replicas of this node are asked on the loopback address, which all of them listen on."""
        here, _ = targets.get(self._own, ("", 0))
        return {name: f"http://{'127.0.0.1' if ip == here else ip}:{port}" for name, (ip, port) in targets.items()}


def belongs(id: str, replicas: Iterable[str]) -> str:
    """The replica with the highest hash of itself and `id`."""
    return ranked(id, replicas)[0]


def ranked(id: str, replicas: Iterable[str]) -> list[str]:
    """All of them, whom it belongs to first, and then whom it would belong to without those before."""
    return sorted(replicas, key=lambda replica: hashlib.sha256(f"{replica}\n{id}".encode()).digest(), reverse=True)


async def listening(application: str) -> dict[str, tuple[str, int]]:
    """Node and port of each replica that runs, by its actor, as HAProxy is told."""
    groups = await _get_global_client()._controller.get_target_groups.remote(application, True)
    http = (group.targets for group in groups if group.protocol == "HTTP")
    return {target.name: (target.ip, target.port) for targets in http for target in targets}
