"""GPUs by Dynamic Resource Allocation: a node or a release goes in, devices and who has them come out.

On a node with a kubelet they are the driver's own. For one without, `published` says in a driver's place what there is:
the scheduler allocates from that alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.cluster import kubectl
from tests.cluster.release import Release

DRIVER = "gpu.example.com"
API = "resource.k8s.io/v1"


def node() -> str | None:
    """A node on which the driver runs."""
    slices = kubectl.items("resourceslices", f"--field-selector=spec.driver={DRIVER}")
    return next((str(one["spec"]["nodeName"]) for one in slices), None)


@contextmanager
def published(node: str, count: int) -> Iterator[None]:
    """Until the end of the block the node has so many GPUs."""
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    devices = [{"name": f"gpu-{number}"} for number in range(count)]
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": devices}
    kubectl.apply({"apiVersion": API, "kind": "ResourceSlice", "metadata": {"name": node}, "spec": spec})
    try:
        yield
    finally:
        kubectl.run("delete", "resourceslice", node, "--ignore-not-found")


def claims(release: Release) -> dict[str, dict[str, Any]]:
    """Claims that have devices, by name."""
    found = kubectl.items("resourceclaims", *release.place)
    return {one["metadata"]["name"]: one for one in found if one.get("status", {}).get("allocation")}


def holders(claim: Mapping[str, Any]) -> set[str]:
    """The pods for which it is reserved."""
    return {one["name"] for one in claim["status"].get("reservedFor", [])}


def held(claim: Mapping[str, Any]) -> list[str]:
    """The devices that were allocated to it."""
    return [one["device"] for one in claim["status"]["allocation"]["devices"]["results"]]


def parameters(claim: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the driver is told of them."""
    configs = claim["status"]["allocation"]["devices"].get("config", [])
    return [one["opaque"]["parameters"] for one in configs]
