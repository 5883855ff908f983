"""The homelab's four machines as Node objects: each pod goes to its own, and one that is missing is named."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import kubectl, machines
from tests.cluster.asked import plan
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import Release
from tests.helm import VALUES

HOST = "kubernetes.io/hostname"
GPUS = {"khelben": "amd.com/gpu", "elminster": "nvidia.com/gpu", "drizzt": "amd.com/gpu", "danilo": "gpu.intel.com/xe"}
MACHINES = {"strix-halo": "khelben", "rtx-2070": "elminster", "radeon-680m": "drizzt", "arc": "danilo"}


@pytest.fixture
def fleet(cluster: None) -> Iterator[dict[str, str]]:
    """The names of the Node objects by that of the machine."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(machines.node({gpu: "1"}, labels={HOST: name})) for name, gpu in GPUS.items()}


@pytest.fixture
def values(release: Release, fleet: dict[str, str]) -> Path:
    """The homelab as it is, with the head on one of its machines, wherever else this cluster has room."""
    homelab: dict[str, Any] = yaml.safe_load((VALUES / "homelab.yaml").read_text())
    return release.file({**homelab, "head": {"nodeSelector": {HOST: "khelben"}}}, "homelab")


def test_each_worker_is_on_its_own_node_and_asks_for_its_gpu_alone(
    release: Release, ray: Dashboard, fleet: dict[str, str], values: Path
) -> None:
    release.apply(values)
    release.ready()
    pods = kubectl.items("pods", f"--selector=ray.io/cluster={release.active},ray.io/node-type=worker", *release.place)
    found = {pod["metadata"]["labels"]["ray.io/group"]: pod["spec"] for pod in pods}
    assert {group: spec["nodeName"] for group, spec in found.items()} == {
        group: fleet[machine] for group, machine in MACHINES.items()
    }
    limits = {group: spec["containers"][0]["resources"]["limits"] for group, spec in found.items()}
    devices = {group: {name: one for name, one in each.items() if name != "memory"} for group, each in limits.items()}
    assert devices == {group: {GPUS[machine]: "1"} for group, machine in MACHINES.items()}


def test_plan_names_the_node_that_is_missing(
    release: Release, ray: Dashboard, fleet: dict[str, str], values: Path
) -> None:
    kubectl.run("label", "node", fleet["danilo"], f"{HOST}=renamed", "--overwrite")
    nodes = plan(release, f"-f{values}", "--live")["nodes"]
    (missing,) = [place for place in nodes["places"] if not place["node"]]
    assert (nodes["enough"], missing["group"]) == (False, "arc")
    assert f"{HOST}=danilo" in missing["reason"]
