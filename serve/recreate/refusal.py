"""What clients get while no cluster serves: a request comes in, 503 with Retry-After in OpenAI's shape goes out.

It stands where Serve's proxy stood, so it answers the proxy's own paths too: it is not well, and there are no routes.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.responses import JSONResponse

from serve.asgi import Receive, Scope, Send
from serve.errors import ConfigurationError, ModelStarting
from serve.front.exchange import Exchange

RETRY_AFTER = 10
SAID = "the Ray cluster is being made anew, and no model answers until it has started; send the request again later"
CLOSING = [("connection", "close")]  # One that is kept would lead here when the Service leads elsewhere.


class Refusal:
    """The ASGI application; counts what it has refused."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):  # Who is still sending would see a broken connection.
            pass
        if scope["path"] == "/-/routes":
            await JSONResponse({})(scope, receive, send)
        else:
            self.count += 1
            await Exchange(scope, send).fail(ModelStarting(SAID, retry_after=RETRY_AFTER))


@contextmanager
def refusing(port: int) -> Iterator[Refusal]:
    """Answers at every address of this machine until the end of the block."""
    refusal = Refusal()
    config = uvicorn.Config(refusal, lifespan="off", ws="none", access_log=False, log_level="warning", headers=CLOSING)
    server = uvicorn.Server(config)
    with _listening(port) as sockets:
        answering = threading.Thread(target=server.run, args=(sockets,))
        answering.start()
        try:
            yield refusal
        finally:
            server.should_exit = True
            answering.join()


@contextmanager
def _listening(port: int) -> Iterator[list[socket.socket]]:
    try:
        listener = socket.create_server(("", port))
    except OSError as error:
        raise ConfigurationError(
            f"port {port}, where clients are to be answered, is taken; nothing was deleted: {error}"
        ) from error
    with listener:
        yield [listener]
