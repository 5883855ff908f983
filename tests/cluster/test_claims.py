"""Accelerators that claim their GPUs, on the real scheduler: by a driver's own node, and through upgrades.

On the driver's node pods wait for their images, which are not there; devices are allocated and reserved before that.
Where AI_INFERENCE_LOAD_IMAGE puts images into the cluster (served.py says more), the pods run.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster import devices, kubectl, machines
from tests.cluster.changes import values
from tests.cluster.dashboard import Dashboard
from tests.cluster.devices import claims, held, holders, parameters
from tests.cluster.release import Release
from tests.cluster.served import loading_images, running_pods

Eventually = Callable[[Callable[[], bool]], None]
CLAIM = {"deviceClass": "gpu.example.com"}
SHARED = {**CLAIM, "shared": "front"}
SLICED = {**CLAIM, "sharing": "timeSlicing"}
CONFIG = {"apiVersion": "gpu.resource.example.com/v1alpha1", "kind": "GpuConfig"}
SHARING: dict[str, dict[str, Any]] = {
    "timeSlicing": {"strategy": "TimeSlicing", "timeSlicingConfig": {"interval": "Default"}},
    "spacePartitioning": {"strategy": "SpacePartitioning", "spacePartitioningConfig": {"partitionCount": 1}},
}
SMALL = {"vendor": "xpu", "memory": "24Gi", "cpus": 0.1, "ram": "2Gi", "env": {"AI_INFERENCE_SIMULATED": "1"}}
HOST = "kubernetes.io/hostname"


@pytest.fixture(scope="module")
def driven(cluster: None) -> str:
    """The node of the driver."""
    name = devices.node()
    if not name:
        pytest.skip(f"no driver publishes devices as {devices.DRIVER}")
    return name


def accelerators(node: str, **claimed: dict[str, Any]) -> dict[str, Any]:
    """Accelerators with these claims on the driver's node, and a model on the first."""
    place = {"nodeSelector": {HOST: node}}
    entries = {name: {**SMALL, **place, "order": order, **entry} for order, (name, entry) in enumerate(claimed.items())}
    model = {"task": "stt", "engine": "fake", "source": {"path": "/"}, "gpu": 0.5, "cpus": 0.1}
    return {
        "accelerators": entries,
        "models": {"ears": {**model, "accelerator": next(iter(entries))}},
        "head": {"cpus": 0.1, "ram": "2Gi", **place},
        "image": {"pullPolicy": "Never"},
    }


def workers(release: Release) -> dict[str, dict[str, Any]]:
    """Pods that are to have a device, once they are on a node."""
    pods = {
        name: pod for name, pod in release.pods.items() if pod["metadata"]["labels"]["ray.io/node-type"] == "worker"
    }
    return {name: pod for name, pod in pods.items() if pod["spec"].get("nodeName")}


def test_each_worker_has_a_claim_and_a_device_of_its_own(release: Release, driven: str, eventually: Eventually) -> None:
    release.apply(release.file(accelerators(driven, one={"claim": CLAIM, "nodes": 2}), "two"))
    eventually(lambda: len(workers(release)) == len(claims(release)) == 2)
    found = claims(release).values()
    assert set.union(*map(holders, found)) == set(workers(release))
    assert len({device for claim in found for device in held(claim)}) == 2


def test_two_devices_of_one_node_are_one_claim(release: Release, driven: str, eventually: Eventually) -> None:
    release.apply(release.file(accelerators(driven, one={"claim": CLAIM, "count": 2}), "pair"))
    eventually(lambda: len(claims(release)) == 1)
    (claim,) = claims(release).values()
    assert len(set(held(claim))) == 2


def test_what_waits_for_rays_head_claims_nothing(release: Release, driven: str, eventually: Eventually) -> None:
    release.apply(release.file(accelerators(driven, one={"claim": CLAIM}), "one"))
    eventually(lambda: len(workers(release)) == 1)
    (pod,) = workers(release).values()
    (waiting,) = pod["spec"]["initContainers"]
    (ray,) = pod["spec"]["containers"]
    assert (waiting["name"], waiting["resources"].get("claims")) == ("wait-gcs-ready", None)
    assert ray["resources"]["claims"] == [{"name": "gpu"}]


@pytest.mark.parametrize("sharing", SHARING)
def test_the_driver_is_told_how_to_share(sharing: str, release: Release, driven: str, eventually: Eventually) -> None:
    claim = {**CLAIM, "sharing": sharing, "selectors": ['device.attributes["gpu.example.com"].model == "simulated"']}
    release.apply(release.file(accelerators(driven, one={"claim": claim}), sharing))
    eventually(lambda: len(claims(release)) == 1)
    (found,) = claims(release).values()
    assert parameters(found) == [{**CONFIG, "sharing": SHARING[sharing]}]


def test_two_accelerators_share_one_device(release: Release, driven: str, eventually: Eventually) -> None:
    release.apply(release.file(accelerators(driven, one={"claim": SHARED}, two={"claim": SHARED}), "shared"))
    eventually(lambda: len(workers(release)) == 2)
    eventually(lambda: [len(holders(claim)) for claim in claims(release).values()] == [2])
    (claim,) = claims(release).values()
    assert holders(claim) == set(workers(release))
    assert len(held(claim)) == 1


def test_a_selector_that_no_device_meets_keeps_the_pod_waiting(
    release: Release, driven: str, eventually: Eventually
) -> None:
    claim = {**CLAIM, "selectors": ['device.attributes["gpu.example.com"].model == "other"']}
    release.apply(release.file(accelerators(driven, one={"claim": claim}), "none"))
    eventually(lambda: any("cannot allocate all claims" in reason for reason in unscheduled(release)))
    assert not claims(release)


def unscheduled(release: Release) -> list[str]:
    conditions = [one for pod in release.pods.values() for one in pod["status"].get("conditions", [])]
    return [one.get("message", "") for one in conditions if one["type"] == "PodScheduled" and one["status"] == "False"]


@running_pods
def test_pods_that_share_a_device_run_and_serve(release: Release, driven: str) -> None:
    shared = {"claim": {**SHARED, "sharing": "timeSlicing"}}
    with loading_images():
        file = release.file({**accelerators(driven, one=shared, two=shared)}, "run")
    release.apply(file)
    kubectl.run("wait", f"rayservices.ray.io/{release.name}", "--for=condition=Ready", "--timeout=10m", *release.place)
    (claim,) = claims(release).values()
    running = {name for name, pod in workers(release).items() if pod["status"]["phase"] == "Running"}
    assert holders(claim) == running
    assert len(running) == 2


@pytest.fixture
def gpus() -> Iterator[str]:
    """A node without a kubelet that has four GPUs to claim, so that its pods run as soon as they are there."""
    with machines.node({"amd.com/gpu": "8"}) as name, devices.published(name, 4):
        yield name


def claimed(node: str, claim: dict[str, Any], strategy: str = "newCluster") -> dict[str, Any]:
    changes = {"accelerators__small__resource": None, "accelerators__small__claim": claim}
    return values(node, {**changes, "upgrade__strategy": strategy})


def test_another_claim_is_another_cluster_whose_pods_have_it(
    release: Release, ray: Dashboard, gpus: str, eventually: Eventually
) -> None:
    release.apply(release.file(claimed(gpus, CLAIM), "old"))
    release.ready()
    first, before = release.active, claims(release)
    ray.hold(release.namespace)
    release.apply(release.file(claimed(gpus, SLICED), "new"))
    eventually(lambda: len(claims(release)) == 2)
    found = claims(release)
    assert release.active == first
    assert [held(found[name]) for name in before] == [held(claim) for claim in before.values()]
    (new,) = (claim for name, claim in found.items() if name not in before)
    assert parameters(new) == [{**CONFIG, "sharing": SHARING["timeSlicing"]}]


def test_a_pod_of_the_old_cluster_starts_again_by_the_old_template(
    release: Release, ray: Dashboard, gpus: str, eventually: Eventually
) -> None:
    """Under recreate the cluster stays as it is until it is made anew, and its pods may die before that."""
    release.apply(release.file(claimed(gpus, CLAIM, "recreate"), "old"))
    release.ready()
    (worker,) = (name for name, group in release.cluster(release.active).pods.items() if group == "small")
    release.apply(release.file(claimed(gpus, SLICED, "recreate"), "new"))
    release.seen()
    kubectl.run("delete", "pod", worker, *release.place)
    release.settled(release.active)
    eventually(lambda: [holders(claim) for claim in claims(release).values()] == [smalls(release)])
    assert worker not in smalls(release)


def smalls(release: Release) -> set[str]:
    """Pods of the accelerator that claims its device."""
    return {name for name, group in release.cluster(release.active).pods.items() if group == "small"}


@pytest.mark.parametrize("claim", [CLAIM, SHARED], ids=["a claim each", "a shared claim"])
def test_a_rollback_finds_the_claims_of_the_pods_that_run(
    claim: dict[str, Any], release: Release, ray: Dashboard, gpus: str
) -> None:
    release.apply(release.file(claimed(gpus, claim, "recreate"), "old"))
    release.ready()
    before = claims(release)
    release.apply(release.file(claimed(gpus, SLICED, "recreate"), "new"))
    release.seen()
    done = release.helm("rollback", "--no-hooks")
    assert not done.returncode, done.stderr
    release.seen()
    (found,) = claims(release).values()
    assert found["metadata"]["name"] in before
    assert "deletionTimestamp" not in found["metadata"]
    assert holders(found) == smalls(release)


def test_a_claim_goes_with_the_first_upgrade_after_its_pods(release: Release, ray: Dashboard, gpus: str) -> None:
    release.apply(release.file(claimed(gpus, SHARED), "old"))
    release.ready()
    was, (old,) = release.active, named(release)
    new = release.file(claimed(gpus, {**SHARED, "sharing": "timeSlicing"}), "new")
    release.apply(new)
    anew = ray.wait_for_another(release.namespace, was)
    release.wait(f"jsonpath={{.status.activeServiceStatus.rayClusterName}}={anew}")
    assert old in named(release)
    kubectl.run(
        "delete", "rayclusters.ray.io", was, "--ignore-not-found", *release.place
    )  # As the operator does a minute later.
    release.apply(new)
    kubectl.wait(f"resourceclaims/{old}", "delete", *release.place)
    assert len(named(release)) == 1


@pytest.mark.parametrize("claim", [CLAIM, SHARED], ids=["a claim each", "a shared claim"])
def test_uninstalling_leaves_no_claim_and_no_device_taken(
    claim: dict[str, Any], release: Release, ray: Dashboard, gpus: str, eventually: Eventually
) -> None:
    release.apply(release.file(claimed(gpus, claim), "values"))
    release.ready()
    done = release.helm("uninstall", "--no-hooks")
    assert not done.returncode, done.stderr
    eventually(lambda: not named(release))


def named(release: Release) -> list[str]:
    """All claims and templates of claims that there are."""
    found = kubectl.items("resourceclaims,resourceclaimtemplates", *release.place)
    return [one["metadata"]["name"] for one in found]
