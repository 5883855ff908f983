"""How long a request waits while its model has no replica: a request goes in, the model's answer or a 503 comes out.

A lone replica is stopped before its successor starts; meanwhile HAProxy sends requests to Serve's own proxy, on the
head, which lets them wait for ever. There this middleware tells a client after `queueTimeout` to come back, and at once
that a model is unavailable which was given up because no node has its accelerator; and it sends a request again whose
replica has just died. Serve installs what `middlewares`
returns, named by RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH on every node.
"""

import asyncio
import math
import random
import threading
import time
from functools import partial
from typing import Any

from ray import serve as ray_serve
from ray.exceptions import RayError
from ray.serve.context import _get_global_client
from ray.serve.exceptions import RayServeException
from starlette.middleware import Middleware

from serve import gateway
from serve.asgi import ASGI, Receive, Scope, Send
from serve.errors import InferenceError, ModelStarting, ModelUnavailable, ended
from serve.front.exchange import Exchange
from serve.front.keys import Keys
from serve.kept import Kept
from serve.replicas import present
from serve.routing import answering
from serve.values import Served

WELL = "/-/healthz"  # By which Kubernetes asks for the proxy.
RETRY_AFTER = 5
RETRY_LATER = 60
BROUGHT_TO_NONE = {"AUTOSCALING", "DOWNSCALE_COMPLETED"}  # Not so after a node was lost, whose successor may be near.
PAUSE = 1.0
HANDLED_SECONDS = 1.0  # A request that took longer may be what its replica has died of.
LOOK_SECONDS = 0.5  # Most requests are answered before the first look, and cost nothing.


class Patience:
    """Wraps Serve's proxy."""

    def __init__(self, app: ASGI) -> None:
        self.app = app
        self.keys = Keys.of_environment()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        answer = Exchange(scope, send)
        model = scope["path"].lstrip("/").partition("/")[0]
        try:  # Nobody waits here, nor wakes a model that rests, without a key for it.
            key = self.keys.admit(scope, free=gateway.free(scope["path"]) or scope["path"] == WELL)
            if key and not key.may_ask(model) and await asyncio.to_thread(_is_model, model):
                key.must_be_for(model)
        except InferenceError as error:
            return await answer.fail(error)
        if answer.socket:
            return await self.app(scope, receive, send)
        body = Kept(receive, partial(_until_there, model))
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
        return None

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
            found = None if answer.started else await asyncio.to_thread(_lacking, model, waited)
            if found is not None:
                return found


class _Look:
    """What the controller knows, asked at most every LOOK_SECONDS however many requests wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = -math.inf
        self._applications: dict[str, Any] = {}

    def applications(self) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() - self._taken >= LOOK_SECONDS:
                self._applications = _get_global_client().get_serve_details()["applications"]
                self._taken = time.monotonic()
            return self._applications


LOOK = _Look()


def _is_model(name: str) -> bool:
    """Whether the name at the front of a path is that of a model, and not of one of the gateway's own paths."""
    try:
        return name in LOOK.applications()
    except (RayError, RayServeException):
        return False  # The replica looks too.


async def _until_there(model: str) -> None:
    """Until a replica of the model runs, or of the gateway."""
    while True:
        if await asyncio.to_thread(_is_there, model):
            return
        await asyncio.sleep(LOOK_SECONDS)


def _is_there(model: str) -> bool:
    try:
        application = _asked(model)
        return application is None or _answers(application)  # Serve refuses what it does not know.
    except (RayError, RayServeException):
        return False


def _asked(model: str) -> Any:
    """The application that answers for it; all that is no model's leads to the gateway."""
    applications = LOOK.applications()
    return applications.get(model) or applications.get("gateway")


def _lacking(model: str, waited: float) -> ModelUnavailable | None:
    """What to tell a client that has waited so many seconds; None while it may hope."""
    try:
        application = _asked(model)
        if application is None or _answers(application):
            return None
        config = application.get("deployed_app_config") or {}
        args = config.get("args", {})
        given_up = _given_up(application, args) if _has_policy(config) else None
        return given_up or _late(model, args, waited)
    except (RayError, RayServeException):  # The controller is away for a moment; waiting goes on.
        return None


def _answers(application: dict[str, Any]) -> bool:
    deployments = answering(application["deployments"])
    return any(replica["state"] == "RUNNING" for deployment in deployments for replica in deployment["replicas"])


def _has_policy(config: dict[str, Any]) -> bool:
    """Whether the chart named ours; where KubeRay's autoscaler adds nodes, it comes to a model's aid."""
    return any("policy" in (one.get("autoscaling_config") or {}) for one in config.get("deployments", ()))


def _given_up(application: dict[str, Any], args: dict[str, Any]) -> ModelUnavailable | None:
    """Serve wants no replica, as no node has had the accelerator for long (serve/replicas.py)."""
    accelerator = args.get("placement", {}).get("accelerator")
    triggers = {deployment["status_trigger"] for deployment in answering(application["deployments"])}
    if application["status"] != "RUNNING" or not triggers & BROUGHT_TO_NONE or not accelerator or present(accelerator):
        return None
    said = f"model {args['model']!r}: no node has accelerator {accelerator!r}; the model starts when one joins"
    return ModelUnavailable(said, retry_after=RETRY_LATER)


def _late(model: str, args: dict[str, Any], waited: float) -> ModelStarting | None:
    bound = float(args.get("queueTimeout", Served.model_fields["queue_timeout"].default))
    if waited < bound:
        return None
    said = f"model {model!r} has had no replica for {bound:g} seconds; send the request again later"
    return ModelStarting(said, retry_after=RETRY_AFTER)


def middlewares() -> list[Middleware]:
    """For Serve's proxy; none in a replica, which Serve asks too."""
    try:
        ray_serve.get_replica_context()
    except RayServeException:
        return [Middleware(Patience)]
    return []
