"""What a request takes: whoever answers it says so; limits, metrics and the log read it when the answer has ended."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Usage:
    """Of one request."""

    input_tokens: int = 0
    output_tokens: int = 0
    audio_seconds: float = 0.0
    """Heard or spoken."""
    characters: int = 0
    """Of a text to speak."""
    queue_seconds: float = 0.0
    """Until the device began with it, where the task can tell."""
    _late: list[Callable[["Usage"], None]] = field(default_factory=list)

    def later(self, count: Callable[["Usage"], None]) -> None:
        """Lets `count` add what is known when the answer has ended, whether at its end or because the client left."""
        self._late.append(count)

    def close(self) -> None:
        for count in self._late:
            count(self)
        self._late.clear()


CURRENT = ContextVar[Usage]("usage")


def usage() -> Usage:
    """Of the request that is being answered here; one that nobody reads where there is none."""
    return CURRENT.get(None) or Usage()
