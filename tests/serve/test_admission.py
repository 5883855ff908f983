"""Every way into a running service without a key, with one, and with one for other models: who is answered."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
import requests

from serve.local.service import Service
from tests.serve.conftest import application, gateway, laptop

MODELS: dict[str, dict[str, Any]] = {
    "chat": {"task": "llm"}, "vectors": {"task": "embeddings"}, "ranks": {"task": "rerank"},
    "ears": {"task": "stt"}, "voice": {"task": "tts"},
}  # fmt: skip
Eventually = Callable[[Callable[[], bool]], None]
KEY, LIMITED = "k" * 32, "l" * 32
OPEN = {"/": 200, "/page/app.js": 200, "/health": 200, "/v2/health/live": 200, "/v2/health/ready": 200}
OURS = ["/v1/models", "/v1/models/chat", "/v2/models/chat/ready", "/docs", "/openapi.json", "/nothing", "/Health"]
POSTS = [
    "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/tokenize", "/v1/embeddings", "/embed",
    "/v1/rerank", "/v2/rerank", "/rerank", "/v1/score", "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/realtime",
]  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SPELLINGS = [
    "{}/", "//{}", "/./{}", "/x/..{}", "{}?key=", "{}/health", "{}%2f", "{}/%2e%2e/health", "{};/health", "/%63hat{}",
    "/%63hat/v1/chat/completions", "/chat%2Fv1/chat/completions",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "me").write_text(KEY)
    (folder / "limited").write_text(f"key: {LIMITED}\nmodels: [vectors]")
    return folder


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with laptop(tmp_path_factory.mktemp("models"), folder) as service:
        apply(service)
        yield service


def apply(service: Service, **access: Any) -> None:
    applications = [application(*model) for model in MODELS.items()]
    for one in applications:
        one["deployments"] = [{"name": "Model", "user_config": access}]
    front = gateway(MODELS)
    front["deployments"][0]["user_config"] |= access
    service.apply({"applications": [front, *applications]})
    service.wait()


@pytest.fixture
def address(service: Service) -> str:
    return service.address


def status(method: str, url: str, key: str | None = None, **headers: str) -> int:
    """As curl --path-as-is sends it: nothing of the path is made tidy on the way."""
    sent = {**headers, **({"authorization": f"Bearer {key}"} if key else {})}
    request = requests.Request(method, url, headers=sent, data=b"{}" if method == "POST" else None).prepare()
    request.url = url
    with requests.Session() as session:
        return session.send(request, timeout=60, allow_redirects=False).status_code


def test_without_a_key_only_the_page_and_health_answer(address: str) -> None:
    assert {path: status("GET", address + path) for path in OPEN} == OPEN
    asked = [*itertools.product(("GET", "HEAD", "DELETE", "OPTIONS"), OURS), *itertools.product(("POST", "PUT"), POSTS)]
    assert {(method, path): status(method, address + path) for method, path in asked} == dict.fromkeys(asked, 401)


def test_without_a_key_no_model_answers_on_any_path_by_any_method(address: str) -> None:
    paths = [
        f"/{model}{path}" for model in MODELS for path in (*POSTS, "/v1/models", "/docs", "/openapi.json", "/metrics")
    ]
    asked = list(itertools.product(METHODS, paths))
    assert {(method, path): status(method, address + path) for method, path in asked} == dict.fromkeys(asked, 401)


def test_a_key_for_one_model_is_403_at_all_others_on_any_path_by_any_method(address: str) -> None:
    paths = [f"/{model}{path}" for model in MODELS if model != "vectors" for path in (*POSTS, "/v1/models", "/docs")]
    asked = list(itertools.product(METHODS, paths))
    found = {(method, path): status(method, address + path, LIMITED) for method, path in asked}
    assert found == dict.fromkeys(asked, 403)


def test_a_key_for_one_model_is_403_for_all_others_by_their_names_and_aliases(address: str) -> None:
    others = [name for name in MODELS if name != "vectors"]
    for name, path in itertools.product(others, ("/v1/models/{}", "/v2/models/{}/ready")):
        assert status("GET", address + path.format(name), LIMITED) == 403
    for name in others:
        assert status("POST", f"{address}/v1/chat/completions", LIMITED, host=f"{name}-predictor") == 403
    body = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}
    for path in ("/v1/chat/completions", "/openai/v1/chat/completions", "/v1/completions"):
        answer = requests.post(address + path, json=body, headers={"api-key": LIMITED}, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize(("key", "expected"), [(None, 401), ("w" * 32, 401), (LIMITED, 403)])
def test_no_model_answers_by_its_alias_on_any_path_by_any_method(address: str, key: str | None, expected: int) -> None:
    paths = (*POSTS, "/nothing", "/metrics")
    asked = [(model, method, path) for model in MODELS if model != "vectors" for method in METHODS for path in paths]
    found = {one: status(one[1], address + one[2], key, Host=f"{one[0]}-predictor") for one in asked}
    assert found == dict.fromkeys(asked, expected)


@pytest.mark.parametrize("path", sorted(set(POSTS) - {"/v1/realtime"}))
def test_no_model_answers_by_its_name_in_a_body_or_a_form_to_a_key_for_another(address: str, path: str) -> None:
    for name, header in itertools.product(("chat", "ranks", "ears", "voice"), ({}, {"api-key": LIMITED})):
        sent = {"files": {"model": (None, name), "file": b"sound"}} if "audio/t" in path else {"json": {"model": name}}
        answer = requests.post(address + path, headers=header, timeout=60, **sent)
        assert answer.status_code == (403 if header else 401), (name, answer.text)


def test_a_key_for_one_model_hears_of_no_other(address: str) -> None:
    headers = {"api-key": LIMITED}
    assert set(requests.get(f"{address}/health", headers=headers, timeout=60).json()["models"]) == {"vectors"}
    for body in ({"model": "nobody", "input": "a"}, {"input": "a"}):
        said = requests.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=60).text
        assert "chat" not in said.replace("/v1/chat/completions", "")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_a_path_leads_past_the_door(address: str, spelling: str) -> None:
    path = spelling.format("/chat/v1/chat/completions")
    assert status("POST", address + path) in (400, 401, 404)
    assert status("POST", address + path, "w" * 32) in (400, 401, 404)
    assert status("POST", address + path, LIMITED) in (400, 403, 404)


@pytest.mark.parametrize("host", ["chat-predictor", "chat-predictor.ai-ml:8000", "CHAT-PREDICTOR"])
def test_an_alias_needs_a_key_too(address: str, host: str) -> None:
    for path in POSTS[:3]:
        assert status("POST", address + path, Host=host) == 401
    body = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"host": host, "api-key": KEY}
    assert requests.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=60).ok


def test_health_says_no_more_than_whether_all_is_well_to_who_has_no_key(address: str) -> None:
    for path in ("/health", "/chat/health"):
        assert requests.get(address + path, timeout=60).json() == {"status": "ok"}
    known = requests.get(f"{address}/health", headers={"api-key": KEY}, timeout=60).json()
    assert set(known["models"]) == set(MODELS)


def test_a_key_opens_every_model_by_its_path_and_by_its_name(address: str) -> None:
    for base in (f"{address}/v1", f"{address}/chat/v1"):
        with openai.OpenAI(base_url=base, api_key=KEY) as client:
            said = client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
            assert said.choices[0].message.content == "hello"


def test_a_wrong_key_is_an_authentication_error_to_openais_client(address: str) -> None:
    with (
        openai.OpenAI(base_url=f"{address}/v1", api_key="w" * 32) as client,
        pytest.raises(openai.AuthenticationError) as said,
    ):
        client.embeddings.create(model="vectors", input="a")
    assert (said.value.code, said.value.type) == ("invalid_api_key", "invalid_request_error")
    assert said.value.response.headers["www-authenticate"] == "Bearer"


def test_a_key_for_one_model_is_403_at_all_others_and_lists_only_its_own(address: str) -> None:
    for base in (f"{address}/v1", f"{address}/chat/v1"):
        with openai.OpenAI(base_url=base, api_key=LIMITED) as client:
            with pytest.raises(openai.PermissionDeniedError) as said:
                client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
            assert said.value.code == "model_not_allowed"
    with openai.OpenAI(base_url=f"{address}/v1", api_key=LIMITED) as client:
        assert client.embeddings.create(model="vectors", input="a").data
        assert [model.id for model in client.models.list()] == ["vectors"]


@pytest.mark.parametrize("path", ["/v1/realtime", "/chat/v1/realtime", "/chat/health"])
@pytest.mark.parametrize("key", [{}, {"api-key": LIMITED}])
def test_a_web_socket_is_refused_without_a_key_for_its_model(address: str, path: str, key: dict[str, str]) -> None:
    async def shaken() -> int:
        async with aiohttp.ClientSession(headers=key) as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(address + path)
            return refused.value.status

    assert asyncio.run(shaken()) in (401, 403)


def test_a_rotated_key_is_another_one_without_a_restart(address: str, folder: Path, eventually: Eventually) -> None:
    def opens(key: str) -> bool:
        return (
            status("GET", f"{address}/v1/models", key) == 200 and status("GET", f"{address}/chat/v1/models", key) == 200
        )

    (folder / "rotated").write_text("r" * 32)
    eventually(lambda: opens("r" * 32))
    (folder / "rotated").write_text("s" * 32)
    eventually(lambda: opens("s" * 32) and not opens("r" * 32))
    assert opens(KEY)


def test_no_page_of_another_origin_reads_an_answer_unless_it_is_named(
    address: str, service: Service, eventually: Eventually
) -> None:
    page = {"origin": "https://chat.example.com", "api-key": KEY}
    preflight = {"origin": page["origin"], "access-control-request-method": "POST",
                 "access-control-request-headers": "authorization,content-type"}  # fmt: skip

    def allowed(path: str) -> tuple[str | None, int]:
        asked = requests.get(address + path, headers=page, timeout=60)
        before = requests.options(address + path, headers=preflight, timeout=60)
        return asked.headers.get("access-control-allow-origin"), before.status_code

    paths = ("/v1/models", "/chat/v1/models")
    assert [allowed(path) for path in paths] == [(None, 401)] * 2
    apply(service, origins=["https://chat.example.com"])
    eventually(lambda: [allowed(path) for path in paths] == [("https://chat.example.com", 200)] * 2)
    preflight["origin"] = page["origin"] = "https://elsewhere.example.com"
    assert [allowed(path) for path in paths] == [(None, 400)] * 2
    apply(service)
