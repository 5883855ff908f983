"""What a replica may use of one account without asking: grants go in, requests take from it."""

import math
from collections.abc import Sequence

from serve.quotas import AT_ONCE, LEASE_SECONDS, Account, Ask, Grant

AHEAD_SECONDS = 1.0
"""Of requests as they come now a lease is for, ..."""
LOW = 0.3
"""...and when so little of that is left it asks for the next before its time."""
MEMORY = 0.5
"""Weight of the newest in what is expected."""
SPARE_SECONDS = 5.0
"""So long at least it keeps room for as much as came at most, that a burst need not wait, and for one request, ..."""
PLENTY = 0.2
"""...but no more of the limit than this, and while so much is left for all. Then it is missing elsewhere..."""
MANY = 10
"""...and matters, unless there are so many requests in a second."""
SMALL = 0.05
"""Of what is spent: where a request is more of the limit, none is kept for the next, which may come elsewhere."""
MORE = 1.25
"""Times what was held at most: who is answered asks again before what it held is given back."""
PATIENCE_SECONDS = 1.0
"""So long at most a refusal is believed: others may give something back."""


class Lease:
    """`limit` of `account`; `credit` of it is here. Times are on one clock, in seconds."""

    def __init__(self, account: Account, limit: float) -> None:
        self.account = account
        self.limit = limit
        self.held = account.kind == AT_ONCE
        """Whether what is used is given back."""
        self.credit = 0.0
        self.remaining = limit
        """What all have left, as it was said last, less what was used here since."""
        self.waiting = 0
        """Requests that wait for a grant."""
        self._cost = 1.0  # Of a request, as the last ones were.
        self._expected = 0.0  # Used in a second; of what is held, the most at once.
        self._taken = 0.0  # Since the last tick; of what is held, the most at once.
        self._most = 0.0  # The most that was so used since a while, ...
        self._most_for = 0.0  # ...which has been so long, ...
        self._most_before = 0.0  # ...and the most in the one before it.
        self._held = 0.0
        self._given = 0.0
        self._asked_at = -math.inf
        self._since = -math.inf  # When what is here was asked for.
        self._used_at = -math.inf
        self._wait = 0.0
        self._told_at = -math.inf

    @property
    def cost(self) -> float:
        """What one request is expected to use."""
        return min(self._cost, self.limit)

    def has_room(self, now: float) -> bool:
        """Of what is spent, an old lease counts no more: the minute that it was of may be over for the others."""
        return self.credit >= self.cost and (self.held or now - self._since <= LEASE_SECONDS)

    def refused(self, now: float) -> float:
        """Seconds until there is enough; 0 where asking is worth it."""
        passed = now - self._told_at
        return max(0.0, self._wait - passed) if passed < PATIENCE_SECONDS else 0.0

    def take(self, now: float) -> float:
        """What one request is expected to use, until it is settled."""
        cost = self.cost
        self._use(cost)
        self._held += cost
        self._taken = max(self._taken, self._held) if self.held else self._taken + cost
        self._used_at = now
        return cost

    def settle(self, taken: float, used: float) -> None:
        """It took so much and has used so much."""
        self._held -= taken
        if self.held:
            self._use(-taken)
            return
        self._use(used - taken)
        self._taken += used - taken  # Nothing, where it was passed on.
        if used:  # A request that failed, or was passed on, says nothing of the others.
            self._cost += MEMORY * (max(1.0, used) - self._cost)

    def ask(self, now: float) -> Ask:
        """What there is to say of it: all is given back for as much as is needed, so that no lease is old."""
        need = max(self._ahead(now), self.waiting * self.cost)
        least = self.cost if self.waiting and not self.has_room(now) else 0.0
        want = min(need, max(0.0, self.credit)) if self.refused(now) else need
        self._given, self._asked_at = self.credit, now
        return Ask(self.account, self.limit, least, want, max(0.0, -self.credit), max(0.0, self.credit), self._held)

    def granted(self, grant: Grant, now: float) -> None:
        """The answer to what was asked last."""
        self.credit += grant.credit - self._given
        self.remaining = grant.remaining + self.credit
        self._since = self._asked_at
        self._wait, self._told_at = grant.wait, now

    def tick(self, seconds: float) -> None:
        """So much time has passed since the last."""
        newest = self._taken if self.held else max(0.0, self._taken) / seconds
        self._expected += MEMORY * (newest - self._expected)
        self._taken = self._held if self.held else 0.0
        self._most, self._most_for = max(self._most, newest), self._most_for + seconds
        if self._most_for > SPARE_SECONDS:
            self._most_before, self._most, self._most_for = self._most, 0.0, 0.0
        if self._ahead(math.inf) < self.cost:
            self._expected = self._most = self._most_before = 0.0

    def low(self, now: float) -> bool:
        """Whether it should ask before anybody waits."""
        return self.credit < LOW * self._ahead(now) and not self.refused(now)

    def idle(self, now: float) -> bool:
        """Whether there is nothing to say of it, and nothing to remember."""
        recent = now - self._used_at < SPARE_SECONDS
        return not (recent or self._ahead(now) or self._held or self._taken or self.credit or self.waiting)

    def _ahead(self, now: float) -> float:
        """How much of it should be here."""
        expected = self._expected * AHEAD_SECONDS
        if self.remaining - self.cost <= PLENTY * self.limit:
            return 0.0 if self.held or expected < MANY * self.cost else expected
        if self.cost > SMALL * self.limit and not self.held:
            return 0.0
        most = max(self._most, self._most_before)
        room = MORE * most - self._held if self.held else most * AHEAD_SECONDS
        return max(min(room, PLENTY * self.limit), self.cost if now - self._used_at < SPARE_SECONDS else 0.0)

    def _use(self, amount: float) -> None:
        self.credit -= amount
        self.remaining -= amount


Taken = Sequence[tuple[Lease, float]]
"""What a request uses of each."""
