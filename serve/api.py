"""The web application of a task and of the gateway: a title goes in, a FastAPI comes out.

What fails in it has OpenAI's shape.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request

from serve.asgi import header
from serve.errors import BadRequest, InferenceError, NotFound


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


def failed(request_id: str) -> InferenceError:
    """What a client may know of a failure that is ours."""
    return InferenceError(f"the server failed; its log has request {request_id}")


async def _answer_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InferenceError)  # noqa: S101
    return JSONResponse(error.body(), error.status, dict(error.headers()))


async def _answer_failed(request: Request, _: Exception) -> JSONResponse:
    """Starlette raises the exception again once this is sent, and the front logs it."""
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
