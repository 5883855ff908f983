"""The leases of one replica: accounts go in, room for a request comes out, or the time until there is some.

One exchange with the actor is under way at most, and says all that there is to say; requests that find no room wait for
the next. Where the actor does not answer, a replica goes by itself: the service stays, its limits are each replica's.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from serve.quotas import TICK_SECONDS, Account, Ask, Grant
from serve.quotas.lease import Lease, Taken
from serve.quotas.quotas import Quotas, quotas

logger = logging.getLogger("ray.serve")
ANSWER_SECONDS = 10.0
"""So long the actor has to start and answer, which takes milliseconds when it runs."""


class Exhausted(Exception):
    """There is not enough of `lease` for `seconds`."""

    def __init__(self, lease: Lease, seconds: float) -> None:
        self.lease = lease
        self.seconds = seconds


class Leases:
    """By account; `connect` gives the actor."""

    def __init__(self, connect: Callable[[], Any] = quotas) -> None:
        self._connect = connect
        self._actor: Any = None
        self._alone = Quotas()
        self._name = uuid.uuid4().hex
        self._leases: dict[Account, Lease] = {}
        self._trading: asyncio.Task[None] | None = None
        self._ticking: asyncio.Task[None] | None = None

    def of(self, account: Account, limit: float) -> Lease:
        lease = self._leases.get(account)
        if lease is None:
            lease = self._leases[account] = Lease(account, limit)
        lease.limit = limit
        return lease

    async def take(self, leases: Sequence[Lease]) -> Taken:
        """Takes of each what a request is expected to use, or raises Exhausted and takes of none."""
        now = time.monotonic()
        while lacking := [lease for lease in leases if not lease.has_room(now)]:
            for lease in lacking:
                if seconds := lease.refused(now):
                    raise Exhausted(lease, seconds)
            await self._room(leases)  # All of them, or the next trade gives back what the others have.
            now = time.monotonic()
        taken = [(lease, lease.take(now)) for lease in leases]
        self._look_ahead(leases, now)
        return taken

    def settle(self, settled: Iterable[tuple[Lease, float, float]]) -> None:
        """What was taken of each, and used. What is beyond the lease the other replicas shall know at once."""
        for lease, taken, used in settled:
            lease.settle(taken, used)
            if lease.credit < 0:
                self._trade_soon()

    async def _room(self, leases: Sequence[Lease]) -> None:
        """Until the actor has been asked with these among those that wait."""
        for lease in leases:
            lease.waiting += 1
        try:
            if self._trading is not None:  # It may have begun before these waited.
                await asyncio.shield(self._trading)
            if any(not lease.has_room(time.monotonic()) for lease in leases):
                await asyncio.shield(self._trade_soon())
        finally:
            for lease in leases:
                lease.waiting -= 1

    def _look_ahead(self, leases: Sequence[Lease], now: float) -> None:
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
        if self._trading is None and any(lease.low(now) for lease in leases):
            self._trade_soon()

    def _trade_soon(self) -> asyncio.Task[None]:
        if self._trading is None:
            self._trading = asyncio.create_task(self._trade())
        return self._trading

    async def _trade(self) -> None:
        try:
            now = time.monotonic()
            leases = [lease for lease in self._leases.values() if not lease.idle(now)]
            grants = await self._answers([lease.ask(now) for lease in leases])
            now = time.monotonic()
            for lease, grant in zip(leases, grants, strict=True):
                lease.granted(grant, now)
        finally:
            self._trading = None

    async def _answers(self, asks: Sequence[Ask]) -> Sequence[Grant]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if self._actor is None:
                    self._actor = await asyncio.to_thread(self._connect)
                grants: Sequence[Grant] = await self._actor.trade.remote(self._name, asks)
            return grants
        except Exception as error:  # Ray has many for a head that is away; requests must not hear of them.
            logger.warning("limits are each replica's own for now, as the actor does not answer: %r", error)
            self._actor = None
            return self._alone.trade(self._name, asks)

    async def _tick(self) -> None:
        """For as long as anything is leased."""
        last = time.monotonic()
        try:
            while self._leases:
                await asyncio.sleep(TICK_SECONDS)
                now = time.monotonic()
                for lease in self._leases.values():
                    lease.tick(now - last)
                last = now
                await self._trade_soon()
                self._leases = {account: lease for account, lease in self._leases.items() if not lease.idle(now)}
        finally:
            self._ticking = None  # The next request begins another.
