"""Text to speech as the openai client sees it, on real Ray with the fake engine: a tone, a tenth of a second a word."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
import requests

from serve.audio import CONTENT_TYPES, Format
from tests.serve.conftest import Deploy
from tests.serve.test_audio import FORMATS, heard, level, loudest

TEN_WORDS = "one two three four five six seven eight nine ten"
LONG = "a " * 2000
HIGH, LOW = 880, 220
OPENAI_VOICES = [
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar",
]  # fmt: skip
Eventually = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tts") / "journal"


@pytest.fixture(scope="module")
def address(deploy: Deploy, journal: Path) -> str:
    slow = {"delay": 0.05, "journal": str(journal)}
    return deploy({"voice": {"task": "tts", "names": ["tts-1"]}, "slow": {"task": "tts", "engineConfig": slow}})


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def lines(journal: Path) -> list[str]:
    return journal.read_text().splitlines() if journal.exists() else []


def pitch(data: bytes) -> float:
    return loudest(heard(data, "wav"), 16_000)


@pytest.mark.parametrize("form", FORMATS)
def test_speech_in_every_format_is_the_voice_at_its_length_and_level(client: openai.OpenAI, form: Format) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="low", input=TEN_WORDS, response_format=form)
    assert answer.response.headers["content-type"] == CONTENT_TYPES[form]
    samples = heard(answer.content, form)
    assert len(samples) / 16_000 == pytest.approx(1, abs=0.1)
    assert loudest(samples, 16_000) == pytest.approx(LOW, abs=3)
    assert level(samples) == pytest.approx(0.3, abs=0.02)


def test_mp3_is_what_clients_get_that_name_no_format(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(model="voice", voice="low", input="hello")
    assert answer.response.headers["content-type"] == "audio/mpeg"


def test_speed_shortens_speech(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(model="voice", voice="low", input=TEN_WORDS, speed=2, response_format="wav")
    assert len(heard(answer.content, "wav")) / 16_000 == pytest.approx(0.5, abs=0.01)


def test_the_voices_are_listed_and_told_apart(client: openai.OpenAI, address: str) -> None:
    assert requests.get(f"{address}/voice/v1/audio/voices", timeout=60).json() == {"voices": ["high", "low"]}
    high, low = (
        client.audio.speech.create(model="voice", voice=voice, input=TEN_WORDS, response_format="wav").content
        for voice in ("high", "low")
    )
    assert pitch(high) == pytest.approx(HIGH, abs=3)
    assert pitch(low) == pytest.approx(LOW, abs=3)


@pytest.mark.parametrize("voice", OPENAI_VOICES)
def test_openais_voices_are_spoken_by_any_engine(client: openai.OpenAI, voice: str) -> None:
    answer = client.audio.speech.create(model="voice", voice=voice, input=TEN_WORDS, response_format="wav")
    expected = HIGH if OPENAI_VOICES.index(voice) % 2 == 0 else LOW
    assert pitch(answer.content) == pytest.approx(expected, abs=3)


def test_without_a_voice_the_engine_chooses(address: str) -> None:
    body = {"model": "voice", "input": TEN_WORDS, "response_format": "wav"}
    answer = requests.post(f"{address}/v1/audio/speech", json=body, timeout=60)
    assert pitch(answer.content) == pytest.approx(HIGH, abs=3)


def test_a_voice_can_be_sent_as_an_object_and_instructions_are_ignored(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(
        model="voice", voice={"id": "low"}, input=TEN_WORDS, response_format="wav", instructions="whisper"
    )
    assert pitch(answer.content) == pytest.approx(LOW, abs=3)


def test_speech_is_sent_while_it_is_made_and_ends_with_its_client(
    client: openai.OpenAI, journal: Path, eventually: Eventually
) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="slow", voice="low", input=LONG, response_format="pcm"
    ) as answer:
        first = next(answer.iter_bytes(1024))
        assert len(first) == 1024
        assert 0 < lines(journal).count("a") < 1000  # Of 2000 pieces.
    eventually(lambda: "end" in lines(journal))
    assert lines(journal).count("a") < 1000
    assert client.audio.speech.create(model="slow", voice="low", input="hello").content


def test_events_carry_the_same_audio(client: openai.OpenAI, address: str) -> None:
    body = {"model": "voice", "voice": "low", "input": TEN_WORDS, "response_format": "wav"}
    whole = client.audio.speech.create(**body).content  # type: ignore[arg-type]
    answer = requests.post(f"{address}/v1/audio/speech", json={**body, "stream_format": "sse"}, timeout=60)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(block.split("\ndata: ")[1]) for block in answer.text.strip().split("\n\n")]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1] == {"type": "speech.audio.done"}
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == whole


GOOD = {"model": "voice", "voice": "low", "input": "hello"}
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown voice": ({"voice": "nobody"}, "voice", "'nobody'.*high, low"),
    "voice of a wrong type": ({"voice": 5}, "voice", "string"),
    "voice object without id": ({"voice": {"name": "low"}}, "voice", "string"),
    "no input": ({"input": ...}, "input", "required"),
    "empty input": ({"input": ""}, "input", "at least 1"),
    "only spaces": ({"input": " \n\t "}, "input", "nothing that can be spoken"),
    "too long": ({"input": "a" * 4097}, "input", "at most 4096"),
    "input of a wrong type": ({"input": ["hello"]}, "input", "string"),
    "NUL": ({"input": "a\0b"}, "input", "NUL"),
    "half a character": ({"input": "a\ud800"}, "input", "input"),
    "unknown format": ({"response_format": "midi"}, "response_format", "mp3"),
    "too fast": ({"speed": 9}, "speed", "less than or equal to 4"),
    "too slow": ({"speed": 0}, "speed", "greater than or equal to 0.25"),
    "speed in words": ({"speed": "fast"}, "speed", "number"),
    "unknown stream format": ({"stream_format": "websocket"}, "stream_format", "sse"),
}


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_name_and_the_next_request_is_served(
    address: str, client: openai.OpenAI, case: str, stream_format: Literal["audio", "sse"]
) -> None:
    changed, param, said = BAD[case]
    body = {key: value for key, value in {**GOOD, "stream_format": stream_format, **changed}.items() if value != ...}
    answer = requests.post(f"{address}/voice/v1/audio/speech", json=body, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert re.search(said, error["message"])
    assert client.audio.speech.create(model="voice", voice="low", input="hello").content


@pytest.mark.parametrize("body", [b"{", b"[]", b'"hello"', b"", b"\0\0", b'{"input": "\xff"}'])
def test_a_body_that_is_no_json_object_is_refused(address: str, body: bytes) -> None:
    answer = requests.post(
        f"{address}/voice/v1/audio/speech", body, headers={"content-type": "application/json"}, timeout=60
    )
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_another_models_name_is_404(address: str) -> None:
    answer = requests.post(f"{address}/voice/v1/audio/speech", json={**GOOD, "model": "whisper"}, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
