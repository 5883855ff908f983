"""The one place: an actor on the head, to which replicas say what they need and have, and which says what they get."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import ray

from serve.quotas import AT_ONCE, Account, Ask, Grant
from serve.quotas.window import Window

NAME, NAMESPACE = "ai-inference-quotas", "serve"
PLACE = {"head": 0.001}
RETRY_SECONDS = 1.0
"""After which what others hold and do not use is back."""
GONE_SECONDS = 5.0
"""After which a replica that says nothing more has ended, and with it what it held."""


class Quotas:
    """What is used of each account."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows = defaultdict[Account, Window](Window)
        self._known = defaultdict[Account, dict[str, tuple[float, float]]](dict)
        """By replica: how much it holds, and when it said so."""

    def trade(self, replica: str, asks: Sequence[Ask]) -> list[Grant]:
        """An answer to each of what `replica` says."""
        return [(self._hold if ask.account.kind == AT_ONCE else self._spend)(replica, ask) for ask in asks]

    def _spend(self, replica: str, ask: Ask) -> Grant:
        now = self._clock()
        window = self._windows[ask.account]
        if ask.back:
            window.take_back(ask.back, self._known[ask.account].get(replica, (0.0, now))[1])
        if ask.spent:
            window.add(ask.spent, now)
        left = ask.limit - window.used(now)
        others = self._others(replica, ask, now)
        credit = _share(ask, left, others)
        if credit:
            window.add(credit, now)
        self._known[ask.account][replica] = (credit, now)
        least = max(ask.least, 1.0)
        enough = RETRY_SECONDS if left + sum(others) >= least else window.wait(least - left, now)
        return Grant(credit, max(0.0, left - credit), enough if _short(ask, left) else 0.0)

    def _hold(self, replica: str, ask: Ask) -> Grant:
        now = self._clock()
        others = self._others(replica, ask, now)
        left = ask.limit - ask.holds - sum(others)
        credit = _share(ask, left, others)
        self._known[ask.account][replica] = (ask.holds + credit, now)
        return Grant(credit, max(0.0, left - credit), RETRY_SECONDS if _short(ask, left) else 0.0)

    def _others(self, replica: str, ask: Ask, now: float) -> Sequence[float]:
        """What those hold that share the account; who has ended is forgotten."""
        known = self._known[ask.account]
        for name in [name for name, (_, said) in known.items() if now - said > GONE_SECONDS]:
            del known[name]
        return [held for name, (held, _) in known.items() if name != replica]


def _short(ask: Ask, left: float) -> bool:
    """Whether something is asked for, and there is none or too little."""
    return bool(ask.least or ask.want) and (left <= 0 or left < ask.least)


def _share(ask: Ask, left: float, others: Sequence[float]) -> float:
    """What is wanted, but of what is left no more than a part, so that something is there for the others."""
    if _short(ask, left):
        return 0.0
    return max(0.0, min(left, max(ask.least, min(ask.want, left / (1 + len(others))))))


def quotas() -> Any:
    """The actor, which the first replica that has limits starts."""
    options = {"name": NAME, "namespace": NAMESPACE, "get_if_exists": True, "lifetime": "detached", "max_restarts": -1}
    return ray.remote(Quotas).options(num_cpus=0, resources=PLACE, **options).remote()
