"""Unchanged clients of every task, under each of the three addresses: the model's path, its name, its alias's host."""

import io
import wave

import cohere
import httpx
import openai
import pytest
import requests

from tests.serve.conftest import Deploy

MODELS = {
    "llm": {"task": "llm"},
    "whisper": {"task": "stt"},
    "tts": {"task": "tts"},
    "embeddings": {"task": "embeddings"},
    "reranker": {"task": "rerank"},
}
ADDRESSES = ("path", "name", "alias")


@pytest.fixture(scope="module")
def address(deploy: Deploy) -> str:
    return deploy(MODELS)


@pytest.fixture(params=ADDRESSES)
def style(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


class Clients:
    """Clients of `model`, made for one style of address."""

    def __init__(self, address: str, style: str) -> None:
        self.address = address
        self.style = style

    def openai(self, model: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self._base(model)}/v1", api_key="unused", default_headers=self._headers(model))

    def cohere(self, model: str) -> cohere.ClientV2:
        http = httpx.Client(headers=self._headers(model))
        return cohere.ClientV2("unused", base_url=self._base(model), httpx_client=http)

    def post(self, model: str, path: str, body: object) -> requests.Response:
        return requests.post(self._base(model) + path, json=body, headers=self._headers(model), timeout=60)

    def _base(self, model: str) -> str:
        return f"{self.address}/{model}" if self.style == "path" else self.address

    def _headers(self, model: str) -> dict[str, str]:
        return {"Host": f"{model}-predictor.ai-ml"} if self.style == "alias" else {}


@pytest.fixture
def clients(address: str, style: str) -> Clients:
    return Clients(address, style)


def speech() -> bytes:
    """Two seconds of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(2 * 2 * 16_000))
    return file.getvalue()


def test_chat_and_completions(clients: Clients) -> None:
    client = clients.openai("llm")
    chat = client.chat.completions.create(model="llm", messages=[{"role": "user", "content": "hello there"}])
    assert chat.choices[0].message.content == "hello there"
    streamed = client.chat.completions.create(
        model="llm", messages=[{"role": "user", "content": "hello there"}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed).split() == ["hello", "there"]
    assert client.completions.create(model="llm", prompt="hello there").choices[0].text == "hello there"


def test_transcription(clients: Clients) -> None:
    text = clients.openai("whisper").audio.transcriptions.create(model="whisper", file=("a.wav", speech())).text
    assert text.split() == ["second", "0", "second", "1"]


def test_speech(clients: Clients) -> None:
    audio = clients.openai("tts").audio.speech.create(model="tts", voice="high", input="one two", response_format="wav")
    assert audio.read()[:4] == b"RIFF"


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(clients: Clients, encoding: str) -> None:
    answer = clients.openai("embeddings").embeddings.create(
        model="embeddings",
        input=["one", "two"],
        encoding_format=encoding,  # type: ignore[arg-type]
    )
    assert [item.index for item in answer.data] == [0, 1]
    tei = clients.post("embeddings", "/embed", {"inputs": ["one", "two"]}).json()
    assert [len(vector) for vector in tei] == [8, 8]


def test_rerank(clients: Clients) -> None:
    asked = {"query": "the sea", "documents": ["a hill", "the sea"]}
    with clients.cohere("reranker") as client:
        answer = client.rerank(model="reranker", **asked)
    assert [result.index for result in answer.results] == [1, 0]
    tei = clients.post("reranker", "/rerank", {"query": "the sea", "texts": asked["documents"]}).json()
    assert [item["index"] for item in tei] == [1, 0]


def test_models_and_health(clients: Clients) -> None:
    listed = [model.id for model in clients.openai("tts").models.list()]
    assert listed == (list(MODELS) if clients.style == "name" else ["tts"])
