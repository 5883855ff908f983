"""A wire on the loopback address: TCP goes in, the same TCP comes out, counted, and cut where a test wants it."""

import re
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

WEIGHTS = bytes(range(256)) * 4096
PIECE = 2**16


@dataclass
class Wire:
    """Carries TCP to `target`, notes each request's path and range, and is cut after `left` bytes of answers.

    It stays cut unless it `heals`.
    """

    target: tuple[str, int]
    left: int | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    carried: int = 0
    heals: bool = False
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def address(self) -> str:
        return "http://{}:{}".format(*self.server.getsockname())

    def run(self) -> None:
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            Thread(target=self._ask, args=(near, far), daemon=True).start()
            Thread(target=self._answer, args=(near, far), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        while data := _receive(near):
            if match := re.match(rb"(?:GET|HEAD) (\S+) HTTP", data):
                span = re.search(rb"(?im)^range: bytes=(\S+)\r$", data)
                self.requests.append((match[1].decode(), span[1].decode() if span else None))
            far.sendall(data)
        _hang_up(far)

    def _answer(self, near: socket.socket, far: socket.socket) -> None:
        while data := _receive(far):
            if self.left is not None:
                data = data[: self.left]
                self.left -= len(data)
            near.sendall(data)
            self.carried += len(data)
            if self.left == 0:
                self.left = None if self.heals else 0
                break
        _hang_up(near)
        _hang_up(far)


def _receive(end: socket.socket) -> bytes:
    try:
        return end.recv(2**14)
    except OSError:
        return b""


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
