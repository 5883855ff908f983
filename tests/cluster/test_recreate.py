"""The hook of recreate against the real operator: what it deletes, where clients find it, and how it ends."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster import kubectl
from tests.cluster.asked import plan
from tests.cluster.changes import values
from tests.cluster.dashboard import Dashboard
from tests.cluster.errand import POD, Errand, recreate
from tests.cluster.release import NAME, Release

SERVICE = f"{NAME}-serve-svc"
ALIAS = "chat-predictor"
Eventually = Callable[[Callable[[], bool]], None]


def file(release: Release, node: str, tag: str, strategy: str = "recreate") -> Path:
    changes = {"image__tag": tag, "upgrade__strategy": strategy, "aliases__type": "Service"}
    return release.file(values(node, changes), f"{strategy}-{tag}")


def installed(release: Release, node: str, tag: str, strategy: str = "recreate") -> None:
    release.apply(file(release, node, tag, strategy))


def tags(release: Release) -> set[str]:
    """Of the images of all pods of Ray."""
    found = kubectl.items("pods", "--selector=ray.io/is-ray-node=yes", *release.place)
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2].partition("-")[0] for pod in found}


def test_most_upgrades_change_no_pod_and_it_ends_at_once(
    release: Release, ray: Dashboard, node: str, address: str
) -> None:
    installed(release, node, "1")
    release.ready()
    before = release.cluster(release.active)
    release.apply(release.file(values(node, {"image__tag": "1", "models__ears__gpu": 0.25}), "model"))
    with recreate(release, node, address) as errand:
        assert errand.end() == "nothing to make anew: the pods are those that the values ask for\n"
    assert release.cluster(release.active) == before


def test_other_pods_make_the_cluster_anew_and_it_answers_until_that_serves(
    release: Release, ray: Dashboard, node: str, address: str, eventually: Eventually
) -> None:
    installed(release, node, "1")
    release.ready()
    old = release.active
    ray.hold(release.namespace)
    installed(release, node, "2")
    with recreate(release, node, address) as errand:
        assert errand.line().startswith(f"{old} is deleted")
        eventually(lambda: errand.behind(SERVICE) and errand.behind(ALIAS))
        ray.wait_for_another(release.namespace, old)
        assert tags(release) == {"2"}
        assert is_left_alone(errand)
        ray.release(release.namespace)
        assert errand.end().startswith(f"{settled(release, old)} serves after ")
        assert not {"ray.io/cluster", "ray.io/serve", "ai-inference/release"} & set(
            errand.pod["metadata"].get("labels", {})
        )
    assert plan(release, f"-f{file(release, node, '2')}", "--live")["verdict"] == "nothing"


def is_left_alone(errand: Errand) -> bool:
    """The operator has made the next cluster complete, and neither counts the pod in it nor has deleted it."""
    pending = errand.release.pending
    errand.release.settled(pending)
    pod = errand.pod["metadata"]
    return (
        POD not in errand.release.cluster(pending).pods and pod["uid"] == errand.uid and "deletionTimestamp" not in pod
    )


def settled(release: Release, old: str) -> str:
    """The cluster that serves, once that is another."""
    assert release.active != old
    assert not release.pending
    return release.active


def test_a_cluster_that_has_never_served_is_made_anew_too(
    release: Release, ray: Dashboard, node: str, address: str
) -> None:
    ray.hold(release.namespace)
    installed(release, node, "1")
    release.wait("jsonpath={.status.pendingServiceStatus.rayClusterName}")
    release.settled(release.pending)
    first = release.pending
    installed(release, node, "2")
    with recreate(release, node, address) as errand:
        assert errand.line().startswith(f"{first} is deleted")
        ray.release(release.namespace)
        assert " serves after " in errand.end()
    assert tags(release) == {"2"}


@pytest.mark.parametrize("tag", ["2", "3"], ids=["as it is wanted", "outdated"])
def test_the_first_cluster_goes_for_the_second_which_waits_for_its_gpus(
    release: Release, ray: Dashboard, node: str, address: str, tag: str
) -> None:
    """And the second as well, where other pods are wanted since."""
    installed(release, node, "1", "newCluster")
    release.ready()
    ray.hold(release.namespace)
    installed(release, node, "2", "newCluster")
    release.seen()
    first, second = release.active, release.pending
    release.settled(second)
    installed(release, node, tag)
    with recreate(release, node, address) as errand:
        deleted = [errand.line().split()[0] for _ in range(int(tag) - 1)]
        ray.release(release.namespace)
        assert " serves after " in errand.end()
    assert deleted == [first, second][: int(tag) - 1]
    assert tags(release) == {tag}


def test_a_change_that_comes_while_the_cluster_is_made_anew_makes_it_anew_again(
    release: Release, ray: Dashboard, node: str, address: str
) -> None:
    installed(release, node, "1")
    release.ready()
    ray.hold(release.namespace)
    installed(release, node, "2")
    with recreate(release, node, address, patience=10) as errand:
        assert "the next cluster is still starting after " in errand.end()
    second = release.pending
    installed(release, node, "3")
    with recreate(release, node, address) as errand:
        assert errand.line().startswith(f"{second} is deleted")
        ray.release(release.namespace)
        assert " serves after " in errand.end()
    assert tags(release) == {"3"}


def test_it_ends_well_and_leaves_every_service_when_it_is_told_to(
    release: Release, ray: Dashboard, node: str, address: str, eventually: Eventually
) -> None:
    installed(release, node, "1")
    release.ready()
    ray.hold(release.namespace)
    installed(release, node, "2")
    with recreate(release, node, address) as errand:
        eventually(lambda: errand.behind(SERVICE))
        errand.process.send_signal(signal.SIGTERM)
        assert "still starting" in errand.end()
        eventually(lambda: not errand.behind(SERVICE) and not errand.behind(ALIAS))


@pytest.mark.usefixtures("ray")
def test_nothing_is_deleted_where_kuberay_refuses_the_change(release: Release, node: str, address: str) -> None:
    installed(release, node, "1")
    release.ready()
    before = release.cluster(release.active)
    wrong = '[{"op": "replace", "path": "/spec/rayClusterConfig/workerGroupSpecs/0/minReplicas", "value": 9}]'
    kubectl.run("patch", "rayservices.ray.io", NAME, "--type=json", f"--patch={wrong}", *release.place)
    with recreate(release, node, address) as errand:
        said = errand.line()
        assert errand.process.wait(timeout=180) == 2
    assert "KubeRay refuses the change, so nothing was deleted" in said
    assert release.cluster(before.name) == before
