"""What the front of every replica answers by itself: too much at once, too large, and failures in OpenAI's shape."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.serve.conftest import Deploy

SLOW = {"task": "embeddings", "engineConfig": {"delay": 1}, "maxOngoingRequests": 1, "maxQueuedRequests": 1}


@pytest.fixture(scope="module")
def address(deploy: Deploy) -> str:
    failing = {"task": "embeddings", "engineConfig": {"error": "a secret of the device"}}
    return deploy({"slow": SLOW, "small": {"task": "embeddings", "maxBody": "1Ki"}, "failing": failing})


def embed(address: str, model: str, text: str = "text") -> requests.Response:
    return requests.post(f"{address}/{model}/v1/embeddings", json={"input": text}, timeout=60)


def test_more_requests_than_a_replica_takes_are_told_to_come_back_and_the_others_answered(address: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: embed(address, "slow"), range(6)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {answer.json()["error"]["code"] for answer in refused} == {"rate_limit_exceeded"}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert embed(address, "slow").status_code == 200


def test_a_full_replica_still_tells_its_health(address: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(embed, address, "slow") for _ in range(4)]
        assert requests.get(f"{address}/slow/health", timeout=60).json()["status"] == "ok"
        assert 200 in {answer.result().status_code for answer in waiting}


def test_a_body_above_the_entrys_bound_is_413_also_when_its_length_is_not_declared(address: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"input": "'
        yield from [b"a" * 1024] * 4
        yield b'"}'

    declared = embed(address, "small", "a" * 4096)
    piecewise = requests.post(f"{address}/small/v1/embeddings", data=pieces(), timeout=60)
    for answer in (declared, piecewise):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert embed(address, "small").status_code == 200


def test_a_path_that_is_not_there_is_404_in_openais_shape(address: str) -> None:
    answer = requests.get(f"{address}/small/v1/nothing", timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_every_answer_carries_the_id_of_its_request(address: str) -> None:
    answer = requests.get(f"{address}/small/health", headers={"x-request-id": "mine"}, timeout=60)
    assert answer.headers["x-request-id"] == "mine"


def test_a_failure_of_the_engine_is_500_in_openais_shape_and_keeps_its_details(address: str) -> None:
    answer = requests.post(
        f"{address}/failing/v1/embeddings", json={"input": "a"}, headers={"x-request-id": "mine"}, timeout=60
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "its log has request mine" in answer.json()["error"]["message"]
    assert "secret" not in answer.text
