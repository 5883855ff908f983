"""The homelab on one machine: a Ray node for each accelerator, from the environment of its vendor, with its own models.

Two of them run real engines that exclude each other; the others are of the fake one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import yaml

from serve import standins
from serve.cli import helm
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port, interpreter
from serve.local.service import Service
from tests.serve import references
from tests.up.running import ROOT

pytestmark = pytest.mark.slow

ALONE = interpreter("xpu") == interpreter("no such vendor")
DOCUMENTS = ["a harbour", "a mountain", "waves on the beach"]


@dataclass(frozen=True)
class Fleet:
    """What runs, and the folder of the reranker's weights."""

    service: Service
    manifest: Manifest
    weights: Path


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("homelab")
    values: dict[str, Any] = yaml.safe_load((ROOT / "values" / "homelab.yaml").read_text())
    for name, model in values["models"].items():
        real = "sentence_transformers" if name == "embeddings" else "openvino" if name == "reranker" else "fake"
        real = "fake" if ALONE else real
        source = standins.make(model["task"], real, folder / name) if real != "fake" else Path("/")
        model |= {"engine": real, "engineConfig": {}, "source": {"path": str(source)}}
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    manifest = Manifest.of(helm.template([folder / "values.yaml"]))
    env = {"AI_INFERENCE_SIMULATED": "1", "AI_INFERENCE_CACHE": str(folder / "cache"), "AI_INFERENCE_KEYS": "open"}
    with Nodes(manifest.head, manifest.workers, env) as nodes:
        service = Service(nodes, free_port())
        service.apply(manifest.config)
        service.wait()
        yield Fleet(service, manifest, folder / "reranker")


def test_each_model_runs_on_the_node_of_its_accelerator(fleet: Fleet) -> None:
    placed = {
        model: replica["node_id"]
        for model, application in fleet.service.applications().items()
        for deployment in application["deployments"].values()
        for replica in deployment["replicas"]
    }
    nodes = fleet.service.nodes
    answer = requests.get(f"{nodes.dashboard}/api/v0/nodes", params={"detail": 1}, headers=nodes.headers, timeout=60)
    found = answer.json()
    holders = {
        name: node["node_id"]
        for node in found["data"]["result"]["result"]
        for name in ("head", *(group.name for group in fleet.manifest.workers))
        if name in node["resources_total"]
    }
    assert len(set(holders.values())) == 5
    assert placed == {
        "gateway": holders["head"],
        "llm": holders["strix-halo"],
        "whisper": holders["rtx-2070"],
        "tts": holders["rtx-2070"],
        "embeddings": holders["radeon-680m"],
        "reranker": holders["arc"],
    }


@pytest.mark.skipif(ALONE, reason="there is no environment .venv/xpu")
def test_engines_that_exclude_each_other_answer_beside_each_other(fleet: Fleet) -> None:
    assert {model["status"] for model in fleet.service.health()["models"].values()} == {"ok"}, fleet.service.health()
    address = f"{fleet.service.address}/v1"
    ranked = requests.post(f"{address}/rerank", json={"query": "the sea", "documents": DOCUMENTS}, timeout=60).json()
    scores = {item["index"]: item["relevance_score"] for item in ranked["results"]}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    logits = references.scores(fleet.weights, [("the sea", document) for document in DOCUMENTS])
    assert [scores[index] for index in range(3)] == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-2)
    vectors = requests.post(f"{address}/embeddings", json={"input": DOCUMENTS}, timeout=60).json()["data"]
    assert len(vectors) == 3
