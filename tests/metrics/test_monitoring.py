"""What a real Prometheus reads of a real service with models of all five tasks: no panel is empty, and alerts fire."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serve.chart_values import CHART
from serve.local.service import Service
from tests import panels
from tests.helm import Rendered
from tests.metrics.conftest import Eventually
from tests.metrics.picture import draw
from tests.prometheus import Prometheus

pytestmark = pytest.mark.slow

OTHERS = {
    "kuberay_": "the operator's own, and there is no cluster",
    "certmanager_": "cert-manager's own, and there is no cluster",
    "ray_vllm_": "vLLM's own, and these models are by the fake engine; tests/serve/test_vllm.py asks for them",
}
"""Beginnings of names that are not looked for here, and why."""
SERIES = re.compile(r"\b(?:ray|kuberay|certmanager)_\w+\{[^}]*\}")
CARD = """
import asyncio, os, sys
import ray
from serve.metrics import use
from serve.use import Meter
from serve.values import Placement
place = Placement(accelerator="board", vendor="cuda", num_gpus=1, memory=2**30, device_memory=2**33)
async def until_lost() -> None:
    said = asyncio.create_task(use.repeat("board", Meter(place, ["0000:01:00.0"])))
    for line in ("seen", "15"):
        os.environ["FAIL"] = "" if line == "seen" else line
        print(line, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
ray.init(logging_level="ERROR", namespace="test")
asyncio.run(until_lost())
"""
"""What a replica says of an NVIDIA GPU, until the driver says that the GPU is lost (NVML's error 15)."""
FAULTS = {
    "ModelDown": "`broken` cannot be loaded",
    "ModelErrors": "`failing` fails at every request",
    "ModelSlow": "`slow` takes 1.4 seconds for each of six clients, which may wait 2",
    "QueueGrows": "six clients ask `slow` at once; it computes one, and 1 may wait",
    "MemoryOverBudget": "`large` has 32Mi",
    "KeyExpires": "bob's ends tomorrow",
}


def ours(query: str) -> bool:
    return not any(name in query for name in OTHERS)


def test_no_panel_of_any_dashboard_is_empty(busy: Prometheus, eventually: Eventually) -> None:
    queries = {where: query for where, query in panels.queries() if ours(query)}
    assert len(queries) > 60

    def empty() -> list[str]:
        return [where for where, query in queries.items() if not panels.answered(busy.ask(query))]

    try:
        eventually(lambda: not empty())
    except AssertionError:
        assert empty() == []


def test_every_series_that_an_alert_looks_at_is_there(busy: Prometheus, watched: Rendered) -> None:
    (rules,) = watched.of("PrometheusRule").values()
    series = {one for rule in rules["spec"]["groups"][0]["rules"] for one in SERIES.findall(rule["expr"]) if ours(one)}
    assert len(series) > 8
    assert [one for one in series if not busy.ask(one)] == []


@pytest.mark.parametrize("alert", FAULTS)
def test_an_alert_fires_when_its_fault_is_there(busy: Prometheus, alert: str, eventually: Eventually) -> None:
    eventually(lambda: alert in busy.firing())


def test_no_alert_fires_without_its_fault(busy: Prometheus) -> None:
    missing = {"ServiceNotReady"}  # Nor is there an operator to say that it is there.
    assert busy.firing() <= set(FAULTS) | missing


def test_only_models_that_are_ill_are_named(busy: Prometheus, eventually: Eventually) -> None:
    def named(alert: str) -> set[str]:
        return {one["metric"]["model"] for one in busy.ask(f'ALERTS{{alertname="{alert}"}}')}

    ill = {
        "ModelDown": {"broken"},
        "ModelErrors": {"broken", "failing", "gateway"},
        "ModelSlow": {"slow"},
        "QueueGrows": {"slow"},
    }
    for alert, models in ill.items():
        eventually(lambda alert=alert, models=models: models <= named(alert))  # type: ignore[misc]
        assert named(alert) <= models


def test_series_are_only_so_many_whatever_clients_send(busy: Prometheus) -> None:
    found = {one["metric"]["key"] for one in busy.ask("ray_ai_inference_requests_total")}
    assert found <= {"ada", "bob", "none", "service"}


def test_amounts_are_those_of_the_requests(busy: Prometheus) -> None:
    """Two seconds of audio and 13 characters each, whoever asks."""
    for amount, model, each in (("audio_seconds", "ears", 2), ("characters", "voice", 13), ("input_tokens", "chat", 3)):
        of = f'{{model="{model}",key="bob"}}'
        answered = busy.ask(f'ray_ai_inference_requests_total{{model="{model}",key="bob",status="200"}}')
        (ratio,) = busy.ask(f"sum(ray_ai_inference_{amount}_total{of})")
        assert float(ratio["value"][1]) == pytest.approx(each * float(answered[0]["value"][1]), abs=2 * each)


def test_the_front_can_be_drawn(busy: Prometheus, tmp_path: Path, eventually: Eventually) -> None:
    """PICTURES is a folder that keeps it."""
    front = json.loads((CHART / "dashboards/fleet.json").read_text())["panels"][:4]

    def drawn() -> dict[str, list[dict[str, Any]]]:
        return {panel["title"]: busy.over_time(panels.asked(panel["targets"][0]["expr"]), 120) for panel in front}

    eventually(lambda: all(len(found[0]["values"]) > 20 for found in drawn().values()))
    lines = drawn()
    file = draw(
        {panel["title"]: panel for panel in front}, lines, Path(os.environ.get("PICTURES", tmp_path)) / "front.svg"
    )
    for title, found in lines.items():
        assert title in file.read_text()
        assert found


def test_an_alert_fires_when_a_gpu_is_lost(
    busy: Prometheus, service: Service, library: Path, eventually: Eventually
) -> None:
    env = {**os.environ, **service.nodes.token, "RAY_ADDRESS": service.nodes.gcs, "LD_LIBRARY_PATH": str(library)}
    with subprocess.Popen(
        [sys.executable, "-c", CARD], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        eventually(lambda: bool(busy.ask('ray_ai_inference_gpu_present{accelerator="board"} == 1')))
        assert "GpuGone" not in busy.firing()
        process.stdin.write("\n")
        process.stdin.flush()
        eventually(lambda: "GpuGone" in busy.firing())
        process.kill()


def test_an_alert_fires_when_the_service_is_gone(busy: Prometheus, service: Service, eventually: Eventually) -> None:
    """The last, as nothing is served after it."""
    assert "ServiceAbsent" not in busy.firing()
    service.apply({"applications": []})
    eventually(lambda: "ServiceAbsent" in busy.firing())
