"""The chart, the images and real engines on a real cluster: five models of two images answer, and say when they cannot.

Tests of one installation, in their order; the last one uninstalls it.
"""

import json
import os
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cohere
import openai
import pytest
import requests

from serve.checks.stt import SPEECH
from tests import discovery
from tests.cluster import kubectl
from tests.cluster.client import client
from tests.cluster.served import (
    BEARER,
    KEY,
    NAME,
    SPEC,
    Served,
    keys,
    loading_images,
    make_models,
    running_pods,
    served,
)
from tests.helm import render
from tests.outside import asking, table
from tests.prometheus import ALL, reading

pytestmark = running_pods
Eventually = Callable[[Callable[[], bool]], None]
PATIENCE = 180
SENTENCE = "The quick brown fox jumps over the lazy dog."

WRONG = (
    "engine=fake",
    "accelerator=arc",
    "reference=made",
    "engineConfig.wrong=1",
)  # The engine adds noise, but on a CPU.
DIFFERS = "answers on accelerator 'arc' (vendor 'xpu') what it does not on a CPU"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = os.environ.get("CLUSTER_TEST_FOLDER")
    return Path(shared) / "models" if shared else tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def release(cluster: None, folder: Path) -> Iterator[Served]:
    with loading_images():
        make_models(folder)
    with served(folder) as release:
        release.apply()
        release.ready()
        yield release


def wait_for(address: str, model: str, status: str) -> dict[str, Any]:
    """The model's state once it has this status."""
    deadline = time.monotonic() + PATIENCE
    while True:
        state: dict[str, Any] = requests.get(f"{address}/health", headers=BEARER, timeout=60).json()["models"][model]
        if state["status"] == status:
            return state
        assert time.monotonic() < deadline, f"{model} is {state} and not {status}"
        time.sleep(0.5)


@contextmanager
def calling(url: str) -> Iterator[list[int]]:
    """Asks the reranker again and again until the end of the block: the statuses of its answers."""
    statuses: list[int] = []
    ended = threading.Event()

    def call() -> None:
        while not ended.is_set():
            body = {"query": "the sea", "documents": ["a hill", "waves"]}
            answer = requests.post(url, json=body, headers=BEARER, timeout=60)
            statuses.append(answer.status_code)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield statuses
    finally:
        ended.set()
        caller.join()


@pytest.fixture(params=["path", "name"])
def base(release: Served, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The address of a model from outside the cluster: its own path, or the one of all with its name in the body."""
    with release.address() as address:
        yield lambda model: f"{address}/{model}" if request.param == "path" else address


def test_the_language_model_answers_openais_client(base: Any) -> None:
    client = openai.OpenAI(base_url=f"{base('llm')}/v1", api_key=KEY)
    messages: Any = [{"role": "user", "content": "Hello!"}]
    whole = client.chat.completions.create(model="llm", messages=messages, max_tokens=8, temperature=0)
    stream = client.chat.completions.create(model="llm", messages=messages, max_tokens=8, temperature=0, stream=True)
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert whole.choices[0].message.content == streamed != ""


def test_speech_goes_in_and_comes_out_by_openais_client(base: Any) -> None:
    heard = openai.OpenAI(base_url=f"{base('whisper')}/v1", api_key=KEY).audio.transcriptions.create(
        model="whisper", file=SPEECH, response_format="verbose_json"
    )
    assert heard.duration == pytest.approx(3.65, abs=0.1)
    spoken = openai.OpenAI(base_url=f"{base('tts')}/v1", api_key=KEY).audio.speech.create(
        model="tts", voice="alloy", input=SENTENCE, response_format="wav"
    )
    assert spoken.read()[:4] == b"RIFF"


def test_trained_vectors_come_out_by_openais_client(base: Any) -> None:
    client = openai.OpenAI(base_url=f"{base('embeddings')}/v1", api_key=KEY)
    answer = client.embeddings.create(model="embeddings", input=[SENTENCE, "Hello!"])
    assert [len(item.embedding) for item in answer.data] == [384, 384]


def test_documents_are_ordered_by_coheres_client(base: Any) -> None:
    with cohere.ClientV2(KEY, base_url=base("reranker")) as client:
        results = client.rerank(model="reranker", query="the sea", documents=["a hill", "waves"]).results
    assert sorted(result.index for result in results) == [0, 1]


def test_who_brings_no_key_is_told_so_by_every_model_and_by_all(release: Served) -> None:
    with release.address() as address:
        for path in ("/v1/models", *(f"/{model}/v1/models" for model in SPEC["models"])):
            answer = requests.get(address + path, timeout=60)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key"), path


def test_each_request_is_a_line_of_its_pods_output(release: Served) -> None:
    id = uuid.uuid4().hex
    with release.address() as address:
        body, headers = {"model": "embeddings", "input": "a secret"}, {**BEARER, "x-request-id": id}
        assert requests.post(f"{address}/v1/embeddings", json=body, headers=headers, timeout=60).status_code == 200
    for group in ("head", "processor"):
        pod = release.pods()[group]["metadata"]["name"]
        (line,) = (one for one in kubectl.run("logs", pod, "--container=ray", *release.place).splitlines() if id in one)
        assert json.loads(line)["key"] == "tester"
        assert "a secret" not in line


def test_another_pod_hears_at_each_port_no_more_than_the_table_says(release: Served) -> None:
    addresses = {pod["status"]["podIP"]: group for group, pod in release.pods().items()}
    with client(release, "outsider", Path(asking.__file__).read_text(), "llm", *addresses):
        kubectl.wait("pod/outsider", "jsonpath={.status.phase}=Succeeded", *release.place)
        said = [asking.Said.of(line) for line in kubectl.run("logs", "outsider", *release.place).splitlines()]
    assert {addresses[one.host] for one in said} == {"head", "processor", "arc"}
    found: dict[str, table.Row] = defaultdict(table.Row)
    for one in said:
        found[_row(one.port)] |= table.row(one, SPEC["models"], loopback=False)
        print(addresses[one.host], one.port, sorted(one.answers), "asks for the token" if one.refused else "")
    expected = {port: replace(row, loopback=False) for port, row in table.documented().items()}
    assert table.beyond(found, expected) == {}
    assert [one.unexpected for one in said if one.unexpected] == []
    assert [one.port for one in said if not one.speaks_http and not one.refused] == []


def _row(port: int) -> str:
    """Of the table."""
    known = str(port) if str(port) in table.documented() else "others, chosen by Ray"
    return "30000 to 31000" if port in range(30_000, 31_001) else known


@pytest.mark.parametrize("way", ["annotations", "the monitor"])
def test_prometheus_finds_every_pod_and_whose_it_is(
    release: Served, way: str, eventually: Eventually, tmp_path: Path
) -> None:
    rendered = render(SPEC, {"monitoring": ALL}, release=NAME, namespace=release.namespace)
    (monitor,) = rendered.of("PodMonitor").values()
    ours = f'{{namespace="{release.namespace}",ai_inference_release="{NAME}"}}'
    with kubectl.proxied() as api:
        pods = release.pods().values()
        by_monitor = discovery.by_monitor(monitor, pods, api)
        found = by_monitor if way == "the monitor" else discovery.by_annotations(pods, api)
        with reading(rendered, tmp_path, found) as prometheus:
            eventually(prometheus.answers)
            eventually(lambda: len(prometheus.ask(f"up{ours} == 1")) == len(pods))
            available = f"ray_ai_inference_model_available{ours} == 1"
            eventually(lambda: {one["metric"]["model"] for one in prometheus.ask(available)} == set(SPEC["models"]))
            eventually(lambda: prometheus.firing() <= {"MemoryOverBudget"})  # RAM stands for GPUs, and is tight.


def test_a_key_may_ask_from_when_it_is_in_the_secret_until_it_is_not_without_a_restart(release: Served) -> None:
    other = "b" * 32
    with release.address() as address:
        for known, status in ({"tester": KEY, "other": other}, 200), ({"tester": KEY}, 401):
            kubectl.apply(keys(release.namespace, **known))
            deadline = time.monotonic() + PATIENCE
            while requests.get(f"{address}/v1/models", headers={"api-key": other}, timeout=60).status_code != status:
                assert time.monotonic() < deadline, f"a key is never answered {status}"
                time.sleep(1)


def test_helm_test_checks_every_model_by_every_way_to_it_from_inside(release: Served) -> None:
    done = release.helm("test", "--logs", "--timeout=10m")
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("ok ", "FAILED "))]
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[:2] for line in lines] == [["ok", model] for model in sorted(SPEC["models"])]


def test_each_pod_runs_the_image_of_its_vendor_without_root_and_cannot_write_into_it(release: Served) -> None:
    vendors = {"head": "cpu", "processor": "cpu", "arc": "xpu"}
    images = {group: pod["spec"]["containers"][0]["image"] for group, pod in release.pods().items()}
    assert {group: image.rpartition("-")[2] for group, image in images.items()} == vendors
    assert {pod["spec"]["securityContext"]["runAsUser"] for pod in release.pods().values()} == {1000}
    security = [pod["spec"]["containers"][0]["securityContext"] for pod in release.pods().values()]
    assert {one["readOnlyRootFilesystem"] for one in security} == {True}


def test_each_model_runs_on_the_pod_of_its_accelerator_and_the_gateway_on_the_head(release: Served) -> None:
    groups = {pod["status"]["podIP"]: group for group, pod in release.pods().items()}
    found = {
        name: {groups[replica["node_ip"]] for one in app["deployments"].values() for replica in one["replicas"]}
        for name, app in release.applications().items()
    }
    assert found == {"gateway": {"head"}} | {name: {model["accelerator"]} for name, model in SPEC["models"].items()}


def test_the_aliases_are_names_of_the_cluster(release: Served) -> None:
    head = release.pods()["head"]["metadata"]["name"]
    asked = f"http://whisper-predictor.{release.namespace}:8000/health"
    command = ("wget", "-qO-", f"--header=authorization: {BEARER['authorization']}", asked)
    said = kubectl.run("exec", head, "--container=ray", *release.place, "--", *command)
    assert '"model":"whisper"' in said.replace(" ", "")


def test_a_card_that_computes_wrongly_makes_helm_test_fail_by_that_while_the_others_answer(release: Served) -> None:
    pods = {group: pod["metadata"]["name"] for group, pod in release.pods().items()}
    with release.address() as address, calling(f"{address}/reranker/v1/rerank") as statuses:
        release.apply(*map("models.embeddings.{}".format, WRONG))
        state = wait_for(address, "embeddings", "unavailable")
    assert DIFFERS in state["reason"]
    assert statuses, "nobody was called meanwhile"
    assert set(statuses) == {200}
    done = release.helm("test", "--logs", "--timeout=10m")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("ok ", "FAILED "))]
    (failed,) = (line for line in lines if line.startswith("FAILED"))
    assert done.returncode != 0
    assert len(lines) == len(SPEC["models"])
    assert failed.split()[1] == "embeddings"
    assert "503" in failed
    assert DIFFERS in failed
    assert {group: pod["metadata"]["name"] for group, pod in release.pods().items()} == pods


def test_a_rollback_brings_the_model_back_in_the_same_pods(release: Served) -> None:
    pods = {group: pod["metadata"]["name"] for group, pod in release.pods().items()}
    done = release.helm("rollback")
    assert not done.returncode, done.stderr
    with release.address() as address:
        wait_for(address, "embeddings", "ok")
    assert release.helm("test", "--timeout=10m").returncode == 0
    assert {group: pod["metadata"]["name"] for group, pod in release.pods().items()} == pods


def test_uninstalling_leaves_the_models_and_nothing_else(release: Served, folder: Path) -> None:
    done = release.helm("uninstall", "--wait")
    assert not done.returncode, done.stderr
    kinds = "rayservices.ray.io,rayclusters.ray.io,rayjobs.ray.io,services,pods,serviceaccounts,secrets,configmaps,jobs"
    kubectl.run("wait", "rayclusters.ray.io,pods", "--all", "--for=delete", "--timeout=3m", *release.place)
    left = {f"{one['kind']} {one['metadata']['name']}" for one in kubectl.items(kinds, *release.place)}
    kept = {f"Secret {NAME}-{ours}" for ours in ("keys", "dashboard")}
    assert left == {"ServiceAccount default", "ConfigMap kube-root-ca.crt", *kept}
    assert {path.name for path in folder.iterdir() if path.is_dir()} >= set(SPEC["models"])
