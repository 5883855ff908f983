"""The pod of the chart's hook `recreate`, without a container: its command runs here, and what it prints comes out."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import kubectl, pods
from tests.cluster.release import NAME, Release

POD = f"{NAME}-recreate"
PROGRAM = Path(sys.executable).with_name("ai-inference")


@dataclass(frozen=True)
class Errand:
    """The running command, and its pod."""

    process: "subprocess.Popen[str]"
    release: Release
    uid: str

    def line(self) -> str:
        """The next that it prints; empty when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self) -> str:
        """Waits for it to end well: all that it has still printed."""
        said, _ = self.process.communicate(timeout=180)
        assert not self.process.returncode, said
        return said

    @property
    def pod(self) -> dict[str, Any]:
        return kubectl.get("pod", POD, *self.release.place)

    def behind(self, service: str) -> bool:
        """Whether the Service leads to its pod."""
        slices = kubectl.items(
            "endpointslices", f"--selector=kubernetes.io/service-name={service}", *self.release.place
        )
        ends = [one for found in slices for one in found.get("endpoints") or []]
        return POD in [one["targetRef"]["name"] for one in ends if one["conditions"]["ready"]]


@contextmanager
def recreate(release: Release, node: str, address: str, patience: int = 180) -> Iterator[Errand]:
    """Runs in the block, as Helm would run it after an upgrade."""
    container = {"name": "recreate", "image": "none"}
    metadata = {"name": POD, "namespace": release.namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
                   "spec": {"nodeName": node, "containers": [container]}})  # fmt: skip
    pods.start(release.namespace, POD, address)
    uid = kubectl.get("pod", POD, *release.place)["metadata"]["uid"]
    options = [*release.place, f"--pod={POD}", f"--patience={patience}", f"--port={_free()}"]
    command = [str(PROGRAM), "recreate", NAME, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Errand(process, release, uid)
        finally:
            process.terminate()
    kubectl.run("delete", "pod", POD, "--force", "--grace-period=0", *release.place)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
