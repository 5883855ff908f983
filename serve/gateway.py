"""The application at `/`: requests by model name or by an alias's Host go in, the model's own answer comes out.

It also lists the models, tells the state of each, answers KServe's readiness paths, serves the page and says who takes
what of each card as metrics. Its table of models arrives by `user_config`, so that a change of models reconfigures the
running replica and does not replace it.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from ray import serve as ray_serve
from ray.serve import Application
from starlette.requests import Request

from serve import wanted
from serve.api import api, model_card
from serve.asgi import Receive, Scope, Send, header, route
from serve.calls import Calls
from serve.errors import ModelStarting, Unauthorized
from serve.forward import Forwarder
from serve.front.exchange import Exchange
from serve.front.front import Front
from serve.front.key import Key
from serve.front.keys import Keys
from serve.front.log import RequestLog
from serve.front.trace import Trace
from serve.metrics import cards, models, series, traffic
from serve.room import Hold, Room
from serve.states import State, states
from serve.table import Table, for_a_model
from serve.values import Closed

MAX_BODY = 2**30  # Each model has its own, smaller bound.
MAX_HELD = 2**29  # Bytes of all bodies whose model is not known yet, in the memory of the head.
PAGE = Path(__file__).parent / "page"
PIN = {"head": 0.001}  # One hop to the proxy, which the head always has.
RETRY_AFTER = 2
LOOK_SECONDS = 0.5
NAME = "gateway"
"""As the metrics call it, which no model may be called."""
FRESH = {"cache-control": "no-cache"}
READINESS = ("/v2/health/live", "/v2/health/ready")


def free(path: str) -> bool:
    """What browsers and probes ask without a key."""
    return path in ("/", "/health", *READINESS) or path.startswith("/page/")


def _canonical(path: str) -> str:
    """Without KServe's prefix."""
    return path.removeprefix("/openai") if path.startswith("/openai/") else path


def _key(scope: Scope) -> Key:
    """Of a request that may not come without one."""
    key = Exchange.of(scope).key
    if key is None:
        raise Unauthorized("the request brings no key; send `Authorization: Bearer KEY`")
    return key


def _as_written(scope: Scope, model: str) -> bool:
    """Whether the path begins with the model as the proxy looks for it, and not in another spelling."""
    raw: bytes = scope.get("raw_path") or b""
    return raw.startswith(f"/{model}".encode())


class _Fresh(StaticFiles):
    """Files that a browser asks for again after an upgrade; unchanged ones cost it a 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(FRESH)
        return response


class Args(Closed):
    """The gateway takes none: an argument that changed would replace its replica."""


class Gateway:
    """One replica, on the head."""

    async def __init__(self) -> None:  # type: ignore[misc]  # Serve awaits it
        self.table = Table()
        self.keys = Keys.of_environment()
        self.front: Front | None = None
        self.forwarder = Forwarder(self.table.address)
        self.calls = Calls()
        self.room = Room(MAX_HELD)
        self._look: asyncio.Task[dict[str, State]] | None = None
        self._looked = -math.inf

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Serve calls this with the new `user_config`, while requests go on."""
        self.table = Table.model_validate(config)
        self._look = None
        if self.front is not None:
            self.front.allow(self.table.origins)
        if self.table.address != self.forwarder.address:
            await self.forwarder.close()
            self.forwarder = Forwarder(self.table.address)

    async def __serve_build_asgi_app__(self) -> Front:
        own = self._own()

        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await own(scope, receive, send)
                return
            path = _canonical(route(scope))
            with self.room.one() as hold:
                if target := await self._target(scope, path, receive, hold):
                    model, body = target
                    await self.calls.call(self.forwarder, model, scope, path, body, send)
                else:
                    await own({**scope, "path": path}, receive, send)

        self.front = Front(
            choose,
            self.keys,
            free=free,
            max_body=MAX_BODY,
            trace=Trace(None),
            watches=[traffic.watch, RequestLog(None)],
        )
        self._says = asyncio.create_task(series.repeat(self._say))
        self.front.allow(self.table.origins)
        return self.front

    def _say(self) -> None:
        cards.say_ledger(self.table.ledger)
        models.say_table(self.table.models, self.calls.spared())
        models.say_keys(self.keys.known().values())
        traffic.say(NAME, NAME, self.front.requests if self.front else 0, 0)

    async def _target(self, scope: Scope, path: str, receive: Receive, hold: Hold) -> tuple[str, wanted.Body] | None:
        """The model that shall answer and the body for it; None for what the gateway answers itself.

        Raises Forbidden where the key is for others, as the request would wake one that rests, to be refused by it.
        """
        aliased = self.table.aliased(header(scope, b"host").decode("latin-1"))
        if aliased and path not in READINESS and not path.startswith(("/v1/models/", "/v2/models/")):
            if not free(path):
                _key(scope).must_be_for(aliased)
            return aliased, wanted.untouched(scope, receive)
        model = path.removeprefix("/").partition("/")[0]
        if model in self.table.models and _as_written(scope, model):  # Of which the proxy has not heard yet.
            raise ModelStarting(f"model {model!r} is starting; send the request again later", retry_after=RETRY_AFTER)
        if not for_a_model(path):
            return None
        name, body = await wanted.model(scope, receive, hold)
        return self.table.choose(name, path, _key(scope)), body

    def _own(self) -> FastAPI:
        """What the gateway answers itself."""
        app = api("ai-inference")
        app.get("/")(self.page)
        app.mount("/page", _Fresh(directory=PAGE))
        app.get("/health")(self.health)
        app.get("/v1/models")(self.models)
        app.get("/v1/models/{name:path}")(self.model)
        app.get("/v2/health/live")(self.live)
        app.get("/v2/health/ready")(self.ready)
        app.get("/v2/models/{name:path}/ready")(self.model_ready)
        return app

    async def page(self) -> FileResponse:
        return FileResponse(PAGE / "index.html", headers=FRESH)

    async def health(self, request: Request) -> dict[str, Any]:
        """Who brings no key hears only whether all is well, and who brings one also how those are that it may ask."""
        key, models = Exchange.of(request.scope).key, self.table.models
        found = await self._states(models)
        status = "ok" if all(state["status"] == "ok" for state in found.values()) else "degraded"
        if key is None:
            return {"status": status}
        shown = {
            model: {**entry.model_dump(include={"task", "names", "engine", "accelerator"}), **found[model]}
            for model, entry in models.items()
            if key.may_ask(model)
        }
        return {"status": status, "models": shown}

    async def models(self, request: Request) -> dict[str, Any]:
        """Those that the key may ask."""
        key = _key(request.scope)
        cards = [
            model_card(name, {"task": entry.task})
            for model, entry in self.table.models.items()
            for name in (model, *entry.names)
            if key.may_ask(model)
        ]
        return {"object": "list", "data": cards}

    async def model(self, name: str, request: Request) -> dict[str, Any]:
        """OpenAI's card, with `name` and `ready` as KServe's v1 protocol wants them."""
        model = self.table.known(name, _key(request.scope))
        ready = await self._all_ok([model])
        return model_card(name, {"task": self.table.models[model].task, "name": name, "ready": ready})

    async def live(self) -> dict[str, bool]:
        return {"live": True}

    async def ready(self) -> JSONResponse:
        ready = await self._all_ok(self.table.models)
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def model_ready(self, name: str, request: Request) -> JSONResponse:
        ready = await self._all_ok([self.table.known(name, _key(request.scope))])
        return JSONResponse({"name": name, "ready": ready}, 200 if ready else 503)

    async def _all_ok(self, models: Iterable[str]) -> bool:
        return all(state["status"] == "ok" for state in (await self._states(models)).values())

    async def _states(self, models: Iterable[str]) -> dict[str, State]:
        """By one look in LOOK_SECONDS for all who ask, as who brings no key may too."""
        now = time.monotonic()
        if self._look is None or (self._look.done() and now - self._looked > LOOK_SECONDS):
            self._looked = now
            self._look = asyncio.create_task(states(self.forwarder, self.table.models, self.keys.service()))
        found = await asyncio.shield(self._look)
        return {model: found[model] for model in models}


def build(args: Args) -> Application:
    return (
        ray_serve.deployment(ray_serve.ingress()(Gateway))
        .options(
            name="Gateway",
            ray_actor_options={"num_cpus": 0, "resources": PIN},
            max_ongoing_requests=10_000,
            logging_config={"enable_access_log": False},
        )
        .bind()
    )
