"""The front door of every replica, the gateway's too: an ASGI request goes in, the task's application answers.

It bounds the body and the requests at once, and turns every exception into OpenAI's error shape, so that tasks only
raise. It is plain ASGI and looks at no chunk of an answer: what streams, streams untouched.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from serve.errors import BadRequest, InferenceError, NotFound, Overloaded, TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("ray.serve")
RETRY_AFTER = 1


class Front:
    """Wraps `app`. `max_body` in bytes; `max_requests` at once, None for no bound."""

    def __init__(self, app: ASGI, *, max_body: int, max_requests: int | None = None) -> None:
        self.app = app
        self.max_body = max_body
        self.max_requests = max_requests
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = Answer(scope, send)
        counted = not route(scope).endswith("/health")
        self.requests += counted
        try:
            if counted and self.max_requests is not None and self.requests > self.max_requests:
                raise Overloaded(
                    f"{self.max_requests} requests are being worked on or wait; send this one again later",
                    retry_after=RETRY_AFTER,
                )
            await self.app(scope, self._bounded(scope, receive, answer), answer.send)
            if answer.refusal is not None:
                raise answer.refusal
        except InferenceError as error:
            await answer.fail(answer.refusal or error)
        except Exception:
            logger.exception("request %s failed", answer.request_id)
            if not answer.ended:
                await answer.fail(failed(answer.request_id))
        finally:
            self.requests -= counted

    def _bounded(self, scope: Scope, receive: Receive, answer: "Answer") -> Receive:
        declared = header(scope, b"content-length")
        left = self.max_body
        too_large = TooLarge(f"the body is larger than {self.max_body} bytes, this model's maxBody")
        if declared.isdigit() and int(declared) > left:
            raise too_large

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                answer.refusal = too_large  # Frameworks make a plain 400 of what is raised here.
                raise too_large
            return message

        return bounded


class Answer:
    """Sends what the application sends, and knows whether a status can still be chosen."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.forward = send
        self.started = False
        self.ended = False
        self.refusal: InferenceError | None = None
        self.request_id = header(scope, b"x-request-id").decode("latin-1")  # Serve gives every request one.

    async def send(self, message: Message) -> None:
        if self.refusal is None or self.started:
            self.started = True
            self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await self.forward(message)

    async def fail(self, error: InferenceError) -> None:
        if self.started:  # Too late for a status: end the stream short, so that the client sees it broken.
            raise error
        body = json.dumps(error.body()).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers()}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self.forward({"type": "http.response.start", "status": error.status, "headers": pairs})
        await self.forward({"type": "http.response.body", "body": body})


def failed(request_id: str) -> InferenceError:
    """What a client may know of a failure that is ours."""
    return InferenceError(f"the server failed; its log has request {request_id}")


def header(scope: Scope, name: bytes) -> bytes:
    """The first value of a header, empty when it is absent. `name` in lower case."""
    return next((value for key, value in scope["headers"] if key == name), b"")


def route(scope: Scope) -> str:
    """The path below the application's prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def api(title: str) -> FastAPI:
    """A FastAPI application whose failures have OpenAI's shape."""
    app = FastAPI(title=title)
    app.add_exception_handler(InferenceError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(Exception, _answer_failed)
    return app


def model_card(name: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An entry of OpenAI's list of models."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "ai-inference", **(more or {})}


async def _answer_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InferenceError)  # noqa: S101
    return JSONResponse(error.body(), error.status, dict(error.headers()))


async def _answer_failed(request: Request, _: Exception) -> JSONResponse:
    """Starlette raises the exception again once this is sent, and Front logs it."""
    return await _answer_error(request, failed(header(request.scope, b"x-request-id").decode("latin-1")))


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    issue = error.errors()[0]
    param = ".".join(str(part) for part in issue["loc"][1:])  # The first is `body` or `query`.
    said = issue["msg"].removeprefix("Value error, ")
    return await _answer_error(request, BadRequest(f"{param or 'body'}: {said}", param=param or None))


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return await _answer_error(request, NotFound(f"there is no {request.method} {request.url.path} here"))
    shaped = BadRequest(str(error.detail))
    return JSONResponse(shaped.body(), error.status_code, dict(error.headers or {}))
