"""A folder goes in, a registry that keeps images there comes out; and a line to it that breaks in mid-layer."""

import base64
import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

PROGRAM = shutil.which("docker-registry") or shutil.which("registry")
USER, PASSWORD = "publisher", "secret"
HTPASSWD = f"{USER}:$2b$04$maNPd/CPpgvSYDKFQ1Nure0ka2m.XlAPhQvmKmeF54wDTBezeQ3WC\n"


@dataclass(frozen=True)
class Registry:
    """One that runs."""

    address: str
    folder: Path

    @property
    def place(self) -> tuple[str, int]:
        host, port = self.address.split(":")
        return host, int(port)

    def files(self) -> dict[str, int]:
        """Everything in it, and when it changed."""
        return {str(path): path.stat().st_mtime_ns for path in sorted(self.folder.rglob("*"))}


@contextmanager
def running(folder: Path, passwords: Path | None = None) -> Iterator[Registry]:
    """On a free port of the loopback address, which Docker trusts without TLS."""
    assert PROGRAM
    command = [PROGRAM, "serve", str(_configured(folder, passwords))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        found = (re.search(r"listening on (127\.0\.0\.1:\d+)", line) for line in process.stderr)
        address = next(match[1] for match in found if match)
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        try:
            yield Registry(address, folder)
        finally:
            process.terminate()
            reader.join()


def _configured(folder: Path, passwords: Path | None) -> Path:
    config = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder)}},
        "http": {"addr": "127.0.0.1:0"},
        **({"auth": {"htpasswd": {"realm": "tests", "path": str(passwords)}}} if passwords else {}),
    }
    file = folder.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(config))
    return file


def login(address: str) -> str:
    """What `docker login` writes."""
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return json.dumps({"auths": {address: {"auth": secret}}})


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Of one megabyte, which an image does not fit on."""
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False).returncode:
        pytest.skip("mounting a small disk takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def breaking(address: tuple[str, int] | str, at: bytes = b"PATCH /v2/") -> Iterator[str]:
    """An address that leads to a server until one side says `at` (a part of a layer is sent), and nowhere after."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = threading.Thread(target=_serve, args=(server, address, at))
        line.start()
        try:
            yield "{}:{}".format(*server.getsockname())
        finally:
            _hang_up(server)
            line.join()


def _serve(server: socket.socket, address: tuple[str, int] | str, at: bytes) -> None:
    with ExitStack() as stack, suppress(OSError):  # The server's end is an error of accept.
        while True:
            near = stack.enter_context(server.accept()[0])
            far = stack.enter_context(socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET))
            far.connect(address)
            for end in (near, far):  # Who goes away hangs up on all at once.
                stack.callback(_hang_up, end)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, sink, server, at), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket, server: socket.socket, at: bytes) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if at in data:
                _hang_up(server)
                break
            sink.sendall(data)
    _hang_up(source)
    _hang_up(sink)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
