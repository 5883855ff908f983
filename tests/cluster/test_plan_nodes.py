"""Whether the nodes have room, as `ai-inference plan --live` says it, against the real scheduler."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.cluster import kubectl, machines
from tests.cluster.asked import plan, said
from tests.cluster.changes import values
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import Release

ONE = {"amd.com/gpu": "1", "nvidia.com/gpu": "1"}
TWO = {"amd.com/gpu": "2", "nvidia.com/gpu": "2"}
TAINT = {"key": "gpu", "value": "only", "effect": "NoSchedule"}
TOLERATED = [{"key": "gpu", "operator": "Equal", "value": "only"}]
IMAGE = {"image__tag": "2"}


@pytest.fixture
def one_of_each() -> Iterator[str]:
    with machines.node(ONE) as name:
        yield name


@pytest.fixture
def two_of_each() -> Iterator[str]:
    with machines.node(TWO) as name:
        yield name


@pytest.fixture
def tainted() -> Iterator[str]:
    with machines.node(ONE, [TAINT]) as name:
        yield name


def places(found: Mapping[str, Any]) -> dict[str, str | None]:
    return {place["group"]: place["node"] for place in found["nodes"]["places"]}


def scheduled(release: Release, cluster: str) -> dict[str, str | None]:
    """Where the scheduler has put each pod, once it has tried all of them."""
    selector = (f"--selector=ray.io/cluster={cluster}", *release.place)
    groups = len(release.cluster(cluster).groups) + 1
    kubectl.wait(
        f"rayclusters.ray.io/{cluster}", f"jsonpath={{.status.desiredWorkerReplicas}}={groups - 1}", *release.place
    )
    kubectl.wait("pods", "jsonpath={.status.conditions[?(@.type=='PodScheduled')].status}", *selector)
    pods = kubectl.items("pods", *selector)
    assert len(pods) == groups
    return {
        pod["metadata"]["labels"]["ray.io/group"].replace("headgroup", "head"): pod["spec"].get("nodeName")
        for pod in pods
    }


def test_a_second_cluster_fits_where_gpus_are_spare(release: Release, ray: Dashboard, two_of_each: str) -> None:
    found, there = second(release, ray, two_of_each)
    assert found["nodes"]["enough"] is True
    assert found["pods"]["devices"] == {"amd.com/gpu": 1, "nvidia.com/gpu": 1}
    assert places(found) == there == dict.fromkeys(("head", "big", "small"), two_of_each)


def test_a_second_cluster_waits_where_each_gpu_is_taken(release: Release, ray: Dashboard, one_of_each: str) -> None:
    found, there = second(release, ray, one_of_each)
    assert found["nodes"]["enough"] is False
    assert places(found) == there == {"head": one_of_each, "big": None, "small": None}
    reasons = [place["reason"] for place in found["nodes"]["places"] if not place["node"]]
    assert reasons == [f"{one_of_each} has 0 of 1 {gpu} free" for gpu in ("amd.com/gpu", "nvidia.com/gpu")]


def second(release: Release, ray: Dashboard, node: str) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The plan of a second cluster on one node, and what the scheduler did about it."""
    spare = {"upgrade__strategy": "newCluster"}
    release.apply(release.file(values(node, spare), "old"))
    release.ready()
    new = release.file(values(node, {**spare, **IMAGE}), "new")
    found = plan(release, f"-f{new}", "--live")
    ray.hold(release.namespace)
    release.apply(new)
    release.seen()
    kubectl.wait(f"rayclusters.ray.io/{release.pending}", "create", *release.place)
    return found, scheduled(release, release.pending)


def test_a_cluster_made_anew_gets_the_gpus_of_the_old(release: Release, ray: Dashboard, one_of_each: str) -> None:
    release.apply(release.file(values(one_of_each, {}), "old"))
    release.ready()
    new = release.file(values(one_of_each, IMAGE), "new")
    assert plan(release, f"-f{new}", "--live")["nodes"]["enough"] is True
    assert f"big on {one_of_each}, small on {one_of_each}" in said(release, f"-f{new}", "--live")


@pytest.mark.parametrize("tolerations", [TOLERATED, []], ids=["tolerated", "not tolerated"])
def test_a_taint_keeps_pods_away_that_do_not_tolerate_it(
    tolerations: list[dict[str, str]], release: Release, ray: Dashboard, tainted: str
) -> None:
    changes = {"accelerators__small__tolerations": tolerations}
    new = release.file(values(tainted, changes), "new")
    found = plan(release, f"-f{new}", "--live")
    release.apply(new)
    release.wait("jsonpath={.status.pendingServiceStatus.rayClusterName}")
    kubectl.wait(f"rayclusters.ray.io/{release.pending}", "create", *release.place)
    there = scheduled(release, release.pending)
    assert places(found) == there == {"head": None, "big": None, "small": tainted if tolerations else None}
