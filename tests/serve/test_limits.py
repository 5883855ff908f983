"""Limits of a running service: what a client is told that has used what it may, whichever replica it reaches."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from serve.checks.stt import SPEECH
from serve.local.service import Service
from serve.quotas import SECONDS
from tests.serve.conftest import application, gateway, laptop

Eventually = Callable[[Callable[[], bool]], None]
pytestmark = pytest.mark.slow
NAMES = ("alice", "bob", "carol", "dave")
REPLICAS = 3
SEVERAL = ("vectors", "small", "voice", "chat")
VECTORS = {"task": "embeddings"}
OWN = {
    "carol": "limits: {vectors: {requestsPerMinute: 2}}",
    "dave": "limits: {vectors: {maxBody: 1k}, ears: {maxAudio: 2}}",
}


def key(name: str) -> str:
    return f"a-whole-key-of-{name}"


class Limited:
    """The service, with limits that a test sets while it runs."""

    def __init__(self, service: Service, store: Path) -> None:
        self.service = service
        self.address = service.address
        small = {**VECTORS, "adapters": {"source": {"path": str(store)}, "max": 1}}
        chat = {"task": "llm", "engineConfig": {"tokenDelay": 0.2}}
        self.models: Mapping[str, Mapping[str, Any]] = {
            "vectors": VECTORS, "small": small, "voice": {"task": "tts"}, "ears": {"task": "stt"}, "chat": chat
        }  # fmt: skip

    def limit(self, **limits: float | str) -> None:
        """Of each key, over all replicas of each model."""
        applications = [application(*model) for model in self.models.items()]
        for one in applications:
            number = REPLICAS if one["name"] in SEVERAL else 1
            options = {"name": "Model", "num_replicas": number, "user_config": {"limits": limits}}
            one["deployments"] = [options]
        self.service.apply({"applications": [gateway(self.models), *applications]})
        self.service.wait()

    def embed(
        self, name: str, model: str = "vectors", session: Any = requests, text: str = "text"
    ) -> requests.Response:
        headers, body = {"authorization": f"Bearer {key(name)}"}, {"model": model, "input": text}
        answer: requests.Response = session.post(
            f"{self.address}/{model.partition(':')[0]}/v1/embeddings", json=body, headers=headers, timeout=60
        )
        return answer

    def hear(self, name: str) -> requests.Response:
        headers, files = {"api-key": key(name)}, {"file": SPEECH.read_bytes()}  # 3.65 seconds of it.
        return requests.post(f"{self.address}/ears/v1/audio/transcriptions", files=files, headers=headers, timeout=60)

    def chat(self, name: str, words: int, **more: Any) -> requests.Response:
        """To be read or left, where `stream` is among what the body has more."""
        body = {"messages": [{"role": "user", "content": "word " * words}], **more}
        path = f"{self.address}/chat/v1/chat/completions"
        return requests.post(path, json=body, headers={"api-key": key(name)}, timeout=60, stream="stream" in more)

    def replicas(self) -> set[str]:
        (deployment,) = self.service.applications()["vectors"]["deployments"].values()
        return {one["replica_id"] for one in deployment["replicas"] if one["state"] == "RUNNING"}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    folder = tmp_path_factory.mktemp("keys")
    for name in NAMES:
        (folder / name).write_text(f"key: {key(name)}\n{OWN.get(name, '')}")
    store = tmp_path_factory.mktemp("store")
    (store / "one").mkdir()
    with laptop(tmp_path_factory.mktemp("models"), folder) as service:
        yield Limited(service, store)


def statuses(answers: Mapping[Any, requests.Response] | list[requests.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_a_key_that_has_used_its_requests_is_told_when_to_come_back_and_others_go_on(limited: Limited) -> None:
    limited.limit(requestsPerMinute=6)
    answers = [limited.embed("alice") for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 3
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert "'alice' has its 6 requests per minute of model 'vectors'" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["retry-after"]) <= SECONDS + 1
    assert (refused.headers["x-ratelimit-limit-requests"], refused.headers["x-ratelimit-remaining-requests"]) == (
        "6",
        "0",
    )
    assert limited.embed("bob").status_code == 200


def test_answers_say_what_is_left_as_openais_clients_read_it(limited: Limited) -> None:
    limited.limit(requestsPerMinute=600, tokensPerMinute=60_000)
    with openai.OpenAI(base_url=f"{limited.address}/v1", api_key=key("dave")) as client:
        raw = client.embeddings.with_raw_response.create(model="vectors", input="one two three")
        headers = raw.headers
        used = raw.parse().usage.total_tokens
    assert headers["x-ratelimit-limit-requests"] == "600"
    assert headers["x-ratelimit-remaining-requests"] == "599"
    assert headers["x-ratelimit-reset-requests"] == f"{SECONDS}s"
    assert headers["x-ratelimit-limit-tokens"] == "60000"
    assert used > 0
    later = limited.embed("dave").headers
    assert 60_000 - 10 * used <= int(later["x-ratelimit-remaining-tokens"]) < 60_000


def test_a_changed_limit_holds_without_a_new_replica(limited: Limited, eventually: Eventually) -> None:
    limited.limit(requestsPerMinute=600)
    before = limited.replicas()
    assert len(before) == REPLICAS
    limited.limit(requestsPerMinute=1)
    eventually(lambda: limited.embed("bob").status_code == 429)
    limited.limit()
    eventually(lambda: "x-ratelimit-limit-requests" not in limited.embed("bob").headers)
    assert limited.replicas() == before


def test_what_the_key_says_of_a_model_goes_before_what_the_model_says(limited: Limited) -> None:
    limited.limit()
    assert statuses([limited.embed("carol") for _ in range(4)]) == {200: 2, 429: 2}


def test_characters_to_speak_are_limited(limited: Limited) -> None:
    limited.limit(charactersPerMinute=100)

    def speak() -> int:
        body = {"input": "a" * 60, "response_format": "wav"}
        headers = {"api-key": key("alice")}
        return requests.post(
            f"{limited.address}/voice/v1/audio/speech", json=body, headers=headers, timeout=60
        ).status_code

    found = [speak() for _ in range(5)]
    assert found[:2] == [200, 200]
    assert found[3:] == [429, 429]  # The third may come before all have heard what the second took.


def test_audio_that_is_heard_is_limited(limited: Limited) -> None:
    limited.limit(audioSecondsPerMinute=5)
    found = [limited.hear("alice") for _ in range(4)]
    assert found[0].status_code == 200
    assert [answer.status_code for answer in found[2:]] == [429, 429]
    assert "'alice' has its 5 audio seconds per minute of model 'ears'" in found[-1].json()["error"]["message"]
    assert found[-1].headers["x-ratelimit-limit-audio-seconds"] == "5"


def test_a_key_may_send_less_at_once_than_the_model_takes(limited: Limited, eventually: Eventually) -> None:
    limited.limit()
    bodies = {name: limited.embed(name, text="word " * 300) for name in ("alice", "dave")}
    sounds = {name: limited.hear(name) for name in ("alice", "dave")}
    for answers, said in (
        (bodies, "the body is larger than 1000 bytes, your key's maxBody"),
        (sounds, "file: has more than 2 seconds of audio; send it in parts"),
    ):
        assert {name: answer.status_code for name, answer in answers.items()} == {"alice": 200, "dave": 413}
        assert answers["dave"].json()["error"]["message"] == said
    limited.limit(maxBody="100", maxAudio=1)
    eventually(lambda: limited.embed("alice", text="word " * 30).status_code == 413)
    eventually(lambda: limited.hear("alice").status_code == 413)


def test_a_client_that_leaves_frees_its_place_among_the_requests_at_once(
    limited: Limited, eventually: Eventually
) -> None:
    limited.limit(requestsAtOnce=1, requestsPerMinute=600)

    eventually(lambda: "x-ratelimit-limit-requests" in limited.chat("bob", 1).headers)  # A change is there soon.
    with limited.chat("alice", 500, stream=True) as first:
        lines = first.iter_lines()  # Kept, as a generator that is dropped closes the connection.
        assert next(lines)
        second = limited.chat("alice", 1)
        assert second.status_code == 429
        assert "'alice' has its 1 requests at once of model 'chat'" in second.json()["error"]["message"]
    eventually(lambda: limited.chat("alice", 1).status_code == 200)


def test_requests_at_once_are_counted_over_all_replicas(limited: Limited, eventually: Eventually) -> None:
    limited.limit(requestsAtOnce=3, requestsPerMinute=600)

    def three_of_seven() -> bool:
        with contextlib.ExitStack() as open_streams:
            answers = [open_streams.enter_context(limited.chat("carol", 100, stream=True)) for _ in range(7)]
            return statuses(answers) == {200: 3, 429: 4}

    eventually(three_of_seven)  # A change is there soon.


def test_tokens_of_a_language_model_are_limited(limited: Limited) -> None:
    limited.limit(tokensPerMinute=300)
    answers = [limited.chat("bob", 60, max_tokens=5) for _ in range(12)]
    used = sum(one.json()["usage"]["total_tokens"] for one in answers if one.ok)
    assert {one.status_code for one in answers[-3:]} == {429}
    assert 200 <= used <= 500, used  # What was under way when the others had used it up is more.


def test_what_is_passed_on_to_the_replica_that_holds_an_adapter_counts_once(limited: Limited) -> None:
    limited.limit(requestsPerMinute=9)
    assert statuses([limited.embed("alice", "small:one") for _ in range(12)]) == {200: 9, 429: 3}
    limited.limit()
    used = limited.embed("bob", "small:one").json()["usage"]["total_tokens"]
    limited.limit(tokensPerMinute=30 * used)
    found = statuses([limited.embed("bob", "small:one") for _ in range(50)])
    assert 26 <= found[200] <= 32, found  # Two that pass them on keep room for a request.


@pytest.mark.parametrize(("limit", "used"), [("requestsPerMinute", 1), ("tokensPerMinute", 10)])  # A minute of load.
def test_three_replicas_and_fifty_clients_stay_within_a_twentieth_of_the_limit(
    limited: Limited, limit: str, used: int
) -> None:
    most = 1200  # Answers.
    limited.limit(**{limit: most * used})
    over = threading.Event()
    answered: list[float] = []

    def ask() -> None:
        with requests.Session() as session:
            while not over.is_set():
                if limited.embed("dave", session=session, text="word " * 10).status_code == 200:
                    answered.append(time.monotonic())

    with ThreadPoolExecutor(50) as pool:
        begun = time.monotonic()
        for _ in range(50):
            pool.submit(ask)
        over.wait(SECONDS + 2)
        over.set()
    first = sum(at - begun < SECONDS for at in answered)
    assert 0.95 * most <= first <= 1.05 * most
