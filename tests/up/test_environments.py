"""Engines that exclude each other, in one service: each Ray node runs from the environment of its vendor."""

from pathlib import Path

import pytest
import requests
import yaml

from serve import standins
from serve.cli import helm
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port, interpreter
from serve.local.service import Service


@pytest.mark.skipif(interpreter("xpu") == interpreter("no such vendor"), reason="there is no environment .venv/xpu")
def test_openvino_and_sentence_transformers_answer_beside_each_other(tmp_path: Path) -> None:
    folder = standins.make("rerank", "openvino", tmp_path / "reranker")
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(mixed(folder)))
    manifest = Manifest.of(helm.template([values]))
    with Nodes(manifest.head, manifest.workers, {"AI_INFERENCE_SIMULATED": "1"}) as nodes:
        service = Service(nodes, free_port())
        service.apply(manifest.config)
        service.wait()
        assert {model["status"] for model in service.health()["models"].values()} == {"ok"}, service.health()
        body = {"query": "the sea", "documents": ["a harbour", "a mountain", "waves on the beach"]}
        answers = [
            requests.post(f"{service.address}/{model}/v1/rerank", json=body, timeout=60).json()["results"]
            for model in ("on-openvino", "on-torch")
        ]
    orders = [[item["index"] for item in answer] for answer in answers]
    scores = [[item["relevance_score"] for item in answer] for answer in answers]
    assert orders[0] == orders[1]
    assert scores[0] == pytest.approx(scores[1], abs=1e-2)


def mixed(folder: Path) -> dict[str, object]:
    """One reranker twice: by OpenVINO on an Intel card, by torch on the CPU."""
    model = {"task": "rerank", "source": {"path": str(folder)}, "memory": "1Gi"}
    return {
        "accelerators": {
            "arc": {"vendor": "xpu", "resource": "gpu.intel.com/xe", "memory": "8Gi", "order": 1},
            "laptop": {"vendor": "cpu", "memory": "8Gi", "order": 2},
        },
        "models": {
            "on-openvino": {**model, "engine": "openvino", "accelerator": "arc"},
            "on-torch": {**model, "engine": "sentence_transformers", "accelerator": "laptop"},
        },
    }
