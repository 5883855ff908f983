"""A live cluster goes in, statuses/*.yaml come out: what KubeRay writes while its resources come, change and fail.

    KUBECONFIG=... python -m tests.gitops.record [invalid | timeout | cluster | job | service | swap]...

The cluster has KubeRay's operator and the image of the chart's vendor `cpu`; two CPU cores and 10 GiB are enough. The
models are the chart's, with the engine `fake`.
"""

import sys
from collections.abc import Callable

import yaml

from tests.cluster import kubectl
from tests.gitops import STATUSES, manifests
from tests.gitops.life import Life, Thing, living, namespace

KEPT = "name", "generation", "annotations", "finalizers"
COMMAND = "KUBECONFIG=... python -m tests.gitops.record"


def service(place: str) -> None:
    """A model comes, changes, breaks, cannot be deployed, and is corrected."""
    with living("rayservices.ray.io", manifests.NAME, place) as life:
        save("service-applied", manifests.install(place), spec=True)
        save("service-new", life.until(lambda it: not it.get("status", {}).get("conditions")))
        save("service-initializing", life.until(lambda it: condition(it, "Ready") == "False" and not statuses(it)))
        save("service-deploying", life.until(lambda it: "DEPLOYING" in statuses(it)))
        clusters(life, place)
        save("service-ready", life.until(running), spec=True)
        changed = life.patch({"spec": {"serveConfigV2": manifests.config(loadDelay=20)}})
        save("service-changed", life.until(lambda it: observed(it) == changed))
        save("service-redeploying", life.until(lambda it: "DEPLOYING" in statuses(it)))
        life.until(running)
        life.patch({"spec": {"serveConfigV2": manifests.config(loadError="no such file")}})
        life.until(lambda it: "DEPLOYING" in statuses(it))
        save("service-broken-model", life.until(running))
        life.patch({"spec": {"serveConfigV2": manifests.config().replace("serve.tasks.stt", "serve.tasks.nothing")}})
        save("service-deploy-failed", life.until(lambda it: "DEPLOY_FAILED" in statuses(it)))
        corrected = life.patch({"spec": {"serveConfigV2": manifests.config()}})
        save("service-corrected", life.until(lambda it: observed(it) == corrected))


def swap(place: str) -> None:
    """A service moves to a second cluster."""
    with living("rayservices.ray.io", manifests.NAME, place) as life:
        manifests.install(place)
        life.until(running)
        changed = life.patch(manifests.other_pods())
        save("service-swap-began", life.until(lambda it: observed(it) == changed))
        save("service-swapping", life.until(lambda it: condition(it, "UpgradeInProgress") == "True" and statuses(it)))
        swapped = life.until(lambda it: condition(it, "UpgradeInProgress") == "False" and running(it))
        save("service-swapped", swapped)


def clusters(life: Life, place: str) -> None:
    """The RayCluster under the service."""
    name = life.until(lambda it: it["status"].get("pendingServiceStatus"))["status"]["pendingServiceStatus"]
    save("cluster-of-service", kubectl.get("rayclusters.ray.io", str(name["rayClusterName"]), place))


def invalid(place: str) -> None:
    """A service that KubeRay refuses at first, and one that it refuses after a change."""
    with living("rayservices.ray.io", manifests.NAME, place) as life:
        manifests.install(place, upgradeStrategy={"type": "Sideways"})
        save("service-invalid", life.until(lambda it: condition(it, "Ready") == "False"))
    with living("rayservices.ray.io", "later", place) as life:
        manifests.install(place, name="later", schedulable=False)
        life.until(lambda it: condition(it, "Ready") == "False")
        life.patch({"spec": {"upgradeStrategy": {"type": "Sideways"}}})
        save("service-invalid-later", life.until(lambda it: "Sideways" in str(it.get("status"))))


def timeout(place: str) -> None:
    """A service whose pods find no node for longer than it allows."""
    with living("rayservices.ray.io", manifests.NAME, place) as life:
        manifests.install(place, schedulable=False, annotations={"ray.io/initializing-timeout": "10s"})
        save("service-timeout", life.until(lambda it: "InitializingTimeout" in str(it.get("status"))))


def job(place: str) -> None:
    """A job waits to be admitted, runs, ends; another fails, others never run."""
    with living("rayjobs.ray.io", "job", place) as life:
        kubectl.run("create", "--filename=-", place, text=manifests.job("job", "sleep 15", suspend=True))
        save("job-suspended", life.until(stage("Suspended")))
        life.patch({"spec": {"suspend": False}})
        save("job-initializing", life.until(stage("Initializing")))
        save("job-running", life.until(lambda it: it["status"].get("jobStatus") == "RUNNING"))
        save("job-succeeded", life.until(stage("Complete")))
    for name, made in {
        "job-failed": manifests.job("failed", "exit 3"),
        "job-late": manifests.job("late", "true", schedulable=False, activeDeadlineSeconds=10),
        "job-invalid": manifests.job("invalid", "true", shutdownAfterJobFinishes=False, suspend=True),
    }.items():
        with living("rayjobs.ray.io", name.removeprefix("job-"), place) as life:
            kubectl.run("create", "--filename=-", place, text=made)
            save(name, life.until(lambda it: "Failed" in it.get("status", {}).get("jobDeploymentStatus", "")))


def cluster(place: str) -> None:
    """A cluster comes, is suspended, and may not make its pods."""
    with living("rayclusters.ray.io", "cluster", place) as life:
        kubectl.run("create", "--filename=-", place, text=manifests.cluster("cluster"))
        save("cluster-starting", life.until(lambda it: condition(it, "RayClusterProvisioned") == "False"))
        save("cluster-ready", life.until(lambda it: it["status"].get("state") == "ready"))
        life.patch({"spec": {"suspend": True}})
        save("cluster-suspended", life.until(lambda it: it["status"].get("state") == "suspended"))
    kubectl.run("create", "quota", "nothing", "--hard=pods=0", place)
    with living("rayclusters.ray.io", "refused", place) as life:
        kubectl.run("create", "--filename=-", place, text=manifests.cluster("refused"))
        save("cluster-refused", life.until(lambda it: condition(it, "ReplicaFailure") == "True"))


def condition(thing: Thing, kind: str) -> str:
    found = thing.get("status", {}).get("conditions", [])
    return next((str(one["status"]) for one in found if one["type"] == kind), "")


def statuses(thing: Thing) -> list[str]:
    """Of the applications, on whichever cluster KubeRay reports them."""
    status = thing.get("status", {})
    sides = [status.get(side, {}) for side in ("activeServiceStatus", "pendingServiceStatus")]
    return [str(one.get("status", "")) for side in sides for one in side.get("applicationStatuses", {}).values()]


def running(thing: Thing) -> bool:
    return condition(thing, "Ready") == "True" and set(statuses(thing)) == {"RUNNING"}


def observed(thing: Thing) -> int:
    return int(thing.get("status", {}).get("observedGeneration", 0))


def stage(name: str) -> Callable[[Thing], bool]:
    return lambda it: it.get("status", {}).get("jobDeploymentStatus") == name


def save(name: str, thing: Thing, spec: bool = False) -> None:
    """The fields that a health check may read, or the whole spec too, under a line that says where they are from."""
    kept = {key: value for key, value in thing["metadata"].items() if key in KEPT}
    chosen = {key: value for key, value in thing["spec"].items() if spec or key in ("suspend", "upgradeStrategy")}
    found = {"apiVersion": thing["apiVersion"], "kind": thing["kind"], "metadata": kept, "spec": chosen}
    if "status" in thing:
        found["status"] = thing["status"]
    head = f"# Recorded from {manifests.operator()} by: {COMMAND}\n"
    (STATUSES / f"{name}.yaml").write_text(head + yaml.safe_dump(found, sort_keys=False, width=120))
    print(name, flush=True)


LIVES = {made.__name__: made for made in (invalid, timeout, cluster, job, service, swap)}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or LIVES:
        with namespace() as here:
            LIVES[chosen](here)
