"""Nodes without a machine: what one has goes in, a Node object that the scheduler uses comes out."""

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.cluster import kubectl

PREFIX = f"without-kubelet-{uuid.uuid4().hex[:6]}-"
"""Of this run: others may test on the same cluster at once."""
LABEL = "ai-inference-test/node"
ROOM = {"cpu": "640", "memory": "2Ti", "pods": "1000"}
BEAT_SECONDS = 10
CONDITIONS = [
    {"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
]


@contextmanager
def node(
    resources: Mapping[str, str], taints: list[dict[str, str]] | None = None, labels: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Labelled with its own name and more, there until the end of the block."""
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {LABEL: name, **(labels or {})}}
    kubectl.apply({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints or []}})
    room = {**ROOM, **resources}
    try:
        kubectl.patch_status("node", name, {"capacity": room, "allocatable": room, "conditions": CONDITIONS})
        with _alive(name):
            yield name
    finally:
        kubectl.run("delete", "node", name)


@contextmanager
def _alive(name: str) -> Iterator[None]:
    """Renews the node's lease as a kubelet does; Kubernetes drains a node whose lease grows old."""
    ended = threading.Event()
    beating = threading.Thread(target=_beat, args=(name, ended))
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()


def _beat(name: str, ended: threading.Event) -> None:
    metadata = {"name": name, "namespace": "kube-node-lease"}
    while not ended.is_set():
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}
        kubectl.apply({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
        ended.wait(BEAT_SECONDS)
