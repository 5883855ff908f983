"""Prometheus's own programs: rules and series go in, what it makes of them comes out.

Debian has them in its package `prometheus`; without it the tests that ask for them are skipped, and say so.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from serve.cli import helm
from serve.local.nodes import end_with_parent, free_port
from serve.local.service import Service
from tests.helm import Rendered, fleet, render

SERVICE = f'namespace="{helm.NAMESPACE}",ai_inference_release="{helm.RELEASE}"'
ALL: Mapping[str, Any] = {kind: {"enabled": True} for kind in ("podMonitor", "rules", "dashboards")}


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install prometheus")
    return found


def monitored(**changes: Any) -> Rendered:
    return render(fleet(monitoring=ALL, **{f"monitoring__{path}": value for path, value in changes.items()}))


def rules(rendered: Rendered, folder: Path) -> Path:
    """The chart's alerts as a file of Prometheus's own."""
    (found,) = rendered.of("PrometheusRule").values()
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(found["spec"]))
    return file


def promtool(*arguments: str) -> str:
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Prometheus:
    """By its own interface over HTTP."""

    address: str

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.address}/-/ready", timeout=60).ok
        except requests.ConnectionError:
            return False

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What it finds now."""
        return self._result("query", query=query)

    def over_time(self, query: str, seconds: float) -> list[dict[str, Any]]:
        now = time.time()
        return self._result("query_range", query=query, start=now - seconds, end=now, step=2)

    def firing(self) -> set[str]:
        return {one["metric"]["alertname"] for one in self.ask('ALERTS{alertstate="firing"}')}

    def _result(self, path: str, **asked: Any) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.address}/api/v1/{path}", params=asked, timeout=60).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def of_ray(service: Service) -> dict[str, Any]:
    """Scrapes all that Ray says is there, with the labels that pods bring."""
    files = [str(service.nodes.folder / "ray/prom_metrics_service_discovery.json")]
    labels = {"namespace": helm.NAMESPACE, "ai_inference_release": helm.RELEASE}
    return {
        "job_name": "ray",
        "file_sd_configs": [{"files": files, "refresh_interval": "5s"}],
        "relabel_configs": [{"target_label": name, "replacement": value} for name, value in labels.items()],
    }


@contextmanager
def reading(rendered: Rendered, folder: Path, *scrapes: Mapping[str, Any]) -> Iterator[Prometheus]:
    """One with the chart's rules; an alert fires as soon as it is so, and not after minutes of it."""
    file, port = rules(rendered, folder), free_port()
    hasty = yaml.safe_load(file.read_text())
    for rule in hasty["groups"][0]["rules"]:
        rule.pop("for", None)
    file.write_text(yaml.safe_dump(hasty))
    often = {"scrape_interval": "2s", "evaluation_interval": "2s"}
    config = {"global": often, "rule_files": [str(file)], "scrape_configs": scrapes}
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    command = [
        program("prometheus"), f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=end_with_parent) as process,
    ):
        try:
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
