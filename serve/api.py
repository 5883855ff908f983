"""The web application of a task and of the gateway: a title goes in, a FastAPI comes out.

What fails in it has OpenAI's shape.
"""

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serve.errors import BadRequest, InferenceError, NotFound, failed
from serve.front.exchange import Exchange


def api(title: str) -> FastAPI:
    """A FastAPI application whose failures have OpenAI's shape."""
    app = FastAPI(title=title)
    app.add_exception_handler(InferenceError, answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(Exception, _answer_failed)
    return app


def model_card(name: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An entry of OpenAI's list of models."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "ai-inference", **(more or {})}


async def answer_error(request: Request, error: Exception) -> Response:
    """In OpenAI's shape."""
    assert isinstance(error, InferenceError)  # noqa: S101
    Exchange.of(request.scope).error = error.word
    return _shaped(error, error.status, error.headers())


async def _answer_failed(request: Request, _: Exception) -> Response:
    """Starlette raises the exception again once this is sent, and the front logs it."""
    return await answer_error(request, failed(Exchange.of(request.scope).request_id))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    issue = error.errors()[0]
    param = ".".join(str(part) for part in issue["loc"][1:])  # The first is `body` or `query`.
    said = issue["msg"].removeprefix("Value error, ")
    return await answer_error(request, BadRequest(f"{param or 'body'}: {said}", param=param or None))


async def answer_http(request: Request, error: Exception) -> Response:
    """The same of what Starlette raises."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        return await answer_error(request, NotFound(f"there is no {request.method} {request.url.path} here"))
    return _shaped(BadRequest(str(error.detail)), error.status_code, error.headers or {})


def _shaped(error: InferenceError, status: int, headers: Mapping[str, str]) -> Response:
    """In ASCII: what it quotes of the request may be half of a surrogate pair, which no encoding has."""
    return Response(json.dumps(error.body()), status, dict(headers), media_type="application/json")
