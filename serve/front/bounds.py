"""What one request of a key may have at most, where the model takes more: its limits go in, bounds come out."""

import math
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

from serve.quantity import in_bytes
from serve.values import Limits


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one request."""

    body: float = math.inf
    """Bytes."""
    audio: float = math.inf
    """Seconds of a recording."""

    @classmethod
    def of(cls, limits: Limits) -> Self:
        body = math.inf if limits.max_body is None else in_bytes(limits.max_body)
        return cls(body, limits.max_audio or math.inf)


BOUNDLESS = Bounds()
CURRENT = ContextVar("bounds", default=BOUNDLESS)


def bounds() -> Bounds:
    """Of the request that is being answered here."""
    return CURRENT.get()
