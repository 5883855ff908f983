"""What the front saw of requests becomes counts, times and amounts, of which there are only so many series."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serve.asgi import ASGI, Receive, Scope, Send, send_json
from serve.errors import InferenceError, Limited, Overloaded
from serve.front.front import Front
from serve.front.keys import EVERYBODY, Keys
from serve.front.usage import usage
from serve.metrics import traffic
from serve.metrics.series import Histogram, Labels
from serve.streaming import DeviceThread

OF = ("whisper", "stt")


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has served nothing."""
    for total in (one for one in traffic.ALL if not isinstance(one, Histogram)):
        monkeypatch.setattr(total, "_sums", {})
    for histogram in (one for one in traffic.ALL if isinstance(one, Histogram)):
        monkeypatch.setattr(histogram, "_counts", [0] * len(histogram.buckets()))
    yield


def ask(
    app: ASGI, path: str = "/v1/audio/transcriptions", keys: Keys = EVERYBODY, key: str = "", kind: str = "http"
) -> None:
    """One request to `app` behind a front, with or without a key."""
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    scope = {"type": kind, "method": "POST", "path": path, "headers": headers}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Any) -> None:
        """Nobody listens."""

    front = Front(app, keys, max_body=1000, model="whisper", watches=[traffic.watch])
    asyncio.run(front(scope, receive, send))


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    usage().audio_seconds += 12.5
    await send_json(send, b"{}")


async def refuses(scope: Scope, receive: Receive, send: Send) -> None:
    raise Overloaded("too many")


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the device is gone")


def counted() -> dict[Labels, float]:
    return traffic.REQUESTS.sums(OF)


def test_a_request_counts_under_its_model_task_key_and_status(tmp_path: Path) -> None:
    (tmp_path / "ada").write_text("a-key-of-twenty-chars")
    ask(answers, keys=Keys(tmp_path), key="a-key-of-twenty-chars")
    assert counted() == {("whisper", "stt", "ada", "200"): 1}
    assert traffic.AUDIO.sums(OF) == {("whisper", "stt", "ada"): 12.5}
    assert traffic.INPUT_TOKENS.sums(OF) == {}


def test_what_brings_an_unknown_key_makes_no_series_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ada").write_text("a-key-of-twenty-chars")
    for number in range(3):
        ask(answers, path=f"/v1/{number}", keys=Keys(tmp_path), key=f"guessed-{number}")
    assert counted() == {("whisper", "stt", traffic.NOBODY, "401"): 3}
    assert traffic.ERRORS.sums(OF) == {("whisper", "stt", "invalid_api_key"): 3}


def test_a_failure_counts_by_its_code() -> None:
    for app in (refuses, breaks):
        ask(app)
    assert traffic.ERRORS.sums(OF) == {
        ("whisper", "stt", "rate_limit_exceeded"): 1,
        ("whisper", "stt", "internal_error"): 1,
    }


def test_an_answer_that_breaks_counts_as_failed_though_it_began_well() -> None:
    async def ends_early(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("the device is gone")

    with pytest.raises(InferenceError):  # By which the server ends the connection.
        ask(ends_early)
    assert counted() == {("whisper", "stt", "anyone", "500"): 1}
    assert traffic.ERRORS.sums(OF) == {("whisper", "stt", "internal_error"): 1}


def test_a_web_socket_that_was_taken_has_not_failed() -> None:
    async def talks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello"})

    ask(talks, kind="websocket")
    assert counted() == {("whisper", "stt", "anyone", "101"): 1}
    assert traffic.ERRORS.sums(OF) == {}


def test_what_a_key_may_not_is_told_from_what_nobody_may() -> None:
    async def limits(scope: Scope, receive: Receive, send: Send) -> None:
        raise Limited("enough for now")

    for app in (refuses, limits):
        ask(app)
    assert traffic.ERRORS.sums(OF) == {
        ("whisper", "stt", "rate_limit_exceeded"): 1,
        ("whisper", "stt", "key_limit_exceeded"): 1,
    }


def test_the_times_of_what_was_refused_do_not_make_a_slow_model_look_fast() -> None:
    for app in (refuses, answers, breaks):
        ask(app)
    assert traffic.DURATION.buckets()["+Inf"] == 2


def test_asking_for_health_is_no_request() -> None:
    ask(answers, path="/health")
    assert not counted()


def test_a_histograms_buckets_each_have_what_is_at_most_their_bound() -> None:
    histogram = Histogram("size", "", (), (1, 2, 4))
    for value in (1, 2, 2, 3, 4, 5):
        histogram.observe(value)
    assert histogram.buckets() == {"1": 1, "2": 3, "4": 5, "+Inf": 6}


def test_a_wait_goes_to_the_usage_of_who_waited() -> None:
    seen = list[float]()

    async def computes(scope: Scope, receive: Receive, send: Send) -> None:
        await device.run(lambda: time.sleep(0))
        seen.append(usage().queue_seconds)
        await send_json(send, b"{}")

    device = DeviceThread()
    ask(computes)
    assert seen[0] > 0
    assert traffic.QUEUE.buckets()["+Inf"] == 1
    assert len(device.waits) == 0
