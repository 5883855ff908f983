"""Whether a model is asked at all: how the last requests for it ended goes in, a request goes on or hears when to come.

Where FAILURES in a row have waited in vain, the next would only wait as long. So they are refused at once, but for one
at a time that tries whether the model is back, after a pause that doubles; chance shortens it, so that not all gateways
try together (martinfowler.com/bliki/CircuitBreaker.html).
"""

import math
import random
import time

from serve.errors import ModelUnavailable

FAILURES = 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Circuit:
    """Of one model."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.failures = 0
        """In a row."""
        self._until = 0.0
        self._tried = False
        """Whether a request is trying now."""

    @property
    def open(self) -> bool:
        """Whether a request would be refused now."""
        return self.failures >= FAILURES and (self._tried or time.monotonic() < self._until)

    def enter(self) -> None:
        """Lets a request through, which then calls `leave`; else raises ModelUnavailable."""
        if self.open:
            raise ModelUnavailable(
                f"model {self.model!r} has not answered the last {self.failures} requests; send this one again later",
                retry_after=max(1, math.ceil(self._until - time.monotonic())),
            )
        self._tried = self.failures >= FAILURES

    def leave(self, answered: bool | None) -> None:
        """None where that was not seen, as when the client left."""
        self._tried = False
        if answered:
            self.failures = 0
        elif answered is False:
            self.failures += 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(30, self.failures - FAILURES))
            self._until = time.monotonic() + pause * random.uniform(0.5, 1)  # noqa: S311
