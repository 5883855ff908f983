"""A model from no replica to three and back, on real Serve: whoever asks meanwhile is answered."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service
from tests.helm import render

pytestmark = pytest.mark.slow

KEY, OTHER = {"api-key": "k" * 32}, {"api-key": "o" * 32}
BOUNDS = {"min": 0, "max": 3, "targetOngoingRequests": 2, "upscaleDelay": 1, "downscaleDelay": 3}
VALUES: dict[str, Any] = {
    "accelerators": {"here": {"vendor": "cpu", "memory": "4Gi", "cpus": 8, "order": 1}},
    "models": {
        "sleeper": {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "here",
                    "memory": "1Gi", "replicas": BOUNDS, "engineConfig": {"delay": 0.2}},
    },
}  # fmt: skip
Eventually = Callable[[Callable[[], bool]], None]


@dataclass
class Load:
    """Clients that ask one request after the other until they are told to stop."""

    address: str
    clients: int = 12
    statuses: list[int] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._pool = ThreadPoolExecutor(self.clients)
        self._asking = [self._pool.submit(self._ask) for _ in range(self.clients)]
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._pool.shutdown()
        for one in self._asking:
            one.result()

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self._enough.is_set():
                body = {"model": "sleeper", "input": "text"}
                answer = session.post(f"{self.address}/v1/embeddings", json=body, headers=KEY, timeout=120)
                self.statuses.append(answer.status_code)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rendered = render(VALUES)
    manifest = Manifest.of(rendered.documents)
    keys = tmp_path_factory.mktemp("keys")
    (keys / "one").write_text(KEY["api-key"])
    (keys / "other").write_text(f"key: {OTHER['api-key']}\nmodels: [another]")
    env = {"AI_INFERENCE_CACHE": str(tmp_path_factory.mktemp("models")), "AI_INFERENCE_KEYS": str(keys)}
    with Nodes(manifest.head, manifest.workers, env) as nodes:
        service = Service(nodes, free_port())
        service.apply(rendered.config)
        service.wait()
        yield service


def replicas(service: Service) -> int:
    (deployment,) = service.applications()["sleeper"]["deployments"].values()
    return sum(one["state"] == "RUNNING" for one in deployment["replicas"])


def test_looking_at_a_model_that_rests_does_not_wake_it(service: Service) -> None:
    for _ in range(3):
        assert service.health()["models"]["sleeper"]["status"] == "ok"
        address = f"{service.address}/v2/models/sleeper/ready"
        assert requests.get(address, headers=KEY, timeout=60).json()["ready"] is True
    assert replicas(service) == 0


@pytest.mark.parametrize(("headers", "status"), [({}, 401), (OTHER, 403)])
@pytest.mark.parametrize("path", ["/sleeper/v1/embeddings", "/v1/embeddings"])
def test_who_may_not_ask_a_model_that_rests_does_not_wake_it(
    service: Service, path: str, headers: dict[str, str], status: int
) -> None:
    body = {"model": "sleeper", "input": "text"}
    assert requests.post(service.address + path, json=body, headers=headers, timeout=60).status_code == status
    assert replicas(service) == 0


def test_the_first_request_waits_for_a_replica_and_is_answered(service: Service) -> None:
    address = f"{service.address}/sleeper/v1/embeddings"
    answer = requests.post(address, json={"input": "text"}, headers=KEY, timeout=120)
    assert answer.status_code == 200


def test_from_none_to_three_and_back_no_request_fails(service: Service, eventually: Eventually) -> None:
    eventually(lambda: replicas(service) == 0)
    with Load(service.address) as load:
        eventually(lambda: replicas(service) == 3)
    assert set(load.statuses) == {200}
    with Load(service.address, clients=1) as left:
        eventually(lambda: replicas(service) == 1)
    assert set(left.statuses) == {200}
    eventually(lambda: replicas(service) == 0)
