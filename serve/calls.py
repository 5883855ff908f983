"""The gateway's calls of models: a request for a model goes in, its answer comes out, or soon a reason why not.

What breaks before anything was answered is tried again after a pause of chance, as Serve's proxy starts anew now and
then; a model that nobody answers for is spared for a while (circuit.py). That a replica has ended while it worked on a
request, the proxy says in a text of its own: such a request is tried once more, as it may be what replicas die of, and
then clients hear it in OpenAI's shape.
"""

import asyncio
import random
from http import HTTPStatus

from serve.asgi import Message, Scope, Send
from serve.circuit import Circuit
from serve.errors import ModelUnavailable, ended
from serve.forward import Forwarder
from serve.wanted import Body

TRIES = 3
PAUSE = 0.2
"""Seconds, before the first try again; twice as long before the next."""
RETRY_AFTER = 1


class Calls:
    """Of all models."""

    def __init__(self) -> None:
        self._circuits: dict[str, Circuit] = {}

    def spared(self) -> set[str]:
        """The models whose circuit is open."""
        return {model for model, circuit in self._circuits.items() if circuit.open}

    async def call(self, forwarder: Forwarder, model: str, scope: Scope, path: str, body: Body, send: Send) -> None:
        """Raises ModelUnavailable, also when the answer has begun and breaks."""
        circuit = self._circuits.setdefault(model, Circuit(model))
        circuit.enter()
        answer = _Answer(send)
        answered: bool | None = None
        try:
            await self._tried(forwarder, scope, f"/{model}{path}", body, answer)
            answered = answer.well
        except ModelUnavailable:
            answered = None if answer.begun or answer.ended else False
            raise
        finally:
            circuit.leave(answered)

    async def _tried(self, forwarder: Forwarder, scope: Scope, path: str, body: Body, answer: "_Answer") -> None:
        again = TRIES if body is None or isinstance(body, bytes) else 1  # What streams is gone once it was sent.
        pause = PAUSE
        while True:
            again -= 1
            try:
                return await forwarder.forward(scope, path, body, answer.send)
            except ModelUnavailable:
                if answer.begun or not again or answer.ended > 1:
                    raise
            await asyncio.sleep(random.uniform(0, pause))  # noqa: S311
            pause *= 2


class _Answer:
    """Passes on what the model answers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        self.ended = 0
        """How many replicas have ended while they worked on it."""
        self.well: bool | None = True
        """None where it may be the proxy's."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            if message["status"] == 500 and headers.get(b"content-type", b"").startswith(b"text/plain"):
                self.ended += 1
                raise ended(RETRY_AFTER)
            self.begun = True
            self.well = message["status"] != 503 or b"retry-after" not in headers
            if message["status"] == HTTPStatus.TOO_MANY_REQUESTS:
                self.well = None
        await self._send(message)
