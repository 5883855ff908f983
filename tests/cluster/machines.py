"""Nodes without a machine: a name and what it has go in, a Node object that the scheduler uses comes out."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.cluster import kubectl

PREFIX = "without-kubelet-"
LABEL = "ai-inference-test/node"
ROOM = {"cpu": "640", "memory": "2Ti", "pods": "1000"}
CONDITIONS = [
    {"type": "Ready", "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
]


@contextmanager
def node(resources: Mapping[str, str], taints: list[dict[str, str]] | None = None) -> Iterator[str]:
    """Labelled with its own name, there until the end of the block."""
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    metadata = {"name": name, "labels": {LABEL: name}}
    kubectl.apply({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": taints or []}})
    room = {**ROOM, **resources}
    try:
        kubectl.patch_status("node", name, {"capacity": room, "allocatable": room, "conditions": CONDITIONS})
        yield name
    finally:
        kubectl.run("delete", "node", name)
