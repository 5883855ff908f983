"""A client in the cluster, a pod of its own: a program goes in, and runs where others than the service's pods do."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import kubectl
from tests.cluster.served import Served


@contextmanager
def client(release: Served, name: str, program: str, *arguments: str) -> Iterator[None]:
    """Until the end of the block, in the image that the head has, and on its node."""
    head = release.pods()["head"]["spec"]
    (like,) = (one for one in head["containers"] if one["name"] == "ray")
    container = {key: like[key] for key in ("image", "imagePullPolicy", "securityContext")}
    command = ["python", "-c", program, *arguments]
    spec = {
        "containers": [{**container, "name": name, "command": command}],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        **{key: head[key] for key in ("nodeSelector", "securityContext")},
    }
    metadata = {"name": name, "namespace": release.namespace}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:
        yield
    finally:
        kubectl.run("delete", "pod", name, *release.place)
