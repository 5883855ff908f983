"""The decision: what each replica has to do goes in, and what the request is routed by; one of them comes out.

Consistent hashing with bounded loads (arxiv.org/abs/1608.01350): each key has an order of replicas, the same for every
router, of which one that comes or goes moves only its own; the first that has not clearly more to do than the others
gets the request. A beginning that some replica has had goes there first, the longest before shorter ones.
"""

import math
import random
from collections.abc import Iterable, Mapping, Sequence

from serve.siblings import ranked

FACTOR = 1.25  # Of the mean that a replica may have to do before others are asked, and
SLACK = 4  # beside that: a batch of a few is no burden, and the mean of few requests says little.

Loads = Mapping[str, int]


def by_beginning(seen: Iterable[str], first: int, loads: Loads) -> Sequence[str]:
    """Who should have a prompt: those who have `seen` most of it, then the order of its first block."""
    return list(dict.fromkeys([*(name for name in seen if name in loads), *ranked(str(first), loads)]))


def by_session(session: str, loads: Loads) -> Sequence[str]:
    return ranked(session, loads)


def chosen(order: Sequence[str], loads: Loads) -> str:
    """The first in order that has room; whoever has least to do is always one of those."""
    most = bound(loads)
    return next(name for name in order if loads.get(name, math.inf) <= most)


def idlest(loads: Loads) -> str:
    """One of those that have least to do."""
    least = min(loads.values())
    return random.choice([name for name, load in loads.items() if load == least])  # noqa: S311


def bound(loads: Loads) -> float:
    """What a replica may have to do and still be asked for more."""
    return FACTOR * sum(loads.values()) / len(loads) + SLACK
