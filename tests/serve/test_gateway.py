"""One address for every model: what unchanged clients ask of the gateway, and what they are answered."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
import requests

from serve.local.service import Service
from tests.serve.conftest import Deploy

MODELS: dict[str, dict[str, Any]] = {
    "chat": {"task": "llm", "names": ["org/parrot"], "engineConfig": {"tokenDelay": 0.01}},
    "vectors": {"task": "embeddings"},
    "ranks": {"task": "rerank"},
}


@pytest.fixture(scope="module")
def address(deploy: Deploy) -> str:
    return deploy(MODELS)


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def chat(client: openai.OpenAI, text: str, model: str = "chat") -> str | None:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content


def test_a_model_answers_by_its_key_its_further_names_and_its_adapters(client: openai.OpenAI) -> None:
    assert chat(client, "hello there") == "hello there"
    assert chat(client, "hello there", "org/parrot") == "hello there"
    with pytest.raises(openai.NotFoundError):  # Routed to the model, which does not have the adapter.
        chat(client, "hello there", "chat:adapter")


def test_a_streamed_answer_arrives_in_pieces(client: openai.OpenAI) -> None:
    words = [f"word{i}" for i in range(20)]
    stream = client.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": " ".join(words)}], stream=True
    )
    assert [(chunk.choices[0].delta.content or "").strip() for chunk in stream] == words


def test_the_list_has_every_name_and_each_can_be_retrieved(client: openai.OpenAI) -> None:
    listed = [model.id for model in client.models.list()]
    assert listed == ["chat", "org/parrot", "vectors", "ranks"]
    assert [client.models.retrieve(name).id for name in listed] == listed


def test_an_unknown_model_is_404_in_openais_shape(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as failure:
        chat(client, "hello", "nobody")
    assert failure.value.code == "model_not_found"
    assert "models: chat, vectors, ranks" in str(failure.value)


def test_a_model_of_another_task_is_refused_with_those_that_fit(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'chat' does llm, and /v1/embeddings is for embeddings: vectors"):
        client.embeddings.create(model="chat", input="text")


def test_the_only_model_of_a_task_needs_no_name(address: str) -> None:
    assert requests.post(f"{address}/embed", json={"inputs": "text"}, timeout=60).status_code == 200
    ranked = requests.post(f"{address}/rerank", json={"query": "a", "texts": ["b", "a"]}, timeout=60)
    assert [item["index"] for item in ranked.json()] == [1, 0]


def test_an_alias_in_the_host_header_leads_to_its_model(address: str) -> None:
    for host in ("vectors-predictor", "vectors-predictor.ai-ml", "vectors-predictor.ai-ml.svc.cluster.local:8000"):
        answer = requests.post(f"{address}/v1/embeddings", json={"input": "a"}, headers={"Host": host}, timeout=60)
        assert answer.json()["model"] == "vectors", answer.text
    named = requests.get(f"{address}/v1/models", headers={"Host": "ranks-predictor.ai-ml"}, timeout=60)
    assert [model["id"] for model in named.json()["data"]] == ["ranks"]


def test_kserves_paths_answer(address: str) -> None:
    with openai.OpenAI(base_url=f"{address}/openai/v1", api_key="unused") as client:
        assert chat(client, "hello") == "hello"
    ready = requests.get(f"{address}/v1/models/chat", timeout=60).json()
    assert (ready["name"], ready["ready"]) == ("chat", True)
    assert requests.get(f"{address}/v2/health/live", timeout=60).json() == {"live": True}
    assert requests.get(f"{address}/v2/health/ready", timeout=60).json() == {"ready": True}
    assert requests.get(f"{address}/v2/models/chat/ready", timeout=60).json() == {"name": "chat", "ready": True}


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"", "not JSON"), (b"{", "not JSON"), (b"\0\0", "not JSON"), (b"[]", "JSON object"), (b'{"model": 3}', "text")],
)
def test_a_bad_body_is_400_and_the_next_request_works(
    address: str, client: openai.OpenAI, body: bytes, said: str
) -> None:
    answer = requests.post(f"{address}/v1/chat/completions", data=body, timeout=60)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert said in answer.json()["error"]["message"]
    assert chat(client, "hello") == "hello"


def test_a_body_of_100_megabytes_is_413_and_the_next_request_works(address: str, client: openai.OpenAI) -> None:
    body = b'{"model": "vectors", "input": "' + b"a" * 100 * 2**20 + b'"}'
    assert requests.post(f"{address}/v1/embeddings", data=body, timeout=60).status_code == 413
    assert client.embeddings.create(model="vectors", input="a").data


def test_a_form_is_routed_by_its_field_wherever_it_stands(address: str) -> None:
    model, file = ("model", (None, b"nobody")), ("file", ("a.wav", b"\0" * 2**20))
    for fields in ([model, file], [file, model]):
        answer = requests.post(f"{address}/v1/audio/transcriptions", files=fields, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_a_client_that_leaves_stops_the_engine(
    address: str, client: openai.OpenAI, eventually: Callable[..., None]
) -> None:
    def open_streams() -> int:
        opened: int = requests.get(f"{address}/chat/streams", timeout=60).json()["open"]
        return opened

    stream = client.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": "word " * 100_000}], stream=True
    )
    next(iter(stream))
    assert open_streams() == 1
    stream.close()
    eventually(lambda: open_streams() == 0)


def test_a_model_that_cannot_load_answers_503_with_the_reason_and_the_others_are_served(deploy: Deploy) -> None:
    address = deploy({**MODELS, "broken": {"task": "embeddings", "source": {"path": "/no/such/folder"}}})
    answer = requests.post(f"{address}/v1/embeddings", json={"model": "broken", "input": "a"}, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert "/no/such/folder" in answer.json()["error"]["message"]
    health = requests.get(f"{address}/health", timeout=60).json()
    assert health["status"] == "degraded"
    assert health["models"]["broken"]["status"] == "unavailable"
    assert "/no/such/folder" in health["models"]["broken"]["reason"]
    assert health["models"]["chat"]["status"] == "ok"
    assert requests.get(f"{address}/v2/models/broken/ready", timeout=60).status_code == 503
    good = requests.post(f"{address}/v1/embeddings", json={"model": "vectors", "input": "a"}, timeout=60)
    assert good.status_code == 200


def test_a_change_of_one_model_leaves_the_gateway_and_the_others_running(deploy: Deploy, service: Service) -> None:
    deploy(MODELS)
    before = replicas(service)
    deploy({**MODELS, "vectors": {"task": "embeddings", "engineConfig": {"maxTokens": 3}}, "more": {"task": "rerank"}})
    after = replicas(service)
    assert after["vectors"] != before["vectors"]
    assert {name: after[name] for name in ("gateway", "chat", "ranks")} == {
        name: before[name] for name in ("gateway", "chat", "ranks")
    }
    listed = requests.get(f"{service.address}/v1/models", timeout=60).json()["data"]
    assert "more" in [model["id"] for model in listed]


def test_while_a_model_is_changed_its_callers_wait_and_the_others_see_nothing(deploy: Deploy, address: str) -> None:
    deploy(MODELS)
    done = threading.Event()
    statuses: dict[str, list[int]] = {"vectors": [], "ranks": []}

    def call(path: str, body: dict[str, object], seen: list[int]) -> None:
        while not done.is_set():
            seen.append(requests.post(f"{address}/{path}", json=body, timeout=60).status_code)

    callers = [
        threading.Thread(target=call, args=("vectors/v1/embeddings", {"input": "a"}, statuses["vectors"])),
        threading.Thread(target=call, args=("ranks/v1/rerank", {"query": "a", "documents": ["b"]}, statuses["ranks"])),
    ]
    for caller in callers:
        caller.start()
    deploy({**MODELS, "vectors": {"task": "embeddings", "engineConfig": {"loadDelay": 3}}})
    done.set()
    for caller in callers:
        caller.join()
    assert set(statuses["ranks"]) == {200}
    assert set(statuses["vectors"]) == {200}


def replicas(service: Service) -> dict[str, list[str]]:
    """The ids of the replicas of each application."""
    return {
        name: [
            replica["replica_id"] for deployment in app["deployments"].values() for replica in deployment["replicas"]
        ]
        for name, app in service.applications().items()
    }


def test_a_request_for_a_model_without_a_replica_is_503_after_its_queue_timeout(deploy: Deploy, address: str) -> None:
    deploy(MODELS)
    slow: dict[str, Any] = {"task": "embeddings", "queueTimeout": 1, "engineConfig": {"loadDelay": 12}}
    changing = threading.Thread(target=deploy, args=({**MODELS, "vectors": slow},))
    changing.start()
    answers = []
    while changing.is_alive():
        answers.append(requests.post(f"{address}/vectors/v1/embeddings", json={"input": "a"}, timeout=60))
    changing.join()
    refused = [answer for answer in answers if answer.status_code != 200]
    assert refused
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.json()["error"]["code"] for answer in refused} == {"model_starting"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


def test_for_a_model_without_a_replica_no_more_wait_than_one_would_take(deploy: Deploy, address: str) -> None:
    deploy(MODELS)
    few = {"maxOngoingRequests": 2, "maxQueuedRequests": 2}
    slow: dict[str, Any] = {"task": "embeddings", **few, "engineConfig": {"loadDelay": 8}}
    changing = threading.Thread(target=deploy, args=({**MODELS, "vectors": slow},))
    changing.start()

    def ask(_: int) -> requests.Response:
        return requests.post(f"{address}/vectors/v1/embeddings", json={"input": "a"}, timeout=60)

    answers: list[requests.Response] = []
    with ThreadPoolExecutor(8) as pool:
        while changing.is_alive():
            answers += pool.map(ask, range(8))
    changing.join()
    assert {answer.status_code for answer in answers} == {200, 429}
    refused = [answer for answer in answers if "has no replica, and 4 requests wait for one" in answer.text]
    assert refused
    assert {answer.headers["retry-after"] for answer in refused} == {"5"}


def test_a_body_where_none_is_expected_leaves_the_next_request_alone(address: str, deploy: Deploy) -> None:
    deploy(MODELS)
    for method in ("DELETE", "GET", "OPTIONS"):
        requests.request(method, f"{address}/v1/responses/x", data=b'{"a": "' + b"x" * 60 + b'"}', timeout=60)
        for _ in range(4):
            answer = requests.post(f"{address}/v1/embeddings", json={"model": "vectors", "input": "a"}, timeout=60)
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/openai-docs", "/openaiv1", "//", "/v1/%2e%2e/%2e%2e/-/routes", "/v1/a%3Fb"])
def test_a_strange_path_is_404_and_leads_nowhere_else(address: str, path: str) -> None:
    with requests.Session() as session:
        prepared = requests.Request("GET", address).prepare()
        prepared.url = address + path
        answer = session.send(prepared, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"model": "chat", "messages": ' + b"[" * 100_000])
def test_a_body_that_is_nested_without_end_is_400(address: str, body: bytes) -> None:
    assert requests.post(f"{address}/v1/chat/completions", data=body, timeout=60).status_code == 400


def test_more_than_the_gateway_holds_is_413_also_when_its_length_is_not_declared(address: str) -> None:
    pieces = iter([b'{"input": "', *[b"a" * 2**20] * 70, b'"}'])
    answer = requests.post(f"{address}/v1/embeddings", data=pieces, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
