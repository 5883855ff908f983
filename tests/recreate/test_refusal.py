"""What clients get while no cluster serves, by real connections; tests/cluster/test_recreate.py has the rest."""

import socket
from collections.abc import Iterator

import openai
import pytest
import requests

from serve.errors import ConfigurationError
from serve.recreate.refusal import Refusal, refusing


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture
def refusal(port: int) -> Iterator[Refusal]:
    with refusing(port) as refusal:
        yield refusal


@pytest.mark.usefixtures("refusal")
def test_any_request_is_told_when_to_come_back(port: int) -> None:
    for method, path in (("GET", "/llm/health"), ("POST", "/v1/audio/speech"), ("DELETE", "/"), ("GET", "/-/healthz")):
        answer = requests.request(method, f"http://127.0.0.1:{port}{path}", timeout=10)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert answer.json()["error"]["code"] == "model_starting"


@pytest.mark.usefixtures("refusal")
def test_there_are_no_routes(port: int) -> None:
    answer = requests.get(f"http://127.0.0.1:{port}/-/routes", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.usefixtures("refusal")
def test_openais_client_reads_the_reason(port: int) -> None:
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="unused", max_retries=0)
    with pytest.raises(openai.InternalServerError) as caught:
        client.embeddings.create(model="any", input="Hello!")
    assert caught.value.status_code == 503
    assert "made anew" in caught.value.message


@pytest.mark.usefixtures("refusal")
def test_a_large_body_is_read_to_its_end_before_the_answer(port: int) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/whisper", data=b"0" * 32_000_000, timeout=10)
    assert answer.status_code == 503


@pytest.mark.usefixtures("refusal")
def test_no_connection_is_kept_as_the_service_will_lead_elsewhere(port: int) -> None:
    for path in ("/", "/-/routes"):
        assert requests.get(f"http://127.0.0.1:{port}{path}", timeout=10).headers["connection"] == "close"


def test_what_was_refused_is_counted(port: int, refusal: Refusal) -> None:
    for path in ("/llm", "/-/routes", "/whisper"):
        requests.get(f"http://127.0.0.1:{port}{path}", timeout=10)
    assert refusal.count == 2


def test_a_port_that_is_taken_is_named(port: int) -> None:
    with (
        socket.create_server(("", port)),
        pytest.raises(ConfigurationError, match=f"port {port}.*nothing was deleted"),
        refusing(port),
    ):
        pass
