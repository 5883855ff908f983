"""Several limits of one key at one replica: a request takes its part of all of them, and never waits in vain."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from serve.quotas import AT_ONCE, TICK_SECONDS, Account, Ask, Grant, leases
from serve.quotas.lease import SPARE_SECONDS
from serve.quotas.leases import Exhausted, Leases
from serve.quotas.quotas import Quotas
from tests.serve.clock import Clock

LIMITS = {"requests": 60.0, "tokens": 1000.0, AT_ONCE: 1.0}


class Actor:
    """The one place, in this process: `fails` before it answers, or never does."""

    def __init__(self, clock: Clock) -> None:
        self._quotas = Quotas(clock.monotonic)
        self.trade = self
        self.fails: Exception | None = None
        self.hangs = False

    async def remote(self, name: str, asks: Sequence[Ask]) -> list[Grant]:
        if self.fails:
            raise self.fails
        if self.hangs:
            await asyncio.Event().wait()
        return self._quotas.trade(name, asks)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(leases, "time", found)
    return found


class Replica:
    """Its leases by the test's clock, so that no time passes by itself."""

    def __init__(self, clock: Clock, actor: Actor) -> None:
        self.clock = clock
        self.leases = Leases(lambda: actor)
        self.leases._ticking = asyncio.get_running_loop().create_future()  # type: ignore[assignment]

    async def ask(self) -> None:
        """A request that is answered at once."""
        wanted = [self.leases.of(Account("me", "llm", kind), limit) for kind, limit in LIMITS.items()]
        taken = await asyncio.wait_for(self.leases.take(wanted), 5)
        self.leases.settle([(lease, amount, 1.0) for lease, amount in taken])

    async def pass_time(self, ticks: int) -> None:
        for _ in range(ticks):
            self.clock.now += TICK_SECONDS
            for lease in self.leases._leases.values():
                lease.tick(TICK_SECONDS)
            await self.leases._trade_soon()


@pytest.mark.parametrize("late", [-0.2, -0.05, 0.05, 0.15, 0.3, 0.6])
def test_a_request_after_a_pause_in_which_all_was_given_back_gets_its_part_of_each(clock: Clock, late: float) -> None:
    async def pause() -> None:
        replica = Replica(clock, Actor(clock))
        await replica.ask()
        ticks = int(SPARE_SECONDS / TICK_SECONDS) - 1
        await replica.pass_time(ticks)
        clock.now += SPARE_SECONDS - ticks * TICK_SECONDS + late
        await replica.ask()

    asyncio.run(pause())


def test_who_is_beyond_one_of_several_takes_of_none(clock: Clock) -> None:
    async def hold() -> Any:
        replica = Replica(clock, Actor(clock))
        wanted = [replica.leases.of(Account("me", "llm", kind), limit) for kind, limit in LIMITS.items()]
        await replica.leases.take(wanted)
        before = wanted[0].remaining
        with pytest.raises(Exhausted) as refused:
            await asyncio.wait_for(replica.leases.take(wanted), 5)
        assert wanted[0].remaining == before
        return refused.value.lease.account.kind

    assert asyncio.run(hold()) == AT_ONCE


def test_while_the_actor_fails_or_hangs_a_replica_goes_by_itself(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "ANSWER_SECONDS", 0.01)

    async def go_on() -> None:
        actor = Actor(clock)
        replica = Replica(clock, actor)
        for actor.fails, actor.hangs in ((ValueError("no such actor"), False), (None, True), (None, False)):
            await replica.ask()
            await replica.pass_time(40)

    asyncio.run(go_on())


def test_a_burst_like_one_seconds_before_finds_its_part_here_and_asks_nobody(clock: Clock) -> None:
    async def burst_again() -> None:
        actor = Actor(clock)
        replica = Replica(clock, actor)
        wanted = [replica.leases.of(Account("me", "llm", kind), 10_000.0) for kind in ("requests", AT_ONCE)]

        async def burst() -> None:
            taken = [await asyncio.wait_for(replica.leases.take(wanted), 5) for _ in range(32)]
            for one in taken:
                replica.leases.settle([(lease, amount, 1.0) for lease, amount in one])

        await burst()
        await replica.pass_time(ticks=int(SPARE_SECONDS / TICK_SECONDS) - 1)
        actor.hangs = True
        await burst()

    asyncio.run(burst_again())
