"""`/health` of a model: how its replica is goes in, what the gateway, probes and `helm test` read comes out."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from serve.api import api
from serve.asgi import ASGI, Receive, Scope, Send
from serve.errors import ModelUnavailable
from serve.front.exchange import Exchange


class Health:
    """Before `app`, which answers all else. `state` says how the model is, or raises ModelUnavailable."""

    def __init__(self, app: ASGI, model: str, state: Callable[[], dict[str, Any]]) -> None:
        self._app = app
        self._state = state
        self._own = api(model)
        self._own.get("/health")(self.health)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and Exchange.of(scope).asks_health
        await (self._own if asked else self._app)(scope, receive, send)

    async def health(self, request: Request) -> dict[str, Any]:
        """503 with the reason when the model is unavailable. Who brings no key hears only whether it is well."""
        known_to_us = Exchange.of(request.scope).key is not None
        try:
            state = self._state()
        except ModelUnavailable:
            if known_to_us:
                raise
            raise ModelUnavailable("the model is unavailable; a key tells why") from None
        return state if known_to_us else {"status": state["status"]}
