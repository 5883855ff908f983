"""A real service that a real Prometheus reads: a values file goes in, answers to PromQL come out."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import yaml

from serve.audio import encoded
from serve.cli import helm
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service
from tests.helm import Rendered
from tests.prometheus import Prometheus, of_ray, reading

Eventually = Callable[[Callable[[], bool]], None]
VALUES = Path(__file__).parent / "watched.yaml"
ADA, BOB = "the-key-of-ada-0001", "the-key-of-bob-0001"
SPEECH = encoded(np.zeros(2 * 24_000, np.float32), "wav", 24_000)
DOCUMENTS = ["red green", "blue red", "yellow"]
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"json": {"messages": [{"role": "user", "content": "one two three"}]}}),
    "ears": ("/v1/audio/transcriptions", {"files": {"file": ("speech.wav", SPEECH)}}),
    "voice": ("/v1/audio/speech", {"json": {"input": "one two three", "response_format": "wav"}}),
    "vectors": ("/v1/embeddings", {"json": {"input": ["one two", "three"]}}),
    "order": ("/v1/rerank", {"json": {"query": "red", "documents": DOCUMENTS}}),
    "broken": ("/v1/rerank", {"json": {"query": "red", "documents": DOCUMENTS}}),
    "failing": ("/v1/embeddings", {"json": {"input": "one"}}),
    "slow": ("/v1/audio/transcriptions", {"files": {"file": ("speech.wav", SPEECH)}}),
}
"""A request to each model; to a slow one six at once."""


class Load:
    """Clients that ask all models until they are told to stop."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._over = threading.Event()

    def __enter__(self) -> None:
        self._pool = ThreadPoolExecutor(16)
        for model in ASKED:
            for _ in range(6 if model == "slow" else 1):
                self._pool.submit(self._go_on, model)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()

    def _go_on(self, model: str) -> None:
        path, body = ASKED[model]
        while not self._over.wait(0.2):
            for key in (ADA, BOB, "a-key-of-nobody-01"):
                headers = {"authorization": f"Bearer {key}"}
                requests.post(f"{self.address}/{model}{path}", headers=headers, timeout=60, **body)
            named = (
                {**body, "json": {**body["json"], "model": model}}
                if "json" in body
                else {**body, "data": {"model": model}}
            )
            requests.post(f"{self.address}{path}", headers={"authorization": f"Bearer {ADA}"}, timeout=60, **named)


@pytest.fixture(scope="package")
def watched() -> Rendered:
    return Rendered(helm.template([VALUES]))


@pytest.fixture(scope="package")
def service(watched: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    keys = tmp_path_factory.mktemp("keys")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    (keys / "ada").write_text(ADA)
    (keys / "bob").write_text(yaml.safe_dump({"key": BOB, "expires": tomorrow}))
    manifest = Manifest.of(watched.documents)
    cache = str(tmp_path_factory.mktemp("models"))
    env = {"AI_INFERENCE_CACHE": cache, "AI_INFERENCE_SIMULATED": "1", "AI_INFERENCE_KEYS": str(keys)}
    with Nodes(manifest.head, manifest.workers, env) as nodes:
        service = Service(nodes, free_port())
        service.apply(manifest.config)
        service.wait()
        yield service


@pytest.fixture(scope="package")
def prometheus(
    service: Service, watched: Rendered, eventually: Eventually, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    with reading(watched, tmp_path_factory.mktemp("prometheus"), of_ray(service)) as found:
        eventually(found.answers)
        yield found


@pytest.fixture(scope="package")
def busy(service: Service, prometheus: Prometheus, eventually: Eventually) -> Iterator[Prometheus]:
    """While clients ask, and what the models of all tasks say of it has been read."""
    with Load(service.address):
        tasks = 'count(count by (task) (ray_ai_inference_requests_total{task!="gateway"})) == 5'
        eventually(lambda: bool(prometheus.ask(tasks)))
        yield prometheus


@pytest.fixture(scope="package")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that has it, where the loader looks."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler: apt-get install gcc")
    folder = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).with_name("nvml.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(source)], check=True)
    return folder
