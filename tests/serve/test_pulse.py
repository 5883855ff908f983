"""Whether an engine still computes: what a health check says of one that works, hangs, fails or has nothing to do."""

import asyncio
from collections.abc import Callable

import pytest

from serve import pulse
from serve.errors import ModelUnavailable
from serve.pulse import PART, QUIET_SECONDS, Checkup, Pulse
from tests.serve.clock import Clock

STALL = 300.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(pulse, "time", found)
    return found


class Engine:
    """Counts its probes, each of which takes `seconds` and ends with `error`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.pulse = Pulse()
        self.probes = 0
        self.seconds = 0.0
        self.error: Exception | None = None
        self.checkup = Checkup(self.pulse, self.probe, STALL)

    async def probe(self) -> None:
        self.probes += 1
        with self.pulse.step():
            self.clock.now += self.seconds
            if self.error:
                raise self.error

    async def checked(self, after: float) -> None:
        """A check after so many seconds, and what it began."""
        self.clock.now += after
        try:
            self.checkup.check()
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)


def test_an_engine_that_works_is_left_alone(clock: Clock) -> None:
    async def work() -> int:
        engine = Engine(clock)
        for _ in range(20):
            with engine.pulse.step():
                await engine.checked(after=QUIET_SECONDS / 2)
        return engine.probes

    assert asyncio.run(work()) == 0


def test_one_that_is_idle_is_tried_as_often_as_costs_a_hundredth_of_its_time(clock: Clock) -> None:
    async def rest(seconds: float) -> int:
        engine = Engine(clock)
        engine.seconds = seconds
        for _ in range(1000):
            await engine.checked(after=10)
        return engine.probes

    hours = 1000 * 10
    assert asyncio.run(rest(0)) == pytest.approx(hours / (QUIET_SECONDS + 10), rel=0.1)
    assert asyncio.run(rest(2)) == pytest.approx(hours * PART / 2, rel=0.1)


def test_one_at_the_same_step_for_too_long_hangs(clock: Clock) -> None:
    async def hang() -> None:
        engine = Engine(clock)
        engine.pulse.begin()
        await engine.checked(after=STALL)
        await engine.checked(after=1)

    with pytest.raises(ModelUnavailable, match="at one step for more than 300 seconds, its stallTimeout"):
        asyncio.run(hang())


def test_while_one_fails_each_request_each_check_fails_until_a_probe_ends_well(clock: Clock) -> None:
    async def broken(mended: Callable[[Engine], None]) -> Engine:
        engine = Engine(clock)
        engine.error = RuntimeError("CUDA error: an illegal memory access was encountered")
        await engine.checked(after=QUIET_SECONDS + 1)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="illegal memory access"):
                await engine.checked(after=10)
        mended(engine)
        with pytest.raises(RuntimeError):  # Of the probe before.
            await engine.checked(after=10)
        await engine.checked(after=10)
        return engine

    def mend(engine: Engine) -> None:
        engine.error = None

    assert asyncio.run(broken(mend)).probes == 5
