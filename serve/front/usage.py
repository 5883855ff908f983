"""What a request takes: whoever answers it says so; limits, metrics and the log read it when the answer has ended."""

from contextvars import ContextVar
from dataclasses import dataclass


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


CURRENT = ContextVar[Usage]("usage")


def usage() -> Usage:
    """Of the request that is being answered here; one that nobody reads where there is none."""
    return CURRENT.get(None) or Usage()
