"""The router's deployment: HAProxy's question goes in, the name of a replica comes out.

Ray's contract (ray/serve/_private/ingress_request_router.lua.tmpl): POST with the beginning of the request's body and
the session's header, answered by 200 and `replica_id`. Anything else would fail the request, so that what goes wrong
here is answered by a name that no replica has: HAProxy gives such a request to Serve's own proxy.
"""

import json
import logging
from collections.abc import Sequence

from ray import serve as ray_serve
from ray.serve import Application
from ray.serve._private.constants import SERVE_SESSION_ID

from serve.asgi import Receive, Scope, Send, header, send_json
from serve.errors import ConfigurationError
from serve.forward import stream
from serve.front.front import Front
from serve.front.keys import EVERYBODY
from serve.routing import ROUTER, choice, key, table
from serve.routing.loads import Loads
from serve.routing.seen import Seen
from serve.values import ModelArgs, Routing

NOBODY = "nobody"
MAX_BODY = 2**20  # HAProxy sends less.
MOST = 10_000
HEALTH_SECONDS = 1.0  # Until HAProxy hears that a router has ended, the others of its node do its work.
SESSION = SERVE_SESSION_ID.lower().encode()

logger = logging.getLogger("ray.serve")


class Router:
    """Of the application that it is deployed with, by `routing`."""

    def __init__(self, routing: Routing) -> None:
        application = ray_serve.get_replica_context().app_name
        self.routing = routing
        self.loads = Loads(application, table.folder() / f"loads-{application}")
        self.seen = Seen(table.folder() / f"seen-{application}")

    async def __serve_build_asgi_app__(self) -> Front:
        return Front(self.answer, EVERYBODY, max_body=MAX_BODY)  # HAProxy asks, and the replica looks at the key.

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b"".join([part async for part in stream(receive)])
        try:
            name = await self.choose(header(scope, SESSION), body)
        except Exception:
            logger.exception("no replica was chosen")
            name = NOBODY
        await send_json(send, json.dumps({"replica_id": name}).encode())

    async def choose(self, session: bytes, body: bytes) -> str:
        loads = await self.loads.known()
        if not loads:
            return NOBODY
        blocks = key.beginnings(body) if self.routing == "prefix" else []
        name = await self._first(self._order(blocks, session, body, loads), loads)
        self.seen.remember(blocks, name)
        self.loads.sent(name)
        return name

    def _order(self, blocks: Sequence[int], session: bytes, body: bytes, loads: choice.Loads) -> Sequence[str]:
        """Who should have the request; empty where it says nothing to go by."""
        if blocks:
            return choice.by_beginning(self.seen.who(blocks, loads), blocks[0], loads)
        told = key.session(session, body) if self.routing == "session" else None
        return [] if told is None else choice.by_session(told, loads)

    async def _first(self, order: Sequence[str], loads: choice.Loads) -> str:
        """The first with room: before one is passed over, it is asked whether that is still so."""
        if not order:
            return choice.idlest(loads)
        name = choice.chosen(order, loads)
        return name if name == order[0] else choice.chosen(order, await self.loads.asked() or loads)


def routed(app: Application, args: ModelArgs, routing: Routing) -> Application:
    """The application with routers, of which Serve puts some on each node that has a proxy."""
    if routing == "balanced":
        return app
    if args.adapters is not None:
        raise ConfigurationError(
            f"models.{args.model}.routing: {routing} does not go with adapters, whose requests go to the replica that "
            "holds them; leave one of the two out"
        )
    deployment = ray_serve.deployment(ray_serve.ingress()(Router)).options(
        name=ROUTER,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=MOST,
        health_check_period_s=HEALTH_SECONDS,
        logging_config={"enable_access_log": False},  # Each request is in its replica's.
    )
    return app._with_ingress_request_router(deployment.bind(routing))
