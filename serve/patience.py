"""How long a request waits while its model has no replica: a request goes in, the model's answer or a 503 comes out.

A lone replica is stopped before its successor starts; meanwhile HAProxy sends requests to Serve's own proxy, on the
head, which lets as many as come wait for ever. There this middleware tells a client after `queueTimeout` to come back,
and at once that a model is unavailable which was given up because no node has its accelerator, or that as many wait as
a replica takes; and it sends a request again whose replica has just died. Serve installs what `middlewares` returns,
named by RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH on every node.
"""

import asyncio
import random
import time
from collections import Counter
from functools import partial

from ray import serve as ray_serve
from ray.serve.exceptions import RayServeException
from starlette.middleware import Middleware

from serve import absence
from serve.absence import LOOK_SECONDS, RETRY_AFTER
from serve.asgi import ASGI, Receive, Scope, Send
from serve.errors import InferenceError, ModelUnavailable, Overloaded, ended
from serve.front.exchange import Exchange
from serve.front.keys import Keys
from serve.kept import Kept
from serve.overview import free

WELL = "/-/healthz"  # By which Kubernetes asks for the proxy.
PAUSE = 1.0
HANDLED_SECONDS = 1.0  # A request that took longer may be what its replica has died of.


class Patience:
    """Wraps Serve's proxy."""

    def __init__(self, app: ASGI) -> None:
        self.app = app
        self.keys = Keys.of_environment()
        self.requests = Counter[str]()
        """That are here, by their model."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        answer = Exchange(scope, send)
        model = scope["path"].lstrip("/").partition("/")[0]
        try:  # Nobody waits here, nor wakes a model that rests, without a key for it.
            key = self.keys.admit(scope, free=free(scope["path"]) or scope["path"] == WELL)
            if key and not key.may_ask(model) and await asyncio.to_thread(absence.is_model, model):
                key.must_be_for(model)
            if counts := scope["path"] not in (WELL, f"/{model}/health") and not answer.socket:
                await self._must_have_room(model)
        except InferenceError as error:
            return await answer.fail(error)
        if answer.socket:
            return await self.app(scope, receive, send)
        self.requests[model] += counts
        try:
            return await self._patiently(scope, Kept(receive, partial(_until_there, model)), answer, model)
        finally:
            self.requests[model] -= counts
            if not self.requests[model]:
                del self.requests[model]  # Names are as clients write them.

    async def _must_have_room(self, model: str) -> None:
        """Raises Overloaded when there is no replica, and one would refuse."""
        if not self.requests[model]:
            return
        most = await asyncio.to_thread(absence.most, model)
        if most is not None and self.requests[model] >= most:
            said = f"model {model!r} has no replica, and {most} requests wait for one; send this one again later"
            raise Overloaded(said, retry_after=RETRY_AFTER)

    async def _patiently(self, scope: Scope, body: Kept, answer: Exchange, model: str) -> None:
        """Until the request is answered, or nobody may hope for that."""
        request = asyncio.create_task(self._ask(scope, body, answer))
        waiting = asyncio.create_task(self._until_hopeless(model, answer))
        try:
            await asyncio.wait({request, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not request.done() and not answer.started:
                await answer.fail(waiting.result())
            else:
                await request
        finally:
            waiting.cancel()
            request.cancel()

    async def _ask(self, scope: Scope, body: Kept, answer: Exchange) -> None:
        """Again, while Serve ends without an answer: it chose a replica that was dead, and learns that by and by."""
        handled = 0
        while True:
            began = time.monotonic()
            await self.app({**scope, "headers": list(scope["headers"])}, body.again(), answer.send)
            handled += time.monotonic() - began > HANDLED_SECONDS
            if answer.started or body.left:
                return None
            if not body.whole or handled > 1:
                return await answer.fail(ended(RETRY_AFTER))
            await asyncio.sleep(random.uniform(0, PAUSE))  # noqa: S311

    async def _until_hopeless(self, model: str, answer: Exchange) -> ModelUnavailable:
        """Ends when the model is given up or has had no replica for its queueTimeout; never, once it answers."""
        waited = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            found = None if answer.started else await asyncio.to_thread(absence.lacking, model, waited)
            if found is not None:
                return found


async def _until_there(model: str) -> None:
    """Until a replica of the model runs, or of the gateway."""
    while True:
        if await asyncio.to_thread(absence.is_there, model):
            return
        await asyncio.sleep(LOOK_SECONDS)


def middlewares() -> list[Middleware]:
    """For Serve's proxy; none in a replica, which Serve asks too."""
    try:
        ray_serve.get_replica_context()
    except RayServeException:
        return [Middleware(Patience)]
    return []
