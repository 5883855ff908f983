"""What a person reads after `helm install`: warnings, a request to paste, the endpoints, the next step."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serve.chart_values import CHART
from serve.cli import helm
from tests.helm import fleet


@pytest.fixture
def notes(tmp_path: Path) -> Any:
    def read(values: dict[str, Any]) -> str:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        command = ["install", "ai-inference", str(CHART), "-n", "ai-ml", "--dry-run=client", f"--values={file}"]
        done = subprocess.run([str(helm.find()), *command], capture_output=True, text=True, check=True)
        notes: str = done.stdout.partition("NOTES:\n")[2]
        return notes

    return read


def test_warnings_come_first(notes: Any) -> None:
    read = notes(fleet(models__chat__source={"hub": "a/b", "revision": "main"}))
    first, *_ = read.splitlines()
    assert first == "WARNING: models.chat.source.revision is no commit, so a restart may fetch other weights."
    assert read.rindex("WARNING") < read.index("Try chat")


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("llm", "/v1/chat/completions"),
        ("stt", "/v1/audio/transcriptions"),
        ("tts", "/v1/audio/speech"),
        ("embeddings", "/v1/embeddings"),
        ("rerank", "/v1/rerank"),
    ],
)
def test_the_first_model_gets_a_curl_that_suits_its_task(notes: Any, task: str, path: str) -> None:
    read = notes(fleet(models__chat__task=task))
    request = read[read.index("  curl ") :].partition("\n\n")[0]
    words = [word for word in shlex.split(request) if word.strip()]
    assert words[:2] == ["curl", f"http://localhost:8000/chat{path}"]


def test_the_table_has_a_line_for_each_model(notes: Any) -> None:
    lines = [line.split() for line in notes(fleet()).splitlines()]
    assert ["/chat", "llm", "fake", "big", "chat-predictor.ai-ml:8000"] in lines
    assert ["/ears", "stt", "fake", "small", "ears-predictor.ai-ml:8000"] in lines


def test_the_nodes_that_are_expected_are_named_with_what_they_have(notes: Any) -> None:
    small = {"nodes": {"min": 0, "max": 2}, "nodeSelector": {"kubernetes.io/hostname": "elminster"}}
    read = notes(fleet(**{f"accelerators__small__{key}": value for key, value in small.items()}))
    lines = [" ".join(line.split()) for line in read.splitlines()]
    assert "big 1 1 amd.com/gpu, 4 CPUs, 16Gi RAM" in lines
    assert "small 0 to 2 1 nvidia.com/gpu, 4 CPUs, 16Gi RAM, kubernetes.io/hostname=elminster" in lines


def test_the_cards_are_shown_with_who_takes_what(notes: Any) -> None:
    lines = [" ".join(line.split()) for line in notes(fleet(accelerators__small__count=3)).splitlines()]
    first = lines.index("ACCELERATOR CARDS FREE TAKEN BY")
    assert lines[first + 1 : first + 4] == [
        "big 0 0 (0Mi) chat 1 (97280Mi)",
        "small 0 0.5 (4096Mi) ears 0.5 (4096Mi)",
        "small 1 to 2 1 (8192Mi) -",
    ]


def test_the_next_steps_are_to_wait_to_test_and_to_plan_the_next_change(notes: Any) -> None:
    wait = "kubectl -n ai-ml wait rayservice/ai-inference --for=condition=Ready --timeout=1h"
    test = "helm test ai-inference --namespace ai-ml --logs"
    commands = [line.strip() for line in notes(fleet()).splitlines() if line.startswith("  ")]
    plan = "ai-inference plan -f NEW.yaml --live --release ai-inference --namespace ai-ml"
    assert commands[-3:] == [wait, test, plan]
    assert "helm test" not in notes(fleet(tests__enabled=False))


def test_without_models_it_says_so(notes: Any) -> None:
    assert notes({}).startswith("WARNING: no model is enabled")


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"dashboard__auth": "disabled"}, "Ray's dashboard asks for no token"),
        ({"auth__enabled": False}, "whoever reaches the service may ask it"),
        ({"ingress__enabled": True}, "keys travel in clear"),
        ({"network__policies": False}, "every pod of the cluster reaches every port of Ray's"),
    ],
)
def test_what_leaves_the_service_open_is_a_warning(notes: Any, changes: dict[str, Any], warning: str) -> None:
    assert warning in notes(fleet(**changes))
    assert warning not in notes(fleet(ingress__tlsSecret="mine"))
