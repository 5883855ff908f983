"""The short way to vLLM: a request for a chat or a completion goes in, the answer of vLLM's own handler comes out.

vLLM's web application costs a request more than its handler does: routing, dependencies, three middlewares, tasks that
watch the client, and eight calls for each event. What is plainly valid is read and answered here. All else goes through
that application unchanged, and so does what fails before it has begun: it knows best what to say of that.
"""

from argparse import Namespace
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json
from starlette.requests import Request

from serve.asgi import Receive, Scope, Send, header, route, send_json
from serve.events import send_events
from serve.forward import stream
from serve.wanted import replayed

Handler = Callable[[Any, Request], Awaitable[Any]]
Ways = dict[str, tuple[type[BaseModel], Handler]]
ITS_OWN = (
    "api_key",
    "middleware",
    "enable_request_id_headers",
    "enable_server_load_tracking",
    "sse_keep_alive_interval",
)
"""Flags of `vllm serve` that its application heeds."""


class Express:
    """Before vLLM's application `app`; `ways` has the type of the body and the handler of each path."""

    def __init__(self, app: Any, ways: Ways) -> None:
        self.app = app
        self.ways = ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = self.ways.get(route(scope)) if _plain(scope) else None
        if way is None:
            await self.app(scope, receive, send)
            return
        body = b"".join([part async for part in stream(receive)])
        answer = await self._answer(scope, body, *way)
        if isinstance(answer, AsyncGenerator):
            await send_events(answer, send)
        elif answer is not None:
            await send_json(send, answer.model_dump_json().encode())
        else:
            await self.app(scope, replayed(body, receive), send)

    async def _answer(
        self, scope: Scope, body: bytes, kind: type[BaseModel], handler: Handler
    ) -> AsyncGenerator[str, None] | BaseModel | None:
        """None where vLLM's application is to say what is wrong."""
        try:
            answer = await handler(kind.model_validate(from_json(body)), Request({**scope, "app": self.app}))
        except Exception:
            return None
        return None if hasattr(answer, "error") else answer


def ways(app: Any, args: Namespace) -> Ways:
    """Those that `app`, made with the flags `args`, can be spared."""
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest

    chat, completion = app.state.openai_serving_chat, app.state.openai_serving_completion
    if any(getattr(args, flag) for flag in ITS_OWN) or not chat or not completion:
        return {}
    return {
        "/v1/chat/completions": (ChatCompletionRequest, chat.create_chat_completion),
        "/v1/completions": (CompletionRequest, completion.create_completion),
    }


def _plain(scope: Scope) -> bool:
    """JSON, with none of vLLM's own headers."""
    if scope["type"] != "http" or scope["method"] != "POST":
        return False
    kind = header(scope, b"content-type").partition(b";")[0].strip().lower()
    return kind == b"application/json" and not header(scope, b"endpoint-load-metrics-format")
