"""A cluster, a node without a kubelet, and a release in a fresh namespace; without KUBECONFIG all tests are skipped."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cluster import dashboard, kubectl, machines, pods
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import Release, made

GPUS = {"nvidia.com/gpu": "64", "amd.com/gpu": "64", "gpu.intel.com/xe": "64"}
SERVER = "jsonpath={.clusters[0].cluster.server}"
INTERNAL = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"


@pytest.fixture(scope="session", autouse=True)
def cluster() -> None:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names no cluster; tests/cluster/__init__.py says what these tests want of one")
    kubectl.run("get", "--raw=/apis/ray.io/v1")  # Fails where KubeRay is not installed.


@pytest.fixture(scope="session")
def address(cluster: None) -> str:
    """Where the cluster finds this machine: the address that this machine has towards it."""
    if given := os.environ.get("CLUSTER_TEST_ADDRESS"):
        return given
    host = socket.gethostbyname(str(urlsplit(kubectl.run("config", "view", "--minify", f"--output={SERVER}")).hostname))
    if ipaddress.ip_address(host).is_loopback:  # A cluster in containers, as kind makes it.
        host = kubectl.run("get", "nodes", f"--output={INTERNAL}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 443))
        mine: str = probe.getsockname()[0]
    return mine


@pytest.fixture(scope="session")
def node(cluster: None) -> Iterator[str]:
    """A large node with GPUs of every kind, labelled with its own name."""
    with machines.node(GPUS) as name:
        yield name


@pytest.fixture(scope="session")
def ray(address: str, node: str) -> Iterator[Dashboard]:
    """All that the operator sees of Ray."""
    with dashboard.serving(address) as answering, pods.running(address):
        yield answering
        ours = (f"--selector={pods.OURS}", f"--field-selector=spec.nodeName={node}")
        kubectl.wait("pods", "delete", "--all-namespaces", *ours)


@pytest.fixture
def release(cluster: None, tmp_path: Path) -> Iterator[Release]:
    with made(tmp_path) as release:
        yield release
