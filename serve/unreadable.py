"""Requests that vLLM cannot read: its web application goes in, and answers them as what they are, errors of the client.

It does so itself for what raises ValueError or TypeError, and answers 500 for what else its code trips over, such as an
item of /v1/responses that it has no words for. What Starlette raises would have another shape than every other error.
"""

import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from serve.api import answer_error, answer_http
from serve.errors import BadRequest

logger = logging.getLogger("ray.serve")
TRIPS = (AttributeError, LookupError, AssertionError)
"""Of its code that reads requests: what goes wrong in the engine arrives as an error of vLLM's own."""


def answer_unreadable(app: Any) -> None:
    """Before the application has been asked for the first time."""
    app.add_exception_handler(HTTPException, answer_http)
    for kind in TRIPS:
        app.add_exception_handler(kind, _answer)
    app.middleware_stack = app.build_middleware_stack()  # vLLM has built it already.


async def _answer(request: Request, error: Exception) -> Response:
    logger.warning("vLLM could not read a request for %s", request.url.path, exc_info=error)
    said = f"vLLM cannot read this request: {type(error).__name__}: {error}".removesuffix(": ")
    return await answer_error(request, BadRequest(said))
