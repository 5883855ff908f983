"""`<key>:<id>` before a model's own application: a request goes in, an adapter or a small model of that id answers it.

The id comes in the name, or in Ray's header `serve_multiplexed_model_id`. A replica holds a few and loads them from
their store at the first request. So that they are not loaded everywhere, one that is not held here is passed on to the
replica that it belongs to (serve/siblings.py); where that has no room for the request, it is answered here.
"""

import json
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote

from serve import wanted
from serve.asgi import ASGI, Message, Receive, Scope, Send, header
from serve.errors import BadRequest, ModelUnavailable, UnknownModel
from serve.forward import Forwarder
from serve.front import keys
from serve.front.exchange import Exchange
from serve.front.key import SERVICE
from serve.front.keys import Keys
from serve.front.limiter import Limiter
from serve.shelf import Shelf
from serve.siblings import Siblings
from serve.store import Store

ID = re.compile(r"[A-Za-z0-9][-A-Za-z0-9._]{0,95}")
HEADERS = (b"serve_multiplexed_model_id", b"serve-multiplexed-model-id")  # Ray's, and as some proxies rewrite it.
PASSED = b"x-ai-inference-passed"  # From a sibling: it is answered here, or two would send it to and fro.
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNAUTHORIZED)
"""The last where a sibling has heard of other keys already, or not yet."""

RATE_PREFIX = b"x-ratelimit-"  # Headers of a key's limits, of which this replica has its own.
OTHERS = {*keys.HEADERS, keys.FOR}
"""What who sends a request says of themselves."""


class Loader(Protocol):
    """Makes of what the store has what answers."""

    async def load(self, id: str) -> ASGI:
        """The application for an id, which it answers until it is dropped."""

    async def drop(self, id: str, app: ASGI) -> None:
        """Gives back what `load` took."""


class Adapted:
    """Wraps the application of a model served as `names`, its key first, which holds `most` of a store."""

    def __init__(
        self,
        app: ASGI,
        names: Sequence[str],
        most: int,
        store: Store,
        loader: Loader,
        *,
        known: Keys,
        limiter: Limiter,
    ) -> None:
        self.app = app
        self.names = names
        self.store = store
        self.shelf: Shelf[ASGI] = Shelf(most, loader.load, loader.drop)
        self.passed = 0
        self._siblings = Siblings()
        self._forwarder = Forwarder()
        self._keys = known
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        name, body = await wanted.model(scope, receive)
        id = self._id(scope, name)
        if id is None:
            await self.app(scope, wanted.replayed(body, receive), send)
            return
        scope, body = _named(scope, body, self.store.name(id))
        if not await self._pass_on(id, scope, body, send):
            if id not in self.shelf.ids():  # What the store has not must not take the place of what is held.
                await self.store.folder(id)
            async with self.shelf.held(id) as app:
                await app(scope, wanted.replayed(body, receive), send)

    def state(self) -> dict[str, Any]:
        """What is held, and how it came so since this replica started."""
        shelf = self.shelf
        return {"held": shelf.ids(), "loaded": shelf.loaded, "evicted": shelf.evicted, "passedOn": self.passed}

    def _id(self, scope: Scope, name: str | None) -> str | None:
        """What the request asks for beside the model itself; raises UnknownModel for what can be no id."""
        if name in self.names or name is None:
            id = next((value.decode("latin-1") for key in HEADERS if (value := header(scope, key))), None)
        else:
            served, _, id = name.rpartition(":")
            if served not in self.names:
                return None  # Whatever it is, the application knows what to say.
        if id is not None and not ID.fullmatch(id):
            raise UnknownModel(f"{id!r} can be no adapter's id: letters, digits and -._ make one", param="model")
        return id

    async def _pass_on(self, id: str, scope: Scope, body: wanted.Body, send: Send) -> bool:
        """Whether a sibling has answered. A body that is not read whole cannot be sent twice, so it stays here."""
        if id in self.shelf.ids() or header(scope, PASSED) or not isinstance(body, bytes):
            return False
        address = await self._siblings.owner(id)
        if address is None:
            return False
        self._limiter.pass_on(Exchange.of(scope))
        answer = _Answer(send)
        onward = {**scope, "headers": [*self._as_ours(scope), (PASSED, b"1")]}
        try:
            await self._forwarder.forward(onward, scope["path"], body, answer.send, address)
        except (_Busy, ModelUnavailable):
            if answer.started:
                raise
            return False
        self.passed += 1
        return True

    def _as_ours(self, scope: Scope) -> Iterator[tuple[bytes, bytes]]:
        """With the service's own key, as this replica has looked at the client's, and whose that is."""
        ours = self._keys.service()
        yield from ((name, value) for name, value in scope["headers"] if not ours or name not in OTHERS)
        yield from ((name.encode(), value.encode()) for name, value in ours.items())
        if ours and (key := Exchange.of(scope).key) is not None and key is not SERVICE:
            yield keys.FOR, quote(key.name).encode()


class _Busy(Exception):
    """A sibling has no room."""


class _Answer:
    """Sends what a sibling answers, unless that has no room; a limit of the key holds here too."""

    def __init__(self, send: Send) -> None:
        self.started = False
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            others = [(name, value) for name, value in message["headers"] if not name.startswith(RATE_PREFIX)]
            limited = message["status"] == HTTPStatus.TOO_MANY_REQUESTS and len(others) < len(message["headers"])
            if message["status"] in BUSY and not limited:
                raise _Busy
            message = {**message, "headers": others}
        self.started = True
        await self._send(message)


def _named(scope: Scope, body: wanted.Body, name: str) -> tuple[Scope, wanted.Body]:
    """The request as one for `name`; a form needs none, as an application that takes forms has one model."""
    if not isinstance(body, bytes) or header(scope, b"content-type").startswith(b"multipart/"):
        return scope, body
    asked = json.loads(body or b"{}")
    if not isinstance(asked, dict):
        raise BadRequest("the body must be a JSON object")
    whole = json.dumps({**asked, "model": name}).encode()
    kept = [(key, value) for key, value in scope["headers"] if key != b"content-length"]
    return {**scope, "headers": [*kept, (b"content-length", str(len(whole)).encode())]}, whole
