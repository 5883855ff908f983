"""One HTTP request carried on: an ASGI request goes in, the answer of another address comes out chunk by chunk.

Nothing is collected in either direction, so streams stay streams; when the client leaves, Serve cancels the request
here and with it the connection onwards, so that the engine stops too.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from urllib.parse import quote

import aiohttp
from yarl import URL

from serve.asgi import Receive, Scope, Send
from serve.errors import ModelUnavailable

HOP_BY_HOP = {  # RFC 9110, section 7.6.1, and what each side sets anew
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade",
}  # fmt: skip
PATH = "/:@!$&'()*+,;=~"  # What RFC 3986 lets stand in a path.
CONNECT_SECONDS = 5.0
NOT_UP = HOP_BY_HOP | {b"host"}
NOT_DOWN = HOP_BY_HOP | {b"x-request-id", b"date", b"server"}


class Forwarder:
    """Carries requests to `address`, or where each is told to go, over connections that are kept."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            auto_decompress=False,
        )

    async def get(self, path: str, seconds: float, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of a small answer. Raises TimeoutError after `seconds`, aiohttp.ClientError."""
        limit = aiohttp.ClientTimeout(total=seconds)
        async with self._session.get(self.address + path, timeout=limit, headers=headers) as answer:
            return answer.status, await answer.read()

    async def forward(
        self, scope: Scope, path: str, body: AsyncIterator[bytes] | bytes | None, send: Send, address: str = ""
    ) -> None:
        """Sends the request to `path` and its answer to `send`. Raises ModelUnavailable when nobody is there."""
        query = scope.get("query_string", b"").decode("latin-1")
        target = quote(path, safe=PATH) + (f"?{query}" if query else "")
        # As it came: what is decoded twice leads elsewhere.
        url = URL((address or self.address) + target, encoded=True)
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in _kept(scope["headers"], NOT_UP)]
        try:
            async with self._session.request(
                scope["method"], url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                pairs = [(k.lower(), v) for k, v in _kept(answer.raw_headers, NOT_DOWN)]
                await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
                async for chunk in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except aiohttp.ClientConnectionError as error:
            raise ModelUnavailable(f"the connection to the model broke: {error}", retry_after=1) from error

    async def close(self) -> None:
        await self._session.close()


async def stream(receive: Receive, *begun: bytes) -> AsyncIterator[bytes]:
    """The request's body: what has been read of it, then the rest as it comes."""
    for part in begun:
        yield part
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


def _kept(headers: Iterable[tuple[bytes, bytes]], dropped: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return ((name, value) for name, value in headers if name.lower() not in dropped)
