"""vLLM's tokens against a reference: one that a CPU made of the same weights, and one that they do not give."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests

from serve import standins
from serve.reference import place
from serve.values import ModelArgs
from tests.serve.conftest import PLACE, Deploy, post

pytestmark = pytest.mark.slow

pytest.importorskip("vllm", reason="this environment has no vLLM")


def entry(folder: Path) -> dict[str, Any]:
    config = {"maxModelLen": 512, "dtype": "float32", "enforceEager": True}
    source = {"path": str(folder)}
    return {"engine": "vllm", "source": source, "engineConfig": config, "placement": PLACE, "reference": "required"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with their reference beside them."""
    root = tmp_path_factory.mktemp("models")
    weights = standins.make("llm", "vllm", root / "llm")
    args = ModelArgs.model_validate({"model": "llama", **entry(weights)})
    shutil.copy(place.make("llm", args, weights, root / "references"), weights)
    return weights


@pytest.fixture(scope="module")
def other(folder: Path) -> Path:
    """The same, whose first token should have been a little surer."""
    copied = shutil.copytree(folder, folder.with_name("other"))
    file = copied / place.FILE
    said = json.loads(file.read_text())
    said["answers"]["texts"][0]["logprobs"][0] += 0.1
    file.write_text(json.dumps(said))
    return copied


@pytest.fixture(scope="module")
def address(deploy: Deploy, folder: Path, other: Path) -> str:
    return deploy({"like": {"task": "llm", **entry(folder)}, "unlike": {"task": "llm", **entry(other)}})


def test_tokens_like_the_reference_are_served_under_the_models_own_name(address: str) -> None:
    body = {"model": "like", "prompt": "1, 2, 3", "max_tokens": 2, "temperature": 0}
    assert post(f"{address}/like/v1/completions", body).status_code == 200


def test_a_token_of_another_probability_keeps_the_model_from_traffic(address: str) -> None:
    answer = post(f"{address}/unlike/v1/completions", {"prompt": "1, 2, 3"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    reason = answer.json()["error"]["message"]
    assert "has the log probability" in reason
    state = requests.get(f"{address}/health", timeout=60).json()["models"]["unlike"]
    assert (state["status"], state["reason"]) == ("unavailable", reason)
