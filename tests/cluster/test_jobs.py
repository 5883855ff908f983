"""A batch job on a real cluster with Kueue and the real image: it waits, loses its worker, and writes each row once.

Tests of one installation, in their order; the last one uninstalls it. The queue is the one that docs/jobs.md shows.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pytest
import yaml

from serve.chart_values import CHART
from tests.cluster import kubectl
from tests.cluster.served import CACHE, USER, Served, loading_images, running_pods, served
from tests.serve import references

pytestmark = running_pods
DOCS = CHART.parents[1] / "docs" / "jobs.md"
TEXTS = [f"{text} {number}" for number in range(1000) for text in references.TEXTS]
PATIENCE = 300
SPEC: dict[str, Any] = {
    "accelerators": {
        "processor": {
            "vendor": "cpu", "memory": "2Gi", "order": 1, "cpus": 0.1, "ram": "2Gi", "cache": {"existingClaim": CACHE},
        }
    },
    "head": {"cpus": 0.1, "ram": "2Gi"},
    "jobs": {
        "corpus": {
            "task": "embeddings", "engine": "sentence_transformers", "source": {"path": "/models/minilm"},
            "accelerator": "processor", "input": "/models/texts.jsonl", "output": "/models/vectors", "part": "16Ki",
            "queue": "batch", "ttl": 5,
        }
    },
}  # fmt: skip


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = os.environ.get("CLUSTER_TEST_FOLDER")
    return Path(shared) / "jobs" if shared else tmp_path_factory.mktemp("jobs")


def _fill(folder: Path) -> None:
    """With the model and the texts, which pods may read, and write beside them."""
    shutil.copytree(references.minilm(), folder / "minilm")
    (folder / "texts.jsonl").write_text("".join(f"{json.dumps({'text': text})}\n" for text in TEXTS))
    for path in (folder, *folder.rglob("*")):
        os.chown(path, USER, USER)


@pytest.fixture(scope="module")
def release(cluster: None, folder: Path) -> Iterator[Served]:
    if not kubectl.run("get", "crd", "clusterqueues.kueue.x-k8s.io", "--ignore-not-found"):
        pytest.skip("the cluster has no Kueue")
    with loading_images(SPEC):
        _fill(folder)
    with served(folder, SPEC) as release:
        queue = list(_queue(release.namespace))
        for thing in queue:
            kubectl.apply(thing)
        try:
            yield release
        finally:
            for thing in reversed(queue):
                kubectl.run("delete", thing["kind"], thing["metadata"]["name"], "--ignore-not-found", "--wait=false",
                            *(release.place if "namespace" in thing["metadata"] else ()))  # fmt: skip


def _queue(namespace: str) -> Iterator[dict[str, Any]]:
    """That of the documentation, in this namespace and of its name, and stopped."""
    (text,) = re.findall(r"```yaml\n(apiVersion: kueue.*?)```", DOCS.read_text(), re.DOTALL)
    text = text.replace("name: default", f"name: {namespace}").replace("name: batch}", f"name: {namespace}}}")
    for thing in yaml.safe_load_all(text.replace("clusterQueue: batch", f"clusterQueue: {namespace}")):
        if thing["kind"] == "ClusterQueue":
            thing["spec"]["stopPolicy"] = "Hold"
        if thing["kind"] == "LocalQueue":
            thing["metadata"] = {"name": "batch", "namespace": namespace}
        yield thing


def job(release: Served) -> dict[str, Any]:
    (found,) = kubectl.items("rayjobs.ray.io", *release.place)
    return found


def upgrade(release: Served) -> None:
    done = release.helm("upgrade", str(CHART), f"--values={release.values}", "--no-hooks")
    assert not done.returncode, done.stderr


def workload(release: Served) -> str:
    """What Kueue knows of the job: another one if it had to admit it anew."""
    (found,) = kubectl.items("workloads.kueue.x-k8s.io", *release.place)
    return str(found["metadata"]["uid"])


def pods(release: Served, *of: str) -> list[str]:
    found = kubectl.items("pods", f"--selector={','.join(['ai-inference/job=corpus', *of])}", *release.place)
    return [pod["metadata"]["name"] for pod in found]


def wait(release: Served, condition: str) -> None:
    name = job(release)["metadata"]["name"]
    kubectl.run("wait", f"rayjobs.ray.io/{name}", f"--for={condition}", "--timeout=10m", *release.place)


def written(folder: Path) -> int:
    return len(list(folder.glob("vectors/**/*.parquet")))


def test_a_job_waits_while_its_queue_takes_none(release: Served) -> None:
    release.apply()
    wait(release, "jsonpath={.status.jobDeploymentStatus}=Suspended")
    assert job(release)["spec"]["suspend"] is True
    assert not pods(release)


def test_an_upgrade_does_not_let_a_waiting_job_go(release: Served) -> None:
    before = workload(release)
    upgrade(release)
    assert job(release)["spec"]["suspend"] is True
    assert workload(release) == before


def test_it_starts_when_the_queue_has_room(release: Served, folder: Path) -> None:
    patch = json.dumps({"spec": {"stopPolicy": "None"}})
    kubectl.run("patch", "clusterqueue", release.namespace, "--type=merge", f"--patch={patch}")
    wait(release, "jsonpath={.status.jobStatus}=RUNNING")
    until(lambda: written(folder))
    assert len(pods(release)) == 2


def test_an_upgrade_leaves_a_running_job_alone(release: Served) -> None:
    before = (workload(release), job(release)["status"]["rayClusterName"], pods(release))
    upgrade(release)
    assert not job(release)["spec"].get("suspend")
    assert (workload(release), job(release)["status"]["rayClusterName"], pods(release)) == before


def test_it_goes_on_when_its_worker_is_killed_and_writes_every_row_once(release: Served, folder: Path) -> None:
    before = written(folder)
    cluster = job(release)["status"]["rayClusterName"]
    (worker,) = pods(release, "ray.io/node-type=worker")
    kubectl.run("delete", "pod", worker, "--force", "--grace-period=0", *release.place)
    assert written(folder) < len(json.loads((folder / "vectors" / "_job.json").read_text())["parts"])
    wait(release, "jsonpath={.status.jobStatus}=SUCCEEDED")
    assert job(release)["status"]["rayClusterName"] == cluster  # The same run, and no second try.
    assert written(folder) > before
    rows = ds.dataset(folder / "vectors").to_table()
    assert sorted(rows["text"].to_pylist()) == sorted(TEXTS)
    assert rows["error"].null_count == len(TEXTS)
    found = np.stack(rows["embedding"].to_numpy(zero_copy_only=False))[:20]
    expected = references.vectors(references.minilm(), rows["text"].to_pylist()[:20])
    assert references.cosines(found, expected).min() >= 0.999


def test_its_cluster_goes_and_the_job_stays_as_a_record(release: Served) -> None:
    name = job(release)["status"]["rayClusterName"]
    kubectl.run("wait", f"rayclusters.ray.io/{name}", "--for=delete", "--timeout=5m", *release.place)
    until(lambda: not pods(release))
    assert job(release)["status"]["jobDeploymentStatus"] == "Complete"


def test_uninstalling_leaves_the_rows_and_nothing_else(release: Served, folder: Path) -> None:
    done = release.helm("uninstall", "--wait")
    assert not done.returncode, done.stderr
    kinds = "rayjobs.ray.io,rayclusters.ray.io,rayservices.ray.io,pods,services,workloads.kueue.x-k8s.io"
    until(lambda: not kubectl.items(kinds, *release.place))
    assert written(folder)
