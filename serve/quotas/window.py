"""What was used in the last minute: amounts go in with their time, their sum comes out. Times in seconds."""

from collections import deque

from serve.quotas import LEASE_SECONDS, SECONDS

SLOT = 0.25
AGE = SECONDS + LEASE_SECONDS + SLOT
"""After which none of a slot can have been spent within the minute."""


class Window:
    """Slides by a slot, so that in no minute more is used than is allowed, whenever it begins."""

    def __init__(self) -> None:
        self._slots: deque[tuple[float, float]] = deque()  # When each begins, and how much is in it.
        self._used = 0.0

    def used(self, now: float) -> float:
        while self._slots and self._slots[0][0] <= now - AGE:
            self._used -= self._slots.popleft()[1]
        return self._used

    def add(self, amount: float, now: float) -> None:
        self._used += amount
        slot = now - now % SLOT
        if self._slots and self._slots[-1][0] >= slot:
            slot, last = self._slots.pop()
            amount += last
        self._slots.append((slot, amount))

    def take_back(self, amount: float, at: float) -> None:
        """Of what was added then, so that nothing that was spent later counts as older; where that is less, of others.

        An estimate that was too high comes back when its request has ended.
        """
        last = len(self._slots) - 1
        then = next((place for place in range(last, -1, -1) if self._slots[place][0] <= at), -1)
        for place in (*range(then, -1, -1), *range(last, then, -1)):
            slot, there = self._slots[place]
            taken = min(there, amount)
            self._slots[place] = (slot, there - taken)
            self._used -= taken
            amount -= taken
            if amount <= 0:
                return

    def wait(self, excess: float, now: float) -> float:
        """Seconds until so much of it is a minute old."""
        for slot, amount in self._slots:
            excess -= amount
            if excess <= 0:
                return max(0.0, slot + AGE - now)
        return float(SECONDS)
