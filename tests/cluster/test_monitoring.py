"""What Prometheus hears of the operator: a RayService that is not Ready is called out."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serve.cli import helm
from tests.cluster import kubectl
from tests.cluster.release import Release
from tests.helm import Rendered, fleet
from tests.prometheus import ALL, reading

FLAG = "--enable-metrics"
Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="module")
def operator(cluster: None) -> Iterator[str]:
    """Where its metrics are; it has them when it is told to, as by its chart."""
    (found,) = kubectl.items("deployments", "--all-namespaces", kubectl.OPERATOR)
    name, place = found["metadata"]["name"], f"--namespace={found['metadata']['namespace']}"
    if not any(FLAG in argument for argument in found["spec"]["template"]["spec"]["containers"][0].get("args", [])):
        patch = f'[{{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "{FLAG}"}}]'
        kubectl.run("patch", "deployment", name, "--type=json", f"--patch={patch}", place)
    kubectl.run("rollout", "status", f"deployment/{name}", "--timeout=3m", place)
    command = ["kubectl", "port-forward", f"deployment/{name}", ":8080", place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[2]  # Forwarding from 127.0.0.1:40123 -> 8080
        process.terminate()


def test_an_alert_fires_while_no_node_has_room_for_a_releases_pods(
    release: Release, operator: str, eventually: Eventually, tmp_path: Path
) -> None:
    file = release.file(fleet(monitoring=ALL), "nowhere")
    rendered = Rendered(helm.template([file], release.name, release.namespace))
    release.apply(release.file(fleet(), "applied"))
    release.seen()
    scrape = {"job_name": "operator", "static_configs": [{"targets": [operator]}]}
    with reading(scrape, rendered, tmp_path) as prometheus:
        eventually(prometheus.answers)
        eventually(lambda: "ServiceNotReady" in prometheus.firing())
        (found,) = prometheus.ask('ALERTS{alertname="ServiceNotReady"}')
        assert found["metric"]["name"] == release.name
