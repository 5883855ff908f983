"""In place of a kubelet: pods that are bound to hand-made nodes go in, pods that run and are ready come out."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import kubectl
from tests.cluster.machines import PREFIX

COLUMNS = "{.metadata.namespace} {.metadata.name} {.spec.nodeName} {.status.phase} {.metadata.deletionTimestamp}\n"
OURS = "ai-inference/release"
CONDITIONS = "PodScheduled", "Initialized", "ContainersReady", "Ready"
STARTED = "2026-01-01T00:00:00Z"


@contextmanager
def running(address: str) -> Iterator[None]:
    """In the block pods of the chart on nodes without a kubelet run, all at one address, and end when deleted."""
    with kubectl.watching("pods", "--all-namespaces", f"--selector={OURS}", f"--output=jsonpath={COLUMNS}") as watch:
        follower = threading.Thread(target=_follow, args=(watch, address))
        follower.start()
        try:
            yield
        finally:
            watch.terminate()
            follower.join()


def _follow(watch: "subprocess.Popen[str]", address: str) -> None:
    assert watch.stdout is not None
    for line in watch.stdout:
        namespace, name, node, phase, deleted, *_ = [*line.rstrip("\n").split(" "), "", "", ""]
        if node.startswith(PREFIX) and deleted:
            kubectl.run(
                "delete", "pod", name, f"--namespace={namespace}", "--force", "--grace-period=0", "--ignore-not-found"
            )
        elif node.startswith(PREFIX) and phase == "Pending":
            start(namespace, name, address)


def start(namespace: str, name: str, address: str) -> None:
    """Says of a pod that it runs and is ready."""
    conditions = [{"type": kind, "status": "True"} for kind in CONDITIONS]
    container = {"name": "ray", "image": "none", "imageID": "", "restartCount": 0, "ready": True, "started": True}
    state = {"running": {"startedAt": STARTED}}
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": STARTED,
        "conditions": conditions,
        "containerStatuses": [container | {"state": state}],
    }
    kubectl.patch_status("pod", name, status, f"--namespace={namespace}")
