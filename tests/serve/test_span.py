"""A model of four GPUs over two nodes, on real Ray with simulated ones: its placement group takes two of each."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service
from tests.helm import render

pytestmark = pytest.mark.slow

CARDS = {"vendor": "cuda", "resource": "nvidia.com/gpu", "memory": "8Gi", "count": 2, "nodes": 2, "order": 1}
MODEL = {"task": "llm", "engine": "fake", "source": {"path": "/"}, "accelerator": "pair", "cpus": 1, "span": True,
         "gpus": 4, "tensorParallel": 2, "pipelineParallel": 2}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rendered = render({"accelerators": {"pair": CARDS}, "models": {"large": MODEL}})
    manifest = Manifest.of(rendered.documents)
    env = {
        "AI_INFERENCE_CACHE": str(tmp_path_factory.mktemp("models")),
        "AI_INFERENCE_SIMULATED": "1",
        "AI_INFERENCE_KEYS": "open",
    }
    with Nodes(manifest.head, [*manifest.workers, *manifest.workers], env) as nodes:
        service = Service(nodes, free_port())
        service.apply(rendered.config)
        yield service


def test_it_starts_and_each_node_gives_both_of_its_gpus(service: Service) -> None:
    assert service.wait()["large"]["status"] == "RUNNING"
    assert requests.get(f"{service.address}/large/health", timeout=60).status_code == 200
    (group,) = groups(service)
    given = Counter(bundle["node_id"] for bundle in group["bundles"] if bundle["unit_resources"].get("GPU"))
    assert sorted(given.values()) == [2, 2]


def groups(service: Service) -> list[dict[str, Any]]:
    """What Ray's dashboard knows of placement groups."""
    answer = requests.get(
        f"{service.nodes.dashboard}/api/v0/placement_groups",
        params={"detail": "1"},
        headers=service.nodes.headers,
        timeout=60,
    )
    found: list[dict[str, Any]] = answer.json()["data"]["result"]["result"]
    return [group for group in found if group["state"] == "CREATED"]
