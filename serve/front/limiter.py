"""What a key may use of a model: a request takes its part of each limit before it is answered, and settles it after.

What bounds one request alone is no amount, and looked at by the front.

Only what is begun by POST or a web socket is limited, as nothing else costs. Answers say what is left in headers that
OpenAI's clients read (platform.openai.com/docs/guides/rate-limits).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from serve.errors import Limited
from serve.front.bounds import BOUNDLESS, Bounds
from serve.front.exchange import Exchange
from serve.front.key import SERVICE, Key
from serve.front.usage import Usage
from serve.quotas import AT_ONCE, SECONDS, Account
from serve.quotas.lease import Lease
from serve.quotas.leases import Exhausted, Leases
from serve.values import Limits

USED: Mapping[str, Callable[[Usage], float]] = {
    "requests": lambda _: 1.0,
    "tokens": lambda usage: usage.input_tokens + usage.output_tokens,
    "audio-seconds": lambda usage: usage.audio_seconds,
    "characters": lambda usage: usage.characters,
}
"""By the word of the headers, which with `-per-minute` is that of the values."""


class Limiter:
    """Of one replica of `model`; `limits` may change while it runs."""

    def __init__(self, model: str, leases: Leases) -> None:
        self.model = model
        self.limits = NONE
        self._leases = leases

    async def take(self, exchange: Exchange) -> None:
        """What the request may use; raises Limited when the key has used what it may."""
        key = exchange.key
        if not (exchange.method == "POST" or exchange.socket) or key is None:
            return
        leases = [self._leases.of(Account(key.name, self.model, kind), limit) for kind, limit in self._amounts(key)]
        if not leases:
            return
        spent = [lease for lease in leases if not lease.held]
        try:
            exchange.taken = await self._leases.take(leases)
        except Exhausted as exhausted:
            exchange.headers += [pair for lease in spent for pair in _headers(lease, exhausted.seconds)]
            raise self._refusal(key, exhausted) from None
        exchange.headers += [pair for lease in spent for pair in _headers(lease, SECONDS)]

    def settle(self, exchange: Exchange) -> None:
        """Gives back what was not used, and takes what was used beyond that."""
        if exchange.taken:
            self._leases.settle([(lease, amount, _used(lease, exchange.usage)) for lease, amount in exchange.taken])

    def pass_on(self, exchange: Exchange) -> None:
        """Gives back what the replica that answers takes itself; what is used here all the same is settled later."""
        twice = [(lease, amount) for lease, amount in exchange.taken if lease.account.kind in AMOUNTS]
        self._leases.settle([(lease, amount, 0.0) for lease, amount in twice])
        exchange.taken = [(lease, 0.0 if (lease, amount) in twice else amount) for lease, amount in exchange.taken]

    def bounds(self, key: Key | None) -> Bounds:
        """Of a request; a body that was passed on was looked at before, and may have been written longer since."""
        if key is None:
            return BOUNDLESS
        bounds = Bounds.of(self._of(key))
        return replace(bounds, body=math.inf) if key.passed else bounds

    def _of(self, key: Key) -> Limits:
        """What the key says of the model goes before what the model says."""
        if key is SERVICE:
            return NONE
        own = key.limits.get(self.model)
        return self.limits if own is None else _laid(own, self.limits)

    def _amounts(self, key: Key) -> Iterator[tuple[str, float]]:
        """Kinds and limits."""
        limits = self._of(key)
        for kind in AMOUNTS if key.passed else (*USED, AT_ONCE):
            limit = getattr(limits, FIELDS[kind])
            if limit is not None:
                yield kind, limit

    def _refusal(self, key: Key, exhausted: Exhausted) -> Limited:
        lease, seconds = exhausted.lease, math.ceil(exhausted.seconds)
        word = "requests at once" if lease.held else f"{lease.account.kind} per minute".replace("-", " ")
        return Limited(
            f"the key {key.name!r} has its {lease.limit:g} {word} of model {self.model!r}; send this one again in "
            f"{seconds} s",
            retry_after=seconds,
        )


NONE = Limits()
AMOUNTS = [kind for kind in USED if kind != "requests"]
"""What is counted where a request is answered, and not where it was passed on from."""
FIELDS = {kind: f"{kind}_per_minute".replace("-", "_") for kind in USED} | {AT_ONCE: "requests_at_once"}


@lru_cache(1024)
def _laid(own: Limits, over: Limits) -> Limits:
    return over.model_copy(update=own.model_dump(exclude_none=True))


def _used(lease: Lease, usage: Usage) -> float:
    return 1.0 if lease.held else USED[lease.account.kind](usage)


def _headers(lease: Lease, seconds: float) -> Iterator[tuple[bytes, bytes]]:
    """In so many seconds there is enough again, or all of it."""
    kind = lease.account.kind.encode()
    yield b"x-ratelimit-limit-" + kind, b"%d" % lease.limit
    yield b"x-ratelimit-remaining-" + kind, b"%d" % max(0, lease.remaining)
    yield b"x-ratelimit-reset-" + kind, b"%ds" % math.ceil(seconds)
