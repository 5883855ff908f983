"""A GPU that computes wrongly, in a local run: its model is refused or falls back to the CPU; its neighbour answers."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from serve.cli.app import app
from serve.local.service import Service
from tests.serve import references
from tests.serve.conftest import PLACE, Deploy, post
from tests.serve.scraped import scraped

pytestmark = pytest.mark.slow

GPU = {**PLACE, "vendor": "xpu"}  # torch here has none of this vendor.
WRONG = {"task": "embeddings", "placement": GPU, "engineConfig": {"wrong": 0.5}, "reference": "made"}
TEXT = {"input": "some text"}


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    trained = {"task": "embeddings", "engine": "sentence_transformers", "source": {"path": str(references.minilm())}}
    return {
        "good": {"task": "embeddings"},
        "right": {**WRONG, "engineConfig": {"wrong": 1e-5}},
        "wrong": WRONG,
        "fallen": {**WRONG, "fallback": "cpu"},
        "required": {**WRONG, "reference": "required", "engineConfig": {"maxTokens": 64}},
        "broken": {**trained, "placement": GPU},
        "mended": {**trained, "placement": GPU, "fallback": "cpu"},
    }


@pytest.fixture(scope="module")
def address(deploy: Deploy, models: dict[str, Any]) -> str:
    return deploy(models)


def refusal(address: str, model: str) -> str:
    """The reason for which it has no answer."""
    answer = post(f"{address}/{model}/v1/embeddings", TEXT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    return str(answer.json()["error"]["message"])


def vector(address: str, model: str) -> list[float]:
    found: list[float] = post(f"{address}/{model}/v1/embeddings", TEXT).json()["data"][0]["embedding"]
    return found


def state(address: str, model: str) -> dict[str, str]:
    found: dict[str, str] = requests.get(f"{address}/health", timeout=60).json()["models"][model]
    return found


def said(address: str, model: str, looked: str = "numbers") -> tuple[int, str]:
    """Exit status and output of what `helm test` runs."""
    models = json.dumps({model: {"task": "embeddings", "check": looked}})
    result = CliRunner().invoke(app, ["check", address, f"--models={models}", "--patience=0"])
    return result.exit_code, result.stdout


def test_a_wrong_vector_keeps_the_model_from_traffic_with_the_reason_wherever_one_looks(address: str) -> None:
    reason = refusal(address, "wrong")
    assert "answers on accelerator 'laptop' (vendor 'xpu') what it does not on a CPU: the vector of " in reason
    assert state(address, "wrong").items() >= {"status": "unavailable", "reason": reason}.items()
    status, output = said(address, "wrong")
    assert status == 1
    assert output.startswith("FAILED  wrong")
    assert reason in output


def test_a_neighbour_on_the_same_accelerator_answers(address: str) -> None:
    assert vector(address, "good")
    assert said(address, "good")[0] == 0


def test_a_gpu_that_differs_by_rounding_serves(address: str) -> None:
    assert state(address, "right")["status"] == "ok"
    assert "device" not in state(address, "right")


def test_the_fallback_answers_what_a_cpu_answers_and_health_says_why(address: str) -> None:
    assert vector(address, "fallen") == vector(address, "good")
    fallen = state(address, "fallen")
    assert (fallen["status"], fallen["device"]) == ("ok", "cpu")
    assert "what it does not on a CPU: the vector of " in fallen["reason"]
    assert said(address, "fallen")[0] == 0


def test_a_required_reference_that_is_not_there_refuses(address: str) -> None:
    assert "`ai-inference models reference -f VALUES --model required`" in refusal(address, "required")


def test_a_gpu_whose_kernels_fail_is_refused_before_the_model_is_loaded(address: str) -> None:
    assert "accelerator 'laptop' (vendor 'xpu') could not compute: " in refusal(address, "broken")


def test_a_real_model_falls_back_and_its_answers_make_sense(address: str) -> None:
    assert state(address, "mended")["device"] == "cpu"
    status, output = said(address, "mended", "meaning")
    assert status == 0, output


def test_a_metric_says_who_is_available_and_why_not(
    address: str, service: Service, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    expected = {
        ("good", "ok"): 1.0,
        ("right", "ok"): 1.0,
        ("wrong", "reference"): 0.0,
        ("fallen", "reference"): 1.0,
        ("required", "reference"): 0.0,
        ("broken", "kernels"): 0.0,
        ("mended", "kernels"): 1.0,
    }

    def so() -> bool:
        with contextlib.suppress(
            requests.ConnectionError
        ):  # A node's port of metrics is there a little after the node.
            return expected.items() <= scraped(service).get("ai_inference_model_available", {}).items()
        return False

    eventually(so)


def test_a_gpu_that_is_put_right_serves_again(deploy: Deploy, address: str, models: dict[str, Any]) -> None:
    address = deploy({**models, "wrong": {**WRONG, "engineConfig": {"wrong": 0}}})
    assert vector(address, "wrong") == vector(address, "good")
