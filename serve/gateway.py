"""The application at `/`: requests by model name or by an alias's Host go in, the model's own answer comes out.

What is no model's it answers itself (overview.py), and it says who takes what of each card as metrics. Its table of
models arrives by `user_config`, so that a change of models reconfigures the running replica and does not replace it.
"""

import asyncio
from typing import Any

from ray import serve as ray_serve
from ray.serve import Application

from serve import trim, wanted
from serve.asgi import Receive, Scope, Send, header, route
from serve.calls import Calls
from serve.errors import ModelStarting
from serve.forward import Forwarder
from serve.front.front import Front
from serve.front.keys import Keys
from serve.front.log import RequestLog
from serve.front.trace import Trace
from serve.metrics import cards, models, series, traffic
from serve.overview import READINESS, Overview, free, key_of
from serve.room import Hold, Room
from serve.table import Table, for_a_model
from serve.values import Closed

MAX_BODY = 2**30  # Each model has its own, smaller bound.
ROOM = 2**29  # Bytes of all bodies whose model is not known yet, in the memory of the head.
PIN = {"head": 0.001}  # One hop to the proxy, which the head always has.
RETRY_AFTER = 2
NAME = "gateway"
"""As the metrics call it, which no model may be called."""


def _canonical(path: str) -> str:
    """Without KServe's prefix."""
    return path.removeprefix("/openai") if path.startswith("/openai/") else path


def _as_written(scope: Scope, model: str) -> bool:
    """Whether the path begins with the model as the proxy looks for it, and not in another spelling."""
    raw: bytes = scope.get("raw_path") or b""
    return f"{raw.decode('latin-1')}/".startswith(f"/{model}/")


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
        self.room = Room(ROOM)
        self.overview = Overview(self.table, self.forwarder, self.keys)

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Serve calls this with the new `user_config`, while requests go on."""
        self.table = Table.model_validate(config)
        if self.front is not None:
            self.front.allow(self.table.origins)
        if self.table.address != self.forwarder.address:
            await self.forwarder.close()
            self.forwarder = Forwarder(self.table.address)
        self.overview = Overview(self.table, self.forwarder, self.keys)

    async def __serve_build_asgi_app__(self) -> Front:
        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await self.overview.app(scope, receive, send)
                return
            path = _canonical(route(scope))
            with self.room.one() as hold:
                if target := await self._target(scope, path, receive, hold):
                    model, body = target
                    await self.calls.call(self.forwarder, model, scope, path, body, send)
                else:
                    await self.overview.app({**scope, "path": path}, receive, send)

        self.front = Front(
            choose,
            self.keys,
            free=free,
            max_body=MAX_BODY,
            trace=Trace(None),
            watches=[traffic.watch, RequestLog(None)],
        )
        self._repeated = asyncio.create_task(series.repeat(self._say)), asyncio.create_task(trim.repeat())
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
                key_of(scope).must_be_for(aliased)
            return aliased, wanted.untouched(scope, receive)
        model = path.removeprefix("/").partition("/")[0]
        if model in self.table.models and _as_written(scope, model):  # Of which the proxy has not heard yet.
            raise ModelStarting(f"model {model!r} is starting; send the request again later", retry_after=RETRY_AFTER)
        if not for_a_model(path):
            return None
        name, body = await wanted.model(scope, receive, hold)
        return self.table.choose(name, path, key_of(scope)), body


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
