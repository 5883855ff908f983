"""Memory that all requests share: sizes of what they hold go in, a refusal comes out when there is too much at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serve.errors import Overloaded

RETRY_AFTER = 1
Hold = Callable[[int], None]
"""Takes so many bytes more; raises Overloaded when there is no room for them."""


class Room:
    """For `most` bytes."""

    def __init__(self, most: int) -> None:
        self.taken = 0
        self._most = most

    @contextmanager
    def one(self) -> Iterator[Hold]:
        """Of one request, which gives all back at its end."""
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            if self.taken + size > self._most:
                raise Overloaded(
                    f"all requests here hold {self.taken} bytes and may hold {self._most}; send this one again later, "
                    "or to the model's own path, where it is not held",
                    retry_after=RETRY_AFTER,
                )
            self.taken += size
            mine += size

        try:
            yield hold
        finally:
            self.taken -= mine
