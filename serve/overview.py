"""What the gateway answers itself: a table of models goes in, an application for the page, lists and states comes out.

A key for some models hears of no others, and who brings none hears whether all is well and no more.
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
from starlette.requests import Request

from serve.api import api, model_card
from serve.asgi import Scope
from serve.errors import Unauthorized
from serve.forward import Forwarder
from serve.front.exchange import Exchange
from serve.front.key import Key
from serve.front.keys import MISSING, Keys
from serve.states import State, states
from serve.table import Table

PAGE = Path(__file__).parent / "page"
LOOK_SECONDS = 0.5
FRESH = {"cache-control": "no-cache"}
READINESS = ("/v2/health/live", "/v2/health/ready")


def free(path: str) -> bool:
    """What browsers and probes ask without a key."""
    return path in ("/", "/health", *READINESS) or path.startswith("/page/")


def key_of(scope: Scope) -> Key:
    """Of a request that may not come without one; raises Unauthorized."""
    key = Exchange.of(scope).key
    if key is None:
        raise Unauthorized(MISSING)
    return key


class _Fresh(StaticFiles):
    """Files that a browser asks for again after an upgrade; unchanged ones cost it a 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(FRESH)
        return response


class Overview:
    """Of one table; models are asked by the forwarder how they are."""

    def __init__(self, table: Table, forwarder: Forwarder, keys: Keys) -> None:
        self.table = table
        self._forwarder = forwarder
        self._keys = keys
        self._look: asyncio.Task[dict[str, State]] | None = None
        self._looked = -math.inf
        self.app = self._app()

    def _app(self) -> FastAPI:
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
        key = key_of(request.scope)
        cards = [
            model_card(name, {"task": entry.task})
            for model, entry in self.table.models.items()
            for name in (model, *entry.names)
            if key.may_ask(model)
        ]
        return {"object": "list", "data": cards}

    async def model(self, name: str, request: Request) -> dict[str, Any]:
        """OpenAI's card, with `name` and `ready` as KServe's v1 protocol wants them."""
        model = self.table.known(name, key_of(request.scope))
        ready = await self._all_ok([model])
        return model_card(name, {"task": self.table.models[model].task, "name": name, "ready": ready})

    async def live(self) -> dict[str, bool]:
        return {"live": True}

    async def ready(self) -> JSONResponse:
        ready = await self._all_ok(self.table.models)
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def model_ready(self, name: str, request: Request) -> JSONResponse:
        ready = await self._all_ok([self.table.known(name, key_of(request.scope))])
        return JSONResponse({"name": name, "ready": ready}, 200 if ready else 503)

    async def _all_ok(self, models: Iterable[str]) -> bool:
        return all(state["status"] == "ok" for state in (await self._states(models)).values())

    async def _states(self, models: Iterable[str]) -> dict[str, State]:
        """By one look in LOOK_SECONDS for all who ask, as who brings no key may too."""
        now = time.monotonic()
        if self._look is None or (self._look.done() and now - self._looked > LOOK_SECONDS):
            self._looked = now
            self._look = asyncio.create_task(states(self._forwarder, self.table.models, self._keys.service()))
        found = await asyncio.shield(self._look)
        return {model: found[model] for model in models}
