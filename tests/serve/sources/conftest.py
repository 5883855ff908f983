"""An empty cache for each test, a real S3 server on the loopback address, and wires to lay between."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from serve import sources
from serve.sources import bucket
from tests.serve.sources.wire import PIECE, Wire


@pytest.fixture
def wire() -> Iterator[Callable[[tuple[str, int]], Wire]]:
    wires: list[Wire] = []

    def lay(target: tuple[str, int]) -> Wire:
        wires.append(laid := Wire(target))
        Thread(target=laid.run, daemon=True).start()
        return laid

    yield lay
    for laid in wires:
        laid.server.close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, one attempt, and small pieces."""
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "DELAYS", ())
    monkeypatch.setattr(bucket, "PIECE", PIECE)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def s3() -> Iterator[tuple[str, int]]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@dataclass(frozen=True)
class Store:
    """The bucket `models`, and the wire over which the code under test reaches it."""

    wire: Wire
    client: Any

    def put(self, **objects: bytes) -> None:
        for key, content in objects.items():
            self.client.put_object(Bucket="models", Key=f"whisper/{key}", Body=content)

    def spans(self, key: str) -> list[str | None]:
        return [span for path, span in self.wire.requests if path == f"/models/whisper/{key}"]


@pytest.fixture
def store(
    s3: tuple[str, int], wire: Callable[[tuple[str, int]], Wire], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    import boto3  # type: ignore[import-untyped]

    laid = wire(s3)
    for name, value in {
        "AWS_ENDPOINT_URL": laid.address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    client = boto3.client("s3", endpoint_url="http://{}:{}".format(*s3))
    client.create_bucket(Bucket="models")
    yield Store(laid, client)
    for entry in client.list_objects_v2(Bucket="models").get("Contents", []):
        client.delete_object(Bucket="models", Key=entry["Key"])
    client.delete_bucket(Bucket="models")
    client.close()
