"""Five small models served in the cluster: images and weights go in, a release whose pods run comes out.

It wants a cluster that runs pods, where KUBECONFIG leads, and beside it

- AI_INFERENCE_LOAD_IMAGE, the command that puts an image of the local Docker Engine into the cluster, such as
  `kind load docker-image`; `python build.py cpu xpu` makes the images
- CLUSTER_TEST_FOLDER, where the node is not this machine: a folder that both see under the same path
"""

import base64
import os
import shlex
import shutil
import subprocess
import uuid
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from serve import standins
from serve.chart_values import CHART
from serve.cli import helm
from tests.cluster import kubectl
from tests.helm import render
from tests.serve import references

NAME = "ai-inference"
VALUES = Path(__file__).with_name("served.yaml")
CARD = "gpu.intel.com/xe"
CACHE = "models"
KEY = "a" * 32
BEARER = {"authorization": f"Bearer {KEY}"}
LOAD = "AI_INFERENCE_LOAD_IMAGE"
running_pods = pytest.mark.skipif(
    not os.environ.get(LOAD),
    reason=f"{LOAD} names no command that puts an image into the cluster (served.py says more)",
)
SPEC: dict[str, Any] = yaml.safe_load(VALUES.read_text())
USER = 1000


@dataclass(frozen=True)
class Served:
    """The release and where it is."""

    namespace: str
    values: Path
    name: str = NAME

    @property
    def place(self) -> tuple[str]:
        return (f"--namespace={self.namespace}",)

    def helm(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(helm.find()), verb, NAME, *arguments, *self.place]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def apply(self, *sets: str) -> None:
        """The first time a hook waits for its image, which may still be on its way into the cluster."""
        options = ("--install", "--timeout=15m", f"--values={self.values}", *map("--set={}".format, sets))
        done = self.helm("upgrade", str(CHART), *options)
        assert not done.returncode, done.stderr

    def ready(self) -> None:
        kubectl.run("wait", f"rayservices.ray.io/{NAME}", "--for=condition=Ready", "--timeout=15m", *self.place)

    def pods(self) -> dict[str, dict[str, Any]]:
        """Pods of Ray by their group."""
        found = kubectl.items("pods", f"--selector=ai-inference/release={NAME}", *self.place)
        return {pod["metadata"]["labels"]["ray.io/group"].replace("headgroup", "head"): pod for pod in found}

    def applications(self) -> dict[str, Any]:
        """What Ray Serve says of each, by its dashboard."""
        secret = kubectl.get("secret", f"{NAME}-dashboard", *self.place)
        token = base64.b64decode(secret["data"]["auth_token"]).decode()
        with self.address(f"{NAME}-head-svc", 8265) as address:
            answer = requests.get(
                f"{address}/api/serve/applications/", headers={"authorization": f"Bearer {token}"}, timeout=60
            )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["applications"]
        return found

    def replicas(self, model: str) -> set[str]:
        """That run, by their ids."""
        deployments = self.applications()[model]["deployments"].values()
        found = [one for deployment in deployments for one in deployment["replicas"]]
        return {one["replica_id"] for one in found if one["state"] == "RUNNING"}

    def ask(self, model: str) -> requests.Response:
        """A request for vectors, from this machine."""
        with self.address() as address:
            return requests.post(f"{address}/{model}/v1/embeddings", json={"input": "Hello!"}, timeout=600)

    @contextmanager
    def address(self, service: str = f"{NAME}-serve-svc", port: int = 8000) -> Iterator[str]:
        """Where this machine reaches it until the end of the block."""
        command = ["kubectl", "port-forward", f"service/{service}", f":{port}", *self.place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                said = process.stdout.readline()  # Forwarding from 127.0.0.1:40123 -> 8000
                yield f"http://{said.split()[2]}"
            finally:
                process.terminate()


@contextmanager
def loading_images(spec: Mapping[str, Any] = SPEC) -> Iterator[None]:
    """Puts those that the chart names into the cluster, beside what the block does."""
    service = render(spec)
    images = {service.container(group)["image"] for group in service.groups}
    with ThreadPoolExecutor() as threads:
        loads = threads.map(load, sorted(images))
        yield
        list(loads)


@cache
def load(image: str) -> None:
    """Once, however many tests want it: some gigabytes go through a pipe."""
    done = subprocess.run([*shlex.split(os.environ[LOAD]), image], capture_output=True, text=True, check=False)
    assert not done.returncode, f"{image}: {done.stderr}; python build.py cpu xpu makes the images"


def make_models(folder: Path) -> None:
    """Weights that pods may read, and write an export beside them: trained ones for embeddings, random ones else."""
    for name, model in SPEC["models"].items():
        if model["task"] == "embeddings":
            shutil.copytree(references.minilm(), folder / name)
        else:
            with warnings.catch_warnings(action="ignore"):  # What Kokoro warns about is its own to repair.
                standins.make(model["task"], model["engine"], folder / name)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER)


@contextmanager
def served(folder: Path, spec: Mapping[str, Any] = SPEC) -> Iterator[Served]:
    """In a namespace that takes only restricted pods; the node has a card that is one by name alone."""
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": namespace, "labels": restricted}
    node = _node()
    values = folder / f"{namespace}.yaml"
    values.write_text(yaml.safe_dump(_placed(spec, node)))
    kubectl.patch_status("node", node, {"capacity": {CARD: "1"}})
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for thing in (*_volume(namespace, folder), keys(namespace, tester=KEY)):
        kubectl.apply(thing)
    try:
        yield Served(namespace, values)
    finally:
        _end(namespace)
        kubectl.patch_status("node", node, {"capacity": {CARD: None}})


def _end(namespace: str) -> None:
    """Without the time that pods are given to end: the next test wants the cores."""
    place = f"--namespace={namespace}"
    kubectl.run("delete", "rayservices.ray.io,rayclusters.ray.io,rayjobs.ray.io", "--all", "--wait=false", place)
    kubectl.run("delete", "pods", "--all", "--force", "--grace-period=0", place)
    kubectl.run("delete", "namespace", namespace, "--timeout=5m")
    kubectl.run("delete", "persistentvolume", namespace)


def _node() -> str:
    """The first that runs containers; tests make others that do not."""
    nodes = kubectl.items("nodes")
    return next(str(one["metadata"]["name"]) for one in nodes if one["status"]["nodeInfo"]["containerRuntimeVersion"])


def _placed(spec: Mapping[str, Any], node: str) -> dict[str, Any]:
    """The values with all pods on one node and all weights in one claim."""
    label = {"nodeSelector": {"kubernetes.io/hostname": node}}
    accelerators = {
        name: {**label, **accelerator, "cache": {**accelerator.get("cache", {}), "existingClaim": CACHE}}
        for name, accelerator in spec["accelerators"].items()
    }
    return {"auth": {"enabled": False}, **spec, "head": {**spec["head"], **label}, "accelerators": accelerators}


def keys(namespace: str, **by_name: str) -> dict[str, Any]:
    """The Secret of the release's keys, where its values want them; applied as `stringData` none would ever go."""
    metadata = {"name": f"{NAME}-keys", "namespace": namespace}
    data = {name: base64.b64encode(key.encode()).decode() for name, key in by_name.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _volume(namespace: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A folder of the node as a volume: restricted pods may not name the folder themselves."""
    common = {"storageClassName": "", "accessModes": ["ReadWriteMany"]}
    volume = {**common, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(folder)},
              "claimRef": {"namespace": namespace, "name": CACHE}}  # fmt: skip
    yield {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": namespace}, "spec": volume}
    claim = {**common, "resources": {"requests": {"storage": "1Gi"}}, "volumeName": namespace}
    metadata = {"name": CACHE, "namespace": namespace}
    yield {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim}
