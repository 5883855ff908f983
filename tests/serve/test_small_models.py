"""Small models of one entry on several replicas: each is loaded where it belongs, though the proxy knows nothing."""

from collections import Counter
from pathlib import Path

import pytest
import requests

from serve.local.service import Service
from tests.serve.conftest import application, gateway

REPLICAS = 3
IDS = [f"m{number}" for number in range(6)]
REQUESTS = 120


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    for id in IDS:
        (folder / id).mkdir()
    return folder


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "loads"


@pytest.fixture(scope="module")
def address(service: Service, store: Path, journal: Path) -> str:
    held = {"source": {"path": str(store)}, "max": len(IDS)}
    entry = {"task": "embeddings", "adapters": held, "engineConfig": {"loadJournal": str(journal)}}
    several = {**application("small", entry), "deployments": [{"name": "Model", "num_replicas": REPLICAS}]}
    service.apply({"applications": [gateway({"small": entry}), several]})
    assert service.wait()["small"]["status"] == "RUNNING"
    return service.address


def loads(journal: Path) -> Counter[str]:
    """By process: its own model first, and then each small one."""
    return Counter(line.split()[1] for line in journal.read_text().splitlines() if line.startswith("begin"))


def test_each_is_loaded_by_one_replica_alone(address: str, journal: Path) -> None:
    before = loads(journal)
    assert len(before) == REPLICAS
    # Without affinity each of three replicas would load each of six: the proxy gives them requests in turn.
    for number in range(REQUESTS):
        for base in (f"{address}/small", address):
            body = {"model": f"small:{IDS[number % len(IDS)]}", "input": "text"}
            assert requests.post(f"{base}/v1/embeddings", json=body, timeout=60).status_code == 200
    assert sum((loads(journal) - before).values()) == len(IDS)
