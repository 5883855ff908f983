"""What clients see when an engine is slow, hangs or dies under them, and when a replica ends as it should."""

import contextlib
import io
import json
import os
import signal
import threading
import time
import wave
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from serve.checks.stt import SPEECH
from serve.local.service import Service
from serve.tasks.stt import AT_ONCE
from tests.serve.conftest import Deploy, application, gateway, post

pytestmark = pytest.mark.slow
Eventually = Callable[[Callable[[], bool]], None]
ASKED: dict[str, tuple[str, Any]] = {
    "embeddings": ("/v1/embeddings", {"input": "text"}),
    "rerank": ("/v1/rerank", {"query": "text", "documents": ["text"]}),
    "tts": ("/v1/audio/speech", {"input": "some words", "response_format": "pcm"}),
    "llm": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "some words"}]}),
    "stt": ("/v1/audio/transcriptions", None),
}
LONG = {"messages": [{"role": "user", "content": "word " * 60}], "stream": True}


def ask(address: str, model: str, task: str) -> requests.Response:
    path, body = ASKED[task]
    return post(f"{address}/{model}{path}", body, files={"file": SPEECH.read_bytes()} if task == "stt" else None)


def pids(service: Service, model: str) -> list[int]:
    deployments = service.applications()[model]["deployments"].values()
    return [one["pid"] for deployment in deployments for one in deployment["replicas"] if one["state"] == "RUNNING"]


@pytest.mark.parametrize("task", ASKED)
def test_a_request_that_is_not_begun_within_its_queue_timeout_is_told_to_come_back(deploy: Deploy, task: str) -> None:
    slow = {"prefill": 2} if task == "llm" else {"delay": 4}
    address = deploy({"slow": {"task": task, "queueTimeout": 1, "engineConfig": slow}})
    many = 3 + (AT_ONCE if task == "stt" else 0)  # So many recordings are begun at once.
    with ThreadPoolExecutor(many) as pool:
        answers = list(pool.map(lambda _: ask(address, "slow", task), range(many)))
    begun = [answer for answer in answers if answer.status_code == 200]
    late = [answer for answer in answers if answer.status_code != 200]
    assert begun
    assert late
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in late} == {(503, "model_congested")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in late)
    assert ask(address, "slow", task).status_code == 200


def test_an_answer_that_takes_too_long_is_504_or_breaks_and_its_engine_stops(
    deploy: Deploy, eventually: Eventually
) -> None:
    address = deploy({"chat": {"task": "llm", "requestTimeout": 1, "engineConfig": {"tokenDelay": 0.1}}})
    path = f"{address}/chat/v1/chat/completions"
    whole = post(path, {**LONG, "stream": False})
    assert (whole.status_code, whole.json()["error"]["code"]) == (504, "request_timeout")
    assert "1 seconds, this model's requestTimeout" in whole.json()["error"]["message"]
    with post(path, LONG, stream=True) as stream, pytest.raises(requests.exceptions.ChunkedEncodingError):
        assert b"[DONE]" not in b"".join(stream.iter_content(None))
    eventually(lambda: requests.get(f"{address}/chat/streams", timeout=60).json() == {"open": 0})
    assert ask(address, "chat", "llm").status_code == 200


@pytest.mark.parametrize("words", [1, 40_000])
def test_by_name_a_request_whose_replica_dies_before_it_answers_goes_to_the_next(
    deploy: Deploy, service: Service, eventually: Eventually, tmp_path: Path, words: int
) -> None:
    """Also one that is larger than what the proxy keeps."""
    address = deploy({"mortal": mortal(tmp_path)})
    (first,) = pids(service, "mortal")
    body = {"model": "mortal", "input": "text " * words, "truncate": True}
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(post, f"{address}/v1/embeddings", body) for _ in range(4)]
        eventually((tmp_path / "journal").exists)
        os.kill(first, signal.SIGKILL)
    assert [answer.result().status_code for answer in answers] == [200] * 4
    assert pids(service, "mortal") != [first]


def mortal(folder: Path) -> dict[str, Any]:
    """A model that takes its time, and a journal by which it is seen at work."""
    return {"task": "embeddings", "engineConfig": {"delay": 3, "journal": str(folder / "journal")}}


def test_by_name_a_recording_whose_replica_dies_is_503_in_openais_shape(
    deploy: Deploy, service: Service, eventually: Eventually, tmp_path: Path
) -> None:
    """It is held nowhere on its way, so that it cannot be sent again."""
    address = deploy({"mortal": {**mortal(tmp_path), "task": "stt"}})
    (first,) = pids(service, "mortal")
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 16_000 * 60))
    with ThreadPoolExecutor(1) as pool:
        sent = {"data": {"model": "mortal"}, "files": {"file": ("a.wav", recording.getvalue())}}
        answer: Future[requests.Response] = pool.submit(post, f"{address}/v1/audio/transcriptions", **sent)
        eventually((tmp_path / "journal").exists)
        os.kill(first, signal.SIGKILL)
    refused = answer.result()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_unavailable"), refused.text
    assert int(refused.headers["retry-after"]) > 0


def test_an_engine_that_hangs_is_replaced(
    deploy: Deploy, service: Service, eventually: Eventually, tmp_path: Path
) -> None:
    stuck = tmp_path / "stuck"
    entry = {"task": "embeddings", "stallTimeout": 1, "engineConfig": {"hang": str(stuck)}}
    address = deploy({"hung": entry})
    assert ask(address, "hung", "embeddings").status_code == 200
    (first,) = pids(service, "hung")
    stuck.touch()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, address, "hung", "embeddings")
        eventually(lambda: first not in pids(service, "hung"))
        stuck.unlink()
    assert answer.result().status_code in (200, 500)  # As it was sent again or not: Serve ends a replica by degrees.
    assert ask(address, "hung", "embeddings").status_code == 200


def test_an_engine_that_fails_each_request_is_replaced(deploy: Deploy, service: Service) -> None:
    entry = {"task": "embeddings", "stallTimeout": 1, "engineConfig": {"error": "the driver is gone"}}
    address = deploy({"failing": entry})
    (first,) = pids(service, "failing")

    due = time.monotonic() + 180  # A probe comes after a minute, and three checks are ten seconds apart.
    while first in pids(service, "failing"):
        assert ask(address, "failing", "embeddings").status_code >= 500
        assert time.monotonic() < due
        time.sleep(1)


def test_a_model_that_nobody_answers_for_is_refused_at_once_after_some_have_waited(
    deploy: Deploy, service: Service
) -> None:
    deploy({"away": {"task": "embeddings"}})
    slow = {"away": {"task": "embeddings", "queueTimeout": 1, "engineConfig": {"loadDelay": 20}}}
    service.apply({"applications": [gateway(slow), application("away", slow["away"])]})
    body = {"model": "away", "input": "text"}
    messages: list[str] = []
    while (answer := post(f"{service.address}/v1/embeddings", body)).status_code != 200 or not messages:
        if answer.status_code == 503:
            assert int(answer.headers["retry-after"]) > 0
            messages.append(answer.json()["error"]["message"])
    service.wait()
    assert any("has had no replica for 1 seconds" in message for message in messages)
    assert any("has not answered the last 5 requests" in message for message in messages)


@pytest.mark.parametrize(("seconds", "whole"), [(30, True), (0, False)])
def test_a_replica_that_ends_goes_on_with_what_it_has_begun_for_its_drain_timeout(
    service: Service, seconds: float, whole: bool
) -> None:
    models: dict[str, dict[str, Any]] = {"chat": {"task": "llm", "engineConfig": {"tokenDelay": 0.25}}}

    def apply(entry: Mapping[str, Any]) -> None:
        app = application("chat", entry)
        app["deployments"] = [{"name": "Model", "graceful_shutdown_timeout_s": seconds}]
        service.apply({"applications": [gateway(models), app]})
        service.wait()

    apply(models["chat"])
    words = []
    with post(f"{service.address}/chat/v1/chat/completions", LONG, stream=True) as stream:
        changing = threading.Thread(target=apply, args=({**models["chat"], "names": ["another"]},))
        events = stream.iter_lines()
        words.append(next(events))
        changing.start()
        with contextlib.suppress(requests.exceptions.ChunkedEncodingError):
            words += [line for line in events if line.startswith(b"data: {")]
        changing.join()
    said = "".join(json.loads(line.removeprefix(b"data: "))["choices"][0]["delta"].get("content", "") for line in words)
    assert (said.split() == ["word"] * 60) is whole


def test_streams_of_a_replica_that_is_not_wanted_any_more_end_whole(service: Service) -> None:
    models: dict[str, dict[str, Any]] = {"chat": {"task": "llm", "engineConfig": {"tokenDelay": 0.25}}}

    def apply(replicas: int) -> None:
        app = application("chat", models["chat"])
        app["deployments"] = [{"name": "Model", "num_replicas": replicas, "graceful_shutdown_timeout_s": 60}]
        service.apply({"applications": [gateway(models), app]})
        service.wait()

    def read(stream: requests.Response) -> bytes:
        with stream:
            return b"".join(stream.iter_content(None))

    apply(2)
    assert len(pids(service, "chat")) == 2
    with ThreadPoolExecutor(6) as pool:
        address = f"{service.address}/chat/v1/chat/completions"
        begun = [post(address, LONG, stream=True) for _ in range(6)]  # In turn, so that either replica has some.
        read_all = [pool.submit(read, stream) for stream in begun]
        apply(1)
        texts = [one.result() for one in read_all]
    assert [(text.count(b"word"), b"[DONE]" in text) for text in texts] == [(60, True)] * 6
    assert len(pids(service, "chat")) == 1
