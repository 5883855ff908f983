"""Whether an engine still computes, and not only its process lives: its steps go in, Serve's health check comes out.

A device that hangs begins a step and never ends it; one whose driver is gone fails each. Where nothing has ended for a
while, the smallest request there is, the task's probe, goes the way of all others, so that either shows before a client
comes; while it fails, each check does. Serve ends a replica that has failed three in a row, and starts another.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from serve.errors import ModelUnavailable

QUIET_SECONDS = 60.0
PART = 0.01
"""Of the time that probes may take: an idle engine shall stay idle, also one that is slow."""


class Pulse:
    """Of the place where an engine works: `since` when it is at its present step, and when one `ended` well."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.ended = time.monotonic()

    @contextmanager
    def step(self) -> Iterator[None]:
        """One thing that the device does; that it fails is no sign of life."""
        self.begin()
        try:
            yield
            self.ended = time.monotonic()
        finally:
            self.rest()

    def begin(self) -> None:
        self.since = time.monotonic()

    def rest(self) -> None:
        self.since = None


class Checkup:
    """Of one engine: `stall` is in seconds, `probe` its smallest request."""

    def __init__(self, pulse: Pulse, probe: Callable[[], Awaitable[None]], stall: float) -> None:
        self.pulse = pulse
        self.stall = stall
        self._probe = probe
        self._took = 0.0
        self._task: asyncio.Task[None] | None = None
        self._failed: BaseException | None = None
        """Of the last probe, until something ends well."""
        self._failed_at = 0.0

    def check(self) -> None:
        """Raises ModelUnavailable when the engine hangs, and what a probe raised; never waits for either."""
        now = time.monotonic()
        since = self.pulse.since
        if since is not None and now - since > self.stall:
            raise ModelUnavailable(
                f"the engine has been at one step for more than {self.stall:g} seconds, its stallTimeout, and is taken "
                "to hang"
            )
        if self._task is not None and self._task.done():
            probed, self._task = self._task, None
            self._failed, self._failed_at = probed.exception(), now
        if self.pulse.ended > self._failed_at:
            self._failed = None
        quiet = now - self.pulse.ended > max(QUIET_SECONDS, self._took / PART)
        if self._task is None and since is None and (quiet or self._failed):
            self._task = asyncio.create_task(self._try())
        if self._failed:
            raise self._failed

    async def _try(self) -> None:
        began = time.monotonic()
        await self._probe()
        self._took = time.monotonic() - began
