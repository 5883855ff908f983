"""What Prometheus hears of the operator: how jobs are, a service that is not Ready, an upgrade that does not end."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.chart_values import CHART
from serve.cli import helm
from tests.cluster import kubectl
from tests.cluster.changes import SPARE, values
from tests.cluster.dashboard import Dashboard
from tests.cluster.release import Release
from tests.helm import Rendered, fleet
from tests.prometheus import ALL, reading

FLAG = "--enable-metrics"
JOB = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}, "accelerator": "small", "input": "s3://in",
       "output": "s3://out", "deadline": 5}  # fmt: skip
Eventually = Callable[[Callable[[], bool]], None]


def scraped(operator: str) -> dict[str, Any]:
    """The label `namespace` is the operator's own, so that of what it tells of has another name."""
    where = {"target_label": "namespace", "replacement": "kuberay"}
    return {"job_name": "operator", "static_configs": [{"targets": [operator]}], "relabel_configs": [where]}


@pytest.fixture(scope="module")
def operator(cluster: None) -> Iterator[str]:
    """Where its metrics are; it has them when it is told to, as by its chart, and starts anew for that."""
    (found,) = kubectl.items("deployments", "--all-namespaces", kubectl.OPERATOR)
    name, place = found["metadata"]["name"], f"--namespace={found['metadata']['namespace']}"
    if not any(FLAG in argument for argument in found["spec"]["template"]["spec"]["containers"][0].get("args", [])):
        (pod,) = kubectl.items("pods", "--all-namespaces", kubectl.OPERATOR)
        chosen = {"kubernetes.io/hostname": pod["spec"]["nodeName"]}  # Other nodes here have no kubelet.
        patch = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": FLAG},
                 {"op": "add", "path": "/spec/template/spec/nodeSelector", "value": chosen}]  # fmt: skip
        kubectl.run("patch", "deployment", name, "--type=json", f"--patch={json.dumps(patch)}", place)
    kubectl.run("rollout", "status", f"deployment/{name}", "--timeout=3m", place)
    command = ["kubectl", "port-forward", f"deployment/{name}", ":8080", place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[2]  # Forwarding from 127.0.0.1:40123 -> 8080
        process.terminate()


def test_the_panels_of_jobs_show_what_the_operator_says_of_them(
    release: Release, ray: Dashboard, node: str, operator: str, eventually: Eventually, tmp_path: Path
) -> None:
    file = release.file(fleet(monitoring=ALL), "watched")
    panels = json.loads((CHART / "dashboards/batch.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"] if "kuberay_job" in target["expr"]]
    assert queries
    release.apply(release.file(values(node, {"jobs__one": JOB}), "applied"))
    rendered = Rendered(helm.template([file], release.name, release.namespace))
    with reading(rendered, tmp_path, scraped(operator)) as prometheus:
        eventually(prometheus.answers)
        for query in queries:
            here = query.replace("$release", release.name).replace("$namespace", release.namespace)
            eventually(lambda here=here: bool(prometheus.ask(here)))  # type: ignore[misc]


def test_an_alert_fires_while_no_node_has_room_for_a_releases_pods(
    release: Release, operator: str, eventually: Eventually, tmp_path: Path
) -> None:
    file = release.file(fleet(monitoring=ALL), "nowhere")
    rendered = Rendered(helm.template([file], release.name, release.namespace))
    release.apply(release.file(fleet(head__nodeSelector={"kubernetes.io/hostname": "nowhere"}), "applied"))
    release.seen()
    with reading(rendered, tmp_path, scraped(operator)) as prometheus:
        eventually(prometheus.answers)
        eventually(lambda: "ServiceNotReady" in prometheus.firing())
        (found,) = prometheus.ask('ALERTS{alertname="ServiceNotReady"}')
        assert found["metric"]["name"] == release.name


def test_another_fires_while_an_upgrade_does_not_end_though_the_old_cluster_serves(
    release: Release, ray: Dashboard, node: str, operator: str, eventually: Eventually, tmp_path: Path
) -> None:
    """Its new pods are there, and their models do not come to answer."""
    rendered = Rendered(
        helm.template([release.file(fleet(monitoring=ALL), "upgraded")], release.name, release.namespace)
    )
    release.apply(release.file(values(node, SPARE), "before"))
    release.ready()
    ray.hold(release.namespace)
    release.apply(release.file(values(node, {**SPARE, "image__tag": "next"}), "after"))
    with reading(rendered, tmp_path, scraped(operator)) as prometheus:
        eventually(prometheus.answers)
        eventually(lambda: prometheus.firing() == {"UpgradeUnfinished", "ServiceAbsent"})
