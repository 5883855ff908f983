"""Weights that are corrupt, for every engine: the model says why it is unavailable, and the others are served."""

from pathlib import Path
from typing import Any

import pytest
import requests

from serve import engine, standins
from serve.errors import ConfigurationError, ModelUnavailable
from serve.local.service import Service
from serve.values import ModelArgs
from tests.serve.conftest import PLACE, Deploy, gateway

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning"),  # Kokoro's own modules
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]
ENGINES = {
    "stt": "faster_whisper",
    "tts": "kokoro",
    "embeddings": "sentence_transformers",
    "rerank": "sentence_transformers",
}


def corrupt(folder: Path) -> Path:
    """Cuts the weights in half, as a copy that broke off would."""
    weights = max(folder.rglob("*"), key=lambda file: file.stat().st_size if file.is_file() else 0)
    with weights.open("r+b") as file:
        file.truncate(weights.stat().st_size // 2)
    return folder


@pytest.mark.parametrize("task", ENGINES)
def test_an_engine_with_corrupt_weights_says_what_it_could_not_load(task: str, tmp_path: Path) -> None:
    folder = corrupt(standins.make(task, ENGINES[task], tmp_path / "weights"))
    entry = {"model": "mine", "engine": ENGINES[task], "source": {"path": str(folder)}, "placement": PLACE}
    with pytest.raises(ModelUnavailable, match=r"model 'mine': engine '.*' could not load 'weights': "):
        engine.load(ModelArgs.model_validate(entry), folder)


@pytest.fixture(scope="module")
def address(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> str:
    """vLLM loads in a process of its own, so it is shown where it is served."""
    folder = corrupt(standins.make("llm", "vllm", tmp_path_factory.mktemp("models") / "llm"))
    llm: dict[str, Any] = {"task": "llm", "engine": "vllm", "source": {"path": str(folder)}}
    misled = {**llm, "engineConfig": {"args": {"no-such-flag": 1}}}
    return deploy({"good": {"task": "embeddings"}, "llm": llm, "misled": misled})


def test_a_language_model_with_corrupt_weights_answers_503_with_the_reason(address: str) -> None:
    answer = requests.get(f"{address}/llm/v1/models", timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (503, "model_unavailable")
    assert "could not load 'llm'" in error["message"]
    state = requests.get(f"{address}/health", timeout=60).json()["models"]["llm"]
    assert (state["status"], state["reason"]) == ("unavailable", error["message"])


def test_a_flag_that_vllm_does_not_know_is_named(address: str) -> None:
    answer = requests.get(f"{address}/misled/v1/models", timeout=60)
    assert answer.status_code == 503
    assert "--no-such-flag" in answer.json()["error"]["message"]


def test_the_others_are_served(address: str) -> None:
    answer = requests.post(f"{address}/v1/embeddings", json={"model": "good", "input": "text"}, timeout=60)
    assert answer.status_code == 200


def test_a_gateway_that_cannot_be_deployed_ends_the_wait_with_rays_words(service: Service) -> None:
    service.apply({"applications": [{**gateway({}), "import_path": "serve.gateway:no_such_builder"}]})
    with pytest.raises(ConfigurationError, match=r"the gateway could not be deployed: (?s:.*)no_such_builder"):
        service.wait()
