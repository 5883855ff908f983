"""Limits that hold across replicas: what each asks for goes to one place, and leases of what is left come back.

A replica spends its lease without asking anybody, gets the next one while it has some left, and gives back what it does
not use, so that on the way of a request there is no call. Only where a lease is not enough a request waits for one
answer of that place, and is refused when there is nothing left.
"""

from typing import NamedTuple

SECONDS = 60
"""Of the window that limits are about."""
LEASE_SECONDS = 0.5
"""So old a lease may be when it is spent, ..."""
TICK_SECONDS = 0.4
"""...and so often it is exchanged, that being late now and then does not matter."""
AT_ONCE = "atOnce"
"""The kind that is held and given back; amounts of all others are spent."""


class Account(NamedTuple):
    """Whose, and of what."""

    key: str
    model: str
    kind: str


class Ask(NamedTuple):
    """What a replica says of an account."""

    account: Account
    limit: float
    least: float = 0
    """Less than this it cannot use."""
    want: float = 0
    """What it expects to use soon."""
    spent: float = 0
    """What it has used beyond its lease."""
    back: float = 0
    """What it has of its lease still, in exchange for what it gets."""
    holds: float = 0
    """What it uses now, of what is held."""


class Grant(NamedTuple):
    """What it is told."""

    credit: float
    """What it may use from now on."""
    remaining: float
    """What all replicas have left."""
    wait: float
    """Seconds until there is enough again, where there was not."""
