"""Speech to text as the openai client sees it, on real Ray with the fake engine: one segment a second of audio."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import requests
from openai.types.audio import TranscriptionVerbose, TranslationVerbose

from serve.audio import encoded
from tests.serve.conftest import Deploy

AUDIO = ("speech.wav", encoded(np.zeros(3 * 24_000, np.float32), "wav", 24_000))
LONG = ("long.mp3", encoded(np.zeros(900 * 24_000, np.float32), "mp3", 24_000))
Eventually = Callable[[Callable[[], bool]], None]
TEXT = "second 0 second 1 second 2"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stt") / "journal"


@pytest.fixture(scope="module")
def address(deploy: Deploy, journal: Path) -> str:
    slow = {"delay": 0.05, "journal": str(journal.with_name("slow"))}
    unready = {"unready": str(journal.with_name("unready")), "journal": str(journal.with_name("begun"))}
    return deploy({
        "whisper": {"task": "stt", "names": ["whisper-1"], "engineConfig": {"journal": str(journal)}},
        "slow": {"task": "stt", "engineConfig": slow},
        "unready": {"task": "stt", "engineConfig": unready},
        "short": {"task": "stt", "maxAudio": 2},
    })  # fmt: skip


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def lines(journal: Path) -> list[str]:
    return journal.read_text().splitlines() if journal.exists() else []


def test_json_has_the_text_and_the_seconds_heard(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model="whisper-1", file=AUDIO)
    assert answer.text == TEXT
    assert answer.usage is not None
    assert answer.usage.to_dict() == {"type": "duration", "seconds": 3}


def test_text_is_the_text_alone(client: openai.OpenAI) -> None:
    assert client.audio.transcriptions.create(model="whisper", file=AUDIO, response_format="text") == TEXT + "\n"


def test_srt_numbers_its_cues(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model="whisper", file=AUDIO, response_format="srt")
    assert answer.startswith("1\n00:00:00,000 --> 00:00:01,000\nsecond 0\n\n2\n00:00:01,000 --> 00:00:02,000\n")
    assert answer.endswith("\nsecond 2\n")


def test_vtt_begins_with_its_name(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model="whisper", file=AUDIO, response_format="vtt")
    assert answer.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsecond 0\n\n")


def test_verbose_json_has_language_duration_and_segments_but_no_words_unless_asked(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model="whisper", file=AUDIO, response_format="verbose_json")
    assert isinstance(answer, TranscriptionVerbose)
    assert (answer.text, answer.language, answer.duration) == (TEXT, "en", 3)
    assert answer.segments is not None
    assert [(s.id, s.start, s.end, s.text) for s in answer.segments] == [
        (i, i, i + 1, f" second {i}") for i in range(3)
    ]
    assert answer.words is None


def test_words_come_alone_or_with_segments_as_asked(client: openai.OpenAI) -> None:
    def times(granularities: list[Any]) -> TranscriptionVerbose:
        return client.audio.transcriptions.create(
            model="whisper", file=AUDIO, response_format="verbose_json", timestamp_granularities=granularities
        )

    alone, both = times(["word"]), times(["word", "segment"])
    assert alone.segments is None
    assert both.segments is not None
    for answer in (alone, both):
        assert answer.words is not None
        assert [(w.word, w.start, w.end) for w in answer.words] == [(f" second {i}", i, i + 1) for i in range(3)]


@pytest.mark.filterwarnings(
    "ignore:deprecated:DeprecationWarning"
)  # The client's word on translations; they are served.
def test_a_translation_is_english_in_each_format(client: openai.OpenAI, journal: Path) -> None:
    assert client.audio.translations.create(model="whisper", file=AUDIO).text == TEXT
    assert client.audio.translations.create(model="whisper", file=AUDIO, response_format="text") == TEXT + "\n"
    assert client.audio.translations.create(model="whisper", file=AUDIO, response_format="srt").startswith("1\n")
    assert client.audio.translations.create(model="whisper", file=AUDIO, response_format="vtt").startswith("WEBVTT")
    verbose = client.audio.translations.create(model="whisper", file=AUDIO, response_format="verbose_json")
    assert isinstance(verbose, TranslationVerbose)
    assert verbose.language == "english"
    assert "language=None prompt=None temperature=None translate=True" in lines(journal)


def test_language_prompt_and_temperature_reach_the_engine(client: openai.OpenAI, journal: Path) -> None:
    client.audio.transcriptions.create(model="whisper", file=AUDIO, language="de-CH", prompt="Grüezi", temperature=0.4)
    assert "language=de prompt=Grüezi temperature=0.4 translate=False" in lines(journal)


def test_a_streamed_transcription_ends_with_the_sum_of_its_deltas(client: openai.OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model="whisper", file=AUDIO, stream=True))
    deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
    assert deltas == ["second 0", " second 1", " second 2"]
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == "".join(deltas) == TEXT


@pytest.fixture
def slow(journal: Path) -> Path:
    """The journal of the slow model, empty."""
    journal.with_name("slow").unlink(missing_ok=True)
    return journal.with_name("slow")


def test_a_client_that_leaves_a_stream_ends_the_work(client: openai.OpenAI, slow: Path, eventually: Eventually) -> None:
    with client.audio.transcriptions.create(model="slow", file=LONG, stream=True) as stream:
        next(iter(stream))
    eventually(lambda: "end" in lines(slow))
    assert len(lines(slow)) < 450  # Of 900 seconds.
    assert client.audio.transcriptions.create(model="slow", file=AUDIO).text == TEXT


def test_a_client_that_hangs_up_before_its_answer_ends_the_work(
    address: str, slow: Path, eventually: Eventually
) -> None:
    form = requests.Request("POST", f"{address}/slow/v1/audio/transcriptions", files={"file": LONG}).prepare()
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    connection.request("POST", form.path_url, form.body, dict(form.headers))
    eventually(lambda: "0" in lines(slow))
    connection.close()
    eventually(lambda: "end" in lines(slow))
    assert len(lines(slow)) < 450  # Of 900 seconds.


def test_a_short_request_does_not_wait_for_the_end_of_a_long_one(
    client: openai.OpenAI, slow: Path, eventually: Eventually
) -> None:
    with client.audio.transcriptions.create(model="slow", file=LONG, stream=True) as stream:
        next(iter(stream))
        assert client.audio.transcriptions.create(model="slow", file=AUDIO).text == TEXT
        assert lines(slow).count("end") == 1
    eventually(lambda: lines(slow).count("end") == 2)


def test_a_request_does_not_wait_while_a_long_recording_is_made_ready_beside_the_device(
    client: openai.OpenAI, journal: Path, eventually: Eventually
) -> None:
    unready = journal.with_name("unready")
    unready.touch()
    with ThreadPoolExecutor(1) as other:
        long = other.submit(client.audio.transcriptions.create, model="unready", file=LONG)
        try:
            eventually(lambda: len(lines(journal.with_name("begun"))) == 1)
            assert client.audio.transcriptions.create(model="unready", file=AUDIO).text == TEXT
            assert not long.done()
        finally:
            unready.unlink()
        assert long.result().text.endswith("second 899")


HALF = (
    b'--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n+2AA-\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\r\n--b--\r\n'
)
"""A form whose prompt is half of a surrogate pair in UTF-7."""
UTF_7 = {"content-type": "multipart/form-data; boundary=b; charset=utf-7"}

BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "no file": ({"files": {"other": b"x"}}, "file", "Field required"),
    "empty file": ({"files": {"file": ("a.wav", b"")}}, "file", "is empty"),
    "broken audio": ({"files": {"file": ("a.wav", AUDIO[1][:40])}}, "file", "cannot be decoded|0.000 seconds"),
    "text as audio": ({"files": {"file": ("a.mp3", b"not music" * 99)}}, "file", "cannot be decoded"),
    "nul bytes": ({"files": {"file": ("a.wav", bytes(9999))}}, "file", "cannot be decoded"),
    "a text instead of a file": ({"data": {"file": "speech"}}, "file", "file"),
    "no form": ({"json": {"file": "speech"}}, "file", "Field required"),
    "unknown format": ({"data": {"response_format": "docx"}}, "response_format", "verbose_json"),
    "unknown language": ({"data": {"language": "klingon"}}, "language", "'klingon'.*de, en, fr"),
    "unknown granularity": ({"data": {"timestamp_granularities[]": "syllable"}}, "timestamp_granularities[].0", "word"),
    "temperature too high": ({"data": {"temperature": "7"}}, "temperature", "less than or equal to 1"),
    "temperature no number": ({"data": {"temperature": "warm"}}, "temperature", "valid number"),
    "half a character": ({"data": HALF, "headers": UTF_7}, "prompt", "half of a surrogate pair"),
    "temperature not a number": ({"data": {"temperature": "nan"}}, "temperature", "temperature"),
    "stream of subtitles": ({"data": {"stream": "true", "response_format": "srt"}}, "stream", "ask for json"),
}  # fmt: skip


@pytest.mark.parametrize("path", ["transcriptions", "translations"])
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_its_name_and_the_next_request_is_served(
    address: str, client: openai.OpenAI, case: str, path: str
) -> None:
    sent, param, said = BAD[case]
    if list(sent) == ["data"] and "file" not in sent["data"]:
        sent = {**sent, "files": {"file": AUDIO}}
    answer = requests.post(f"{address}/whisper/v1/audio/{path}", **sent, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert re.search(said, error["message"])
    assert client.audio.transcriptions.create(model="whisper", file=AUDIO).text == TEXT


def test_more_audio_than_a_request_may_have_is_413(address: str) -> None:
    answer = requests.post(f"{address}/short/v1/audio/transcriptions", files={"file": AUDIO}, timeout=60)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (413, "request_too_large", "file")
    assert error["message"] == "file: has more than 2 seconds of audio; send it in parts"


def test_bad_audio_in_a_stream_gets_its_status_before_the_first_event(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot be decoded"):
        client.audio.transcriptions.create(model="whisper", file=("a.wav", b"noise" * 99), stream=True)


def test_a_form_without_its_boundary_is_refused(address: str) -> None:
    answer = requests.post(
        f"{address}/whisper/v1/audio/transcriptions", b"x", headers={"content-type": "multipart/form-data"}, timeout=60
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_another_models_name_is_404(address: str) -> None:
    answer = requests.post(
        f"{address}/whisper/v1/audio/transcriptions", data={"model": "tts"}, files={"file": AUDIO}, timeout=60
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_events_are_plain_server_sent_events(address: str) -> None:
    answer = requests.post(
        f"{address}/whisper/v1/audio/transcriptions", data={"stream": "true"}, files={"file": AUDIO}, timeout=60
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = answer.text.strip().split("\n\n")
    for block in blocks:
        event, data = block.split("\n")
        assert event == f"event: {json.loads(data.removeprefix('data: '))['type']}"
    assert len(blocks) == 4
