"""One request and its answer: messages of the application go in, they reach the client, and what was said is known.

It is in the scope, so that whoever answers knows who asks, and at its end it tells what there is to measure.
"""

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any, Self

from serve.asgi import Message, Scope, Send, header, route, send_json
from serve.errors import InferenceError
from serve.front.key import Key
from serve.front.usage import CURRENT, Usage
from serve.quotas.lease import Taken

PLACE = "ai_inference.exchange"
LEFT_STATUS = 499  # As nginx says that the client has gone before the answer's end.


class Exchange:
    """Sends what the application sends, and knows whether a status can still be chosen."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.forward = send
        self.socket = scope["type"] == "websocket"
        self.method: str = scope.get("method", "")
        self.path = route(scope)
        self.request_id = header(scope, b"x-request-id").decode("latin-1")  # Serve gives every request one.
        self.key: Key | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        """Added to those of the application."""
        self.taken: Taken = ()
        """Of the limits of the key, until it is settled."""
        self.usage = Usage()
        self.span: Any = None
        """Of the trace, where traces are wanted."""
        self.status = LEFT_STATUS
        self.error: str | None = None
        """Its code."""
        self.received = 0
        self.sent = 0
        """Bytes of the bodies."""
        self.began = time.monotonic()
        self.first: float | None = None
        """When the body began, and..."""
        self.closed = 0.0
        """...when all was done, on the clock of `began`."""
        self.started = False
        self.ended = False
        self.refusal: InferenceError | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def attach(self, scope: Scope) -> None:
        """Lets whoever answers know of it; not in Serve's proxy, which sends the scope to another process."""
        scope[PLACE] = self
        self._task = asyncio.current_task()
        CURRENT.set(self.usage)

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """That of a request which came through a front."""
        found: Self = scope[PLACE]
        return found

    @property
    def asks_health(self) -> bool:
        """Which is no request for a model, and comes every few seconds from many."""
        return self.path == "/health"

    @property
    def key_name(self) -> str | None:
        return None if self.key is None else self.key.name

    def refuse(self, error: InferenceError) -> None:
        """Ends what is done for it, as when the client leaves; its client hears the first error, or sees it break."""
        if self._cancelled:
            return
        self.refusal = error
        if self._task is not None:
            self._cancelled = True
            self._task.cancel()

    def refused(self) -> bool:
        """Whether its task was cancelled by `refuse` and by nobody else; the task then goes on."""
        return self.refusal is not None and self._task is not None and self._task.uncancel() == 0

    async def send(self, message: Message) -> None:
        if self.refusal is not None and not self.started:
            return
        if message["type"] == "http.response.body":
            self._count(message)
        elif message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            if self.headers:
                message = {**message, "headers": [*message.get("headers", ()), *self.headers]}
        else:
            self.started = True
            if message["type"] == "websocket.accept":
                self.status = HTTPStatus.SWITCHING_PROTOCOLS
        await self.forward(message)

    async def fail(self, error: InferenceError) -> None:
        """Answers with the error; raises it when the answer has begun, so that the client sees it broken.

        The status is then what it would have been, as nobody would hear of the failure otherwise.
        """
        self.error = error.word
        self.status = self.status if self.ended else error.status
        if self.started:
            raise error
        if self.socket:
            await self.forward({"type": "websocket.close"})  # Before it is accepted: servers answer 403.
        else:
            more = {name.decode(): value.decode() for name, value in self.headers}
            await send_json(self.forward, json.dumps(error.body()).encode(), error.status, {**more, **error.headers()})

    def _count(self, message: Message) -> None:
        self.sent += len(message.get("body", b""))
        self.ended = not message.get("more_body", False)
        if self.first is None:
            self.first = time.monotonic()
