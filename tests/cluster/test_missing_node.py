"""Real pods, and a node that is not there: its model alone is unavailable, at the first install and after an upgrade.

Tests of one installation, in their order.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster import kubectl
from tests.cluster.served import NAME, Served, loading_images, running_pods, served

pytestmark = running_pods
PLACE = "ai-inference-test/place"
SMALL = {"vendor": "cpu", "memory": "1Gi", "cpus": 0.2, "ram": "2Gi", "patience": 60}
FAKE = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "memory": "512Mi", "cpus": 0.1}
SPEC: dict[str, Any] = {
    "accelerators": {"here": {**SMALL, "order": 1}, "away": {**SMALL, "order": 2, "nodeSelector": {PLACE: "away"}}},
    "head": {"cpus": 0.2, "ram": "3Gi"},
    "models": {"near": {**FAKE, "accelerator": "here"}, "far": {**FAKE, "accelerator": "away"}},
    "upgrade": {"strategy": "newCluster"},
}
Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="module")
def release(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with loading_images(SPEC), served(tmp_path_factory.mktemp("models"), SPEC) as release:
        release.apply()
        release.ready()
        yield release


def must_miss(release: Served) -> None:
    answer = release.ask("far")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (503, "model_unavailable")
    assert "no node has accelerator 'away'" in error["message"]
    assert "retry-after" in answer.headers


def test_at_the_first_install_the_others_are_served(release: Served) -> None:
    assert release.ask("near").status_code == 200
    must_miss(release)


def test_when_the_node_comes_its_model_is_served(release: Served, eventually: Eventually) -> None:
    node = release.pods()["here"]["spec"]["nodeName"]
    kubectl.run("label", "node", node, f"{PLACE}=away")
    try:
        kubectl.wait("pods", "condition=Ready", "--selector=ray.io/group=away", *release.place)
        eventually(lambda: release.ask("far").status_code == 200)
    finally:
        kubectl.run("label", "node", node, f"{PLACE}-")


def test_when_it_is_gone_again_an_upgrade_to_a_second_cluster_comes_to_its_end(release: Served) -> None:
    service = f"rayservices.ray.io/{NAME}"
    active = "jsonpath={.status.activeServiceStatus.rayClusterName}"
    before = kubectl.run("get", service, f"--output={active}", *release.place)
    release.apply("accelerators.here.env.A=b")
    for state in ("True", "False"):
        kubectl.wait(service, f"condition=UpgradeInProgress={state}", *release.place)
    assert kubectl.run("get", service, f"--output={active}", *release.place) != before
    assert release.ask("near").status_code == 200
    must_miss(release)
