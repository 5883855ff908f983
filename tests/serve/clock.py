"""A time of the test's own, in the place of a module's `time`."""


class Clock:
    """Stands until a test moves `now`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now
