"""A request's body, kept while it is read: messages of the client go in, and can be had again from the first.

Who reads it here would read it to its end whoever waits for it, so what is longer than is kept waits with the client.
"""

from collections.abc import Awaitable, Callable

from serve.asgi import Message, Receive

MOST = 2**20  # Bytes, as many may wait at once.


class Kept:
    """What `receive` gives, of one request; the rest of a long one once `wanted` has returned."""

    def __init__(self, receive: Receive, wanted: Callable[[], Awaitable[object]]) -> None:
        self._receive = receive
        self._wanted = wanted
        self._messages: list[Message] = []
        self._size = 0
        self._waits = True  # Until it is wanted, or all is read: then only that the client leaves may come.
        self.left = False
        """Whether the client has."""

    @property
    def whole(self) -> bool:
        """Whether all that was read is here still."""
        return self._size <= MOST

    def again(self) -> Receive:
        """From the first message on."""
        before = iter(tuple(self._messages))

        async def receive() -> Message:
            message = next(before, None)
            return message or await self._next()

        return receive

    async def _next(self) -> Message:
        if self._waits and not self.whole:
            await self._wanted()
            self._waits = False
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._waits &= message.get("more_body", False)
            self._messages.append(message)
            if not self.whole:
                self._messages.clear()
        else:
            self.left = True
        return message
