"""How long a request may wait for its device: the front says it, who lets requests wait asks, what is late is refused.

A request that has begun is never too late: it may wait again between its pieces, as others take their turns.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from serve.errors import Congested, InferenceError

RETRY_AFTER = 5


@dataclass(slots=True)
class Deadline:
    """Of one request of `model`; `refuse` ends it with an error while it can still have one."""

    model: str
    seconds: float
    refuse: Callable[[InferenceError], None]
    met: bool = False
    """Whether its work has begun."""

    def watch(self, waits: Callable[[], bool]) -> asyncio.TimerHandle | None:
        """Refuses the request when it has waited for so long and `waits` still; to be cancelled when it has not."""
        return None if self.met else asyncio.get_running_loop().call_later(self.seconds, self._look, waits)

    def _look(self, waits: Callable[[], bool]) -> None:
        if self.met or not waits():
            return
        said = f"model {self.model!r} has not come to this request for {self.seconds:g} seconds, its queueTimeout"
        self.refuse(Congested(f"{said}; send it again later", retry_after=RETRY_AFTER))


CURRENT = ContextVar[Deadline | None]("deadline", default=None)


def deadline() -> Deadline | None:
    """Of the request that is being answered here; None where there is none, as in a job."""
    return CURRENT.get()
