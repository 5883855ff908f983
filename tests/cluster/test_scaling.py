"""Real pods and KubeRay's autoscaler: a model and its node come from nothing when they are asked for, and go again.

Tests of one installation, in their order.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.cluster import kubectl
from tests.cluster.served import Served, loading_images, running_pods, served

pytestmark = running_pods
SMALL = {"vendor": "cpu", "memory": "1Gi", "cpus": 0.2, "ram": "2Gi"}
FAKE = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "memory": "512Mi", "cpus": 0.1}
RESTS = {"min": 0, "max": 2, "targetOngoingRequests": 1, "upscaleDelay": 1, "downscaleDelay": 1}
SPEC: dict[str, Any] = {
    "accelerators": {"here": {**SMALL, "order": 1}, "grown": {**SMALL, "order": 2, "nodes": {"min": 0, "max": 1}}},
    "head": {"cpus": 0.2, "ram": "3Gi"},
    "models": {
        "near": {**FAKE, "accelerator": "here"},
        "far": {**FAKE, "accelerator": "grown", "replicas": RESTS, "queueTimeout": 600},
    },
}


@pytest.fixture(scope="module")
def release(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with loading_images(SPEC), served(tmp_path_factory.mktemp("models"), SPEC) as release:
        release.apply()
        release.ready()
        yield release


def test_without_requests_there_is_no_node_and_looking_brings_none(release: Served) -> None:
    with release.address() as address:
        health = requests.get(f"{address}/health", timeout=60).json()["models"]
    assert health["far"]["status"] == "ok"
    assert release.ask("near").status_code == 200
    assert sorted(release.pods()) == ["head", "here"]


def test_the_first_request_waits_for_a_node_and_is_answered(release: Served) -> None:
    assert release.ask("far").status_code == 200
    assert sorted(release.pods()) == ["grown", "head", "here"]


def test_when_it_rests_again_its_node_goes(release: Served) -> None:
    kubectl.run("wait", "pods", "--for=delete", "--selector=ray.io/group=grown", "--timeout=10m", *release.place)
    assert release.replicas("far") == set()
    assert release.ask("near").status_code == 200
