"""The front door of every replica, the gateway's too: an ASGI request goes in, the task's application answers.

It asks for a key, bounds the body and the requests at once, and turns every exception into OpenAI's error shape, so
that tasks only raise. It is plain ASGI and looks at no chunk of an answer: what streams, streams untouched.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from starlette.middleware.cors import CORSMiddleware

from serve.asgi import ASGI, Message, Receive, Scope, Send, header
from serve.errors import InferenceError, Overloaded, TimedOut, TooLarge, failed
from serve.front import bounds
from serve.front.deadline import CURRENT, Deadline
from serve.front.exchange import Exchange
from serve.front.keys import Keys
from serve.front.limiter import Limiter
from serve.front.trace import Trace

logger = logging.getLogger("ray.serve")
RETRY_AFTER = 1
LEFT_CODE = "client_left"
Free = Callable[[str], bool]
Watch = Callable[[Exchange], None]
"""Is told of each exchange when it is over."""


def health(path: str) -> bool:
    """The one path of a model that who brings no key may ask, to be told less."""
    return path == "/health"


class Front:
    """Wraps `app`, of `model` or of all; `free` says for which paths a key is not needed.

    `max_body` in bytes; `max_requests` at once, and the seconds that a request may wait to be begun and take in all,
    None for no bound.
    """

    def __init__(
        self,
        app: ASGI,
        keys: Keys,
        *,
        max_body: int,
        max_requests: int | None = None,
        queue_timeout: float | None = None,
        request_timeout: float | None = None,
        model: str | None = None,
        free: Free = health,
        limiter: Limiter | None = None,
        trace: Trace | None = None,
        watches: Sequence[Watch] = (),
    ) -> None:
        self.app = app
        self.keys = keys
        self.model = model
        self.free = free
        self.limiter = limiter
        self.trace = trace
        self.watches: Sequence[Watch] = watches if trace is None else (*watches, trace)
        self.max_body = max_body
        self.max_requests = max_requests
        self.queue_timeout = queue_timeout
        self.request_timeout = request_timeout
        self.requests = 0
        self._cors: ASGI | None = None

    def allow(self, origins: Sequence[str]) -> None:
        """Lets pages of these origins read answers in a browser, which asks for that before it sends a key."""
        self._cors = CORSMiddleware(self._serve, origins, allow_methods=["*"], allow_headers=["*"]) if origins else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif self._cors and header(scope, b"origin"):
            await self._cors(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, send)
        exchange.attach(scope)
        if self.trace:
            self.trace.begin(scope, exchange)
        try:
            exchange.key = self.keys.admit(scope, self.model, free=self.free(exchange.path))
            await self._count(scope, receive, exchange)
            if exchange.refusal is not None:
                raise exchange.refusal
        except InferenceError as error:
            await exchange.fail(exchange.refusal or error)
        except asyncio.CancelledError:
            if exchange.refusal is None or not exchange.refused():
                exchange.error = LEFT_CODE
                raise
            await exchange.fail(exchange.refusal)
        except Exception:
            logger.exception("request %s failed", exchange.request_id)
            if not exchange.ended:
                await exchange.fail(failed(exchange.request_id))
        finally:
            exchange.closed = time.monotonic()
            for watch in self.watches:
                watch(exchange)

    async def _count(self, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        """Counts the request for as long as it is worked on; asking for health is none."""
        counted = not exchange.asks_health
        self.requests += counted
        try:
            if counted and self.max_requests is not None and self.requests > self.max_requests:
                raise Overloaded(
                    f"{self.max_requests} requests are being worked on or wait; send this one again later",
                    retry_after=RETRY_AFTER,
                )
            with self._timed(exchange):
                await self._limit(scope, self._bounded(scope, receive, exchange), exchange)
        finally:
            self.requests -= counted

    @contextmanager
    def _timed(self, exchange: Exchange) -> Iterator[None]:
        """Refuses the request when its time is over."""
        if self.queue_timeout is not None:
            CURRENT.set(Deadline(self.model or exchange.path, self.queue_timeout, exchange.refuse))
        alarm = None
        if self.request_timeout is not None:
            said = f"the answer was not whole after {self.request_timeout:g} seconds, this model's requestTimeout"
            alarm = asyncio.get_running_loop().call_later(self.request_timeout, exchange.refuse, TimedOut(said))
        try:
            yield
        finally:
            if alarm:
                alarm.cancel()

    async def _limit(self, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        """Takes from the limits of the key what the request uses."""
        if self.limiter:
            await self.limiter.take(exchange)
        try:
            await self.app(scope, receive, exchange.send)
        finally:
            exchange.usage.close()
            if self.limiter:
                self.limiter.settle(exchange)

    def _bounded(self, scope: Scope, receive: Receive, exchange: Exchange) -> Receive:
        declared = header(scope, b"content-length")
        own = self.limiter.bounds(exchange.key) if self.limiter else bounds.BOUNDLESS
        bounds.CURRENT.set(own)
        left, whose = min((self.max_body, "this model's"), (own.body, "your key's"))
        too_large = TooLarge(f"the body is larger than {left} bytes, {whose} maxBody")
        if declared.isdigit() and int(declared) > left:
            raise too_large

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            size = len(message.get("body", b""))
            exchange.received += size
            left -= size
            if left < 0:
                exchange.refusal = too_large  # Frameworks make a plain 400 of what is raised here.
                raise too_large
            return message

        return bounded
