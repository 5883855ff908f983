"""One request and its answer: messages of the application go in, they reach the client, and what was said is known.

It is in the scope, so that whoever answers knows who asks.
"""

import json
from typing import Self

from serve.asgi import Message, Scope, Send, header, send_json
from serve.errors import InferenceError
from serve.front.keys import Key

PLACE = "ai_inference.exchange"


class Exchange:
    """Sends what the application sends, and knows whether a status can still be chosen."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.forward = send
        self.socket = scope["type"] == "websocket"
        self.key: Key | None = None
        self.started = False
        self.ended = False
        self.refusal: InferenceError | None = None
        self.request_id = header(scope, b"x-request-id").decode("latin-1")  # Serve gives every request one.
        scope[PLACE] = self

    @classmethod
    def of(cls, scope: Scope) -> Self:
        """That of a request which came through a front."""
        found: Self = scope[PLACE]
        return found

    async def send(self, message: Message) -> None:
        if self.refusal is None or self.started:
            self.started = True
            self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await self.forward(message)

    async def fail(self, error: InferenceError) -> None:
        """Answers with the error; raises it when the answer has begun, so that the client sees it broken."""
        if self.started:
            raise error
        if self.socket:
            await self.forward({"type": "websocket.close"})  # Before it is accepted: servers answer 403.
        else:
            await send_json(self.forward, json.dumps(error.body()).encode(), error.status, error.headers())
