"""How many replicas models have, on real Serve: one whose accelerator no node has does not withhold the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service
from tests.helm import render

PATIENCE = 3
CPU = {"vendor": "cpu", "memory": "4Gi", "patience": PATIENCE}
MODEL = {"task": "embeddings", "engine": "fake", "source": {"path": "/"}}
VALUES: dict[str, Any] = {
    "accelerators": {"here": {**CPU, "order": 1}, "away": {**CPU, "order": 2}},
    "models": {
        "near": {**MODEL, "accelerator": "here", "memory": "1Gi"},
        "far": {**MODEL, "accelerator": "away", "memory": "1Gi", "queueTimeout": 600},
    },
}


Eventually = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True)
class Fleet:
    """Nodes of which one has not joined yet, and what they serve."""

    service: Service
    join: Callable[[], None]

    def ask(self, model: str) -> requests.Response:
        return requests.post(f"{self.service.address}/{model}/v1/embeddings", json={"input": "text"}, timeout=60)

    def replicas(self, model: str) -> set[str]:
        (deployment,) = self.service.applications()[model]["deployments"].values()
        return {one["replica_id"] for one in deployment["replicas"] if one["state"] == "RUNNING"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    rendered = render(VALUES)
    manifest = Manifest.of(rendered.documents)
    here, away = manifest.workers
    env = {"AI_INFERENCE_CACHE": str(tmp_path_factory.mktemp("models")), "AI_INFERENCE_KEYS": "open"}
    with Nodes(manifest.head, [here], env) as nodes:
        service = Service(nodes, free_port())
        service.apply(rendered.config)
        yield Fleet(service, lambda: nodes.join(away))


def test_a_model_without_its_accelerator_does_not_keep_the_others_from_running(fleet: Fleet) -> None:
    statuses = {name: one["status"] for name, one in fleet.service.wait().items()}
    assert statuses == {"gateway": "RUNNING", "near": "RUNNING", "far": "RUNNING"}
    assert fleet.ask("near").status_code == 200


def test_it_is_unavailable_and_says_why_at_once_and_not_after_its_queue_timeout(fleet: Fleet) -> None:
    answer = fleet.ask("far")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], answer.headers["retry-after"]) == (503, "model_unavailable", "60")
    assert error["message"] == "model 'far': no node has accelerator 'away'; the model starts when one joins"
    state = fleet.service.health()["models"]["far"]
    assert (state["status"], state["reason"]) == ("unavailable", error["message"])


def test_by_its_name_the_answer_is_the_same(fleet: Fleet) -> None:
    body = {"model": "far", "input": "text"}
    answer = requests.post(f"{fleet.service.address}/v1/embeddings", json=body, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")


def test_more_replicas_leave_the_one_that_runs_alone(fleet: Fleet, eventually: Eventually) -> None:
    before = fleet.replicas("near")
    rendered = render({**VALUES, "models": {**VALUES["models"], "near": {**VALUES["models"]["near"], "replicas": 2}}})
    fleet.service.apply(rendered.config)
    eventually(lambda: len(fleet.replicas("near")) == 2)
    assert before < fleet.replicas("near")
    fleet.service.apply(render(VALUES).config)
    eventually(lambda: len(fleet.replicas("near")) == 1)


def test_it_starts_when_a_node_brings_its_accelerator(fleet: Fleet, eventually: Eventually) -> None:
    fleet.join()
    eventually(lambda: fleet.ask("far").status_code == 200)
    assert fleet.service.health()["models"]["far"]["status"] == "ok"
