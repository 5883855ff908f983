"""Weights that are corrupt, for every engine: the model says why it is unavailable, and the others are served."""

from pathlib import Path
from typing import Any

import pytest
import requests

from serve import standins
from serve.errors import ConfigurationError
from serve.local.service import Service
from tests.serve.conftest import Deploy, gateway

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning"),  # Kokoro's own modules
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]
MODELS = {
    "llm": ("llm", "vllm"),
    "whisper": ("stt", "faster_whisper"),
    "tts": ("tts", "kokoro"),
    "embeddings": ("embeddings", "sentence_transformers"),
    "reranker": ("rerank", "sentence_transformers"),
}


def corrupt(folder: Path) -> None:
    """Cuts the weights in half, as a copy that broke off would."""
    weights = max(folder.rglob("*"), key=lambda file: file.stat().st_size if file.is_file() else 0)
    with weights.open("r+b") as file:
        file.truncate(weights.stat().st_size // 2)


@pytest.fixture(scope="module")
def address(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> str:
    entries: dict[str, dict[str, Any]] = {"good": {"task": "embeddings", "engine": "fake", "source": {"path": "/"}}}
    for model, (task, engine) in MODELS.items():
        folder = standins.make(task, engine, tmp_path_factory.mktemp("models") / model)
        corrupt(folder)
        entries[model] = {"task": task, "engine": engine, "source": {"path": str(folder)}}
    unknown = {"args": {"no-such-flag": 1}}
    entries["misled"] = {**entries["llm"], "engineConfig": unknown}
    return deploy(entries)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_with_corrupt_weights_answers_503_with_the_reason(address: str, model: str) -> None:
    answer = requests.get(f"{address}/{model}/v1/models", timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (503, "model_unavailable")
    assert f"could not load '{model}'" in error["message"]
    state = requests.get(f"{address}/health", timeout=60).json()["models"][model]
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
