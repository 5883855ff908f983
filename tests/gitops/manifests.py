"""The smallest resources that KubeRay brings to life: the chart's with one fake model, a job and a cluster of it."""

import copy
import json
from functools import cache
from typing import Any

import yaml

from tests.cluster import kubectl
from tests.gitops.life import namespace
from tests.helm import Rendered, render

NAME = "ai-inference"
VERSION = "ray.io/kuberay-version"
NOWHERE = {"kubernetes.io/hostname": "nowhere"}


def values(**engine: Any) -> dict[str, Any]:
    """One model on one accelerator without a GPU; two such clusters fit side by side on a small machine."""
    model = {"task": "stt", "engine": "fake", "source": {"path": "/"}, "accelerator": "node", "memory": "1Gi"}
    return {
        "accelerators": {"node": {"vendor": "cpu", "memory": "2Gi", "order": 1, "cpus": 1, "ram": "2Gi"}},
        "models": {"ears": {**model, "engineConfig": engine} if engine else model},
        "head": {"ram": "3Gi"},
        "dashboard": {"auth": "disabled"},  # Only the RayService is applied, and not what makes the token.
        "upgrade": {"strategy": "newCluster"},
    }


def service(place: str, name: str = NAME, schedulable: bool = True) -> dict[str, Any]:
    """The chart's RayService."""
    service = copy.deepcopy(_render(place, name).service)
    service["spec"]["rayClusterConfig"] = _light(service["spec"]["rayClusterConfig"], schedulable)
    return service


def install(
    place: str, name: str = NAME, schedulable: bool = True, annotations: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """Applies the chart's RayService, changed where the chart would not go."""
    made = service(place, name, schedulable)
    made["metadata"]["annotations"] = annotations or {}
    made["spec"] |= spec
    accounts = _render(place, name).of("ServiceAccount").values()
    kubectl.run("apply", "--server-side", "--filename=-", place, text=yaml.safe_dump_all([*accounts, made]))
    return made


def config(**engine: Any) -> str:
    """serveConfigV2 with the engine's configuration changed."""
    return str(render(values(**engine)).service["spec"]["serveConfigV2"])


def other_pods() -> dict[str, Any]:
    """A change of the pods, which KubeRay answers with a second cluster."""
    service = render(values()).service
    cluster = _light(service["spec"]["rayClusterConfig"], True)
    cluster["headGroupSpec"]["template"]["metadata"]["annotations"] = {"changed": "true"}
    return {"spec": {"rayClusterConfig": cluster}}


def job(name: str, entrypoint: str, schedulable: bool = True, **spec: Any) -> str:
    """Without a submitter's pod."""
    wanted = {"entrypoint": entrypoint, "submissionMode": "HTTPMode", "shutdownAfterJobFinishes": True}
    return _manifest("RayJob", name, {**wanted, "rayClusterSpec": _alone(schedulable), **spec})


def cluster(name: str) -> str:
    return _manifest("RayCluster", name, _alone(True))


@cache
def operator() -> str:
    """KubeRay's version, which it writes on the RayCluster of a service, and that of Kubernetes."""
    with namespace() as place:
        install(place, schedulable=False)
        path = "jsonpath={.status.pendingServiceStatus.rayClusterName}"
        kubectl.wait(f"rayservices.ray.io/{NAME}", path, place)
        pending = kubectl.run("get", "rayservices.ray.io", NAME, f"--output={path}", place)
        kubectl.wait(f"rayclusters.ray.io/{pending}", "create", place)
        cluster = kubectl.get("rayclusters.ray.io", pending, place)
    server = json.loads(kubectl.run("version", "--output=json"))["serverVersion"]["gitVersion"]
    return f"KubeRay {cluster['metadata']['annotations'][VERSION]} on Kubernetes {server}"


def _render(place: str, name: str) -> Rendered:
    return render(values(), release=name, namespace=place.removeprefix("--namespace="))


def _manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "ray.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def _alone(schedulable: bool) -> dict[str, Any]:
    """A head that runs jobs, without workers."""
    cluster = _light(copy.deepcopy(render(values()).service["spec"]["rayClusterConfig"]), schedulable)
    cluster["workerGroupSpecs"] = []
    cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] = "1"
    del cluster["headGroupSpec"]["template"]["spec"]["serviceAccountName"]
    return cluster


def _light(cluster: dict[str, Any], schedulable: bool) -> dict[str, Any]:
    """Pods that ask for little, so that a small node takes them."""
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        pod["containers"][0]["resources"]["requests"] = {"cpu": "100m", "memory": "100Mi"}
        if not schedulable:
            pod["nodeSelector"] = NOWHERE
    return cluster
