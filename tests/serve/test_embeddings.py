"""Task embeddings through real Ray: the openai client and TEI's bodies, on the fake engine and on real weights."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests
from openai import BadRequestError, NotFoundError, OpenAI

from serve import standins
from tests.serve import references
from tests.serve.conftest import Deploy, post
from tests.serve.references import TEXTS

FAKE_DIMENSIONS = 8


@pytest.fixture(scope="module")
def address(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> str:
    real, folder = {"task": "embeddings", "engine": "sentence_transformers"}, tmp_path_factory.mktemp("models")
    pairs = standins.make("rerank", "sentence_transformers", folder / "reranker")
    return deploy(
        {
            "fake": {"task": "embeddings", "names": ["org/fake"], "engineConfig": {"maxTokens": 20}},
            "slow": {"task": "embeddings", "engineConfig": {"maxTokens": 20_000, "delay": 0.5}},
            "minilm": {**real, "source": {"path": str(references.minilm())}},
            "wrong": {**real, "source": {"path": str(pairs)}},
        }
    )


@pytest.fixture(scope="module")
def fake(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/fake/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def minilm(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/minilm/v1", api_key="none", max_retries=0) as client:
        yield client


def vectors(answer: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    assert [entry.index for entry in answer.data] == list(range(len(answer.data)))
    return np.array([entry.embedding for entry in answer.data], np.float32)


def test_openai_client_gets_the_vectors_of_real_weights(minilm: OpenAI) -> None:
    found = vectors(minilm.embeddings.create(model="minilm", input=TEXTS))
    assert references.cosines(found, references.vectors(references.minilm(), TEXTS)).min() >= 0.999


def test_base64_and_float_carry_the_same_numbers(address: str, minilm: OpenAI) -> None:
    body = {"input": TEXTS, "encoding_format": "base64"}
    (first, *_) = post(f"{address}/minilm/v1/embeddings", body).json()["data"]
    floats = vectors(minilm.embeddings.create(model="minilm", input=TEXTS, encoding_format="float"))
    assert np.frombuffer(base64.b64decode(first["embedding"]), "<f4") == pytest.approx(floats[0], abs=1e-6)
    decoded = vectors(minilm.embeddings.create(model="minilm", input=TEXTS))  # The client asks for base64 by itself.
    assert decoded == pytest.approx(floats, abs=1e-6)


def test_vectors_have_unit_length(fake: OpenAI) -> None:
    found = vectors(fake.embeddings.create(model="fake", input=["one", "two words"]))
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-6)


def test_dimensions_shorten_to_unit_length(fake: OpenAI) -> None:
    whole = vectors(fake.embeddings.create(model="fake", input="text"))[0]
    short = vectors(fake.embeddings.create(model="fake", input="text", dimensions=3))[0]
    assert short == pytest.approx(whole[:3] / np.linalg.norm(whole[:3]), abs=1e-6)


def test_usage_counts_the_tokens_of_all_texts(fake: OpenAI) -> None:
    answer = fake.embeddings.create(model="fake", input=["one", "two words"])
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (3, 3)


def test_answers_name_the_model_as_the_client_did(fake: OpenAI) -> None:
    assert fake.embeddings.create(model="org/fake", input="text").model == "org/fake"


def test_many_texts_come_back_in_their_order(fake: OpenAI) -> None:
    texts = [f"{'word ' * (index % 7)}{index}" for index in range(2048)]
    together = vectors(fake.embeddings.create(model="fake", input=texts))
    for index in (0, 1000, 2047):
        assert together[index] == pytest.approx(vectors(fake.embeddings.create(model="fake", input=texts[index]))[0])


def test_the_gateway_finds_the_model_by_its_name(address: str, fake: OpenAI) -> None:
    with OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        by_name = client.embeddings.create(model="org/fake", input="text")
    assert vectors(by_name).tolist() == vectors(fake.embeddings.create(model="fake", input="text")).tolist()


def test_tei_embeds_one_text_or_a_list(address: str) -> None:
    one = post(f"{address}/fake/embed", {"inputs": "text"})
    two = post(f"{address}/fake/embed", {"inputs": ["text", "other"]})
    assert one.headers["content-type"] == "application/json"
    assert np.array(two.json()).shape == (2, FAKE_DIMENSIONS)
    assert one.json() == two.json()[:1]


def test_tei_leaves_the_length_of_a_vector_when_asked(address: str) -> None:
    unit = np.array(post(f"{address}/fake/embed", {"inputs": "text"}).json()[0])
    raw = np.array(post(f"{address}/fake/embed", {"inputs": "text", "normalize": False}).json()[0])
    assert abs(np.linalg.norm(raw) - 1) > 0.01
    assert raw / np.linalg.norm(raw) == pytest.approx(unit, abs=1e-6)


def test_tei_prompt_is_put_before_the_text(address: str) -> None:
    named = post(f"{address}/fake/embed", {"inputs": "text", "prompt_name": "query"}).json()
    assert named == post(f"{address}/fake/embed", {"inputs": "query: text"}).json()
    refused = post(f"{address}/minilm/embed", {"inputs": "text", "prompt_name": "nonesuch"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "prompt_name")


@pytest.mark.parametrize(("path", "key"), [("embed", "inputs"), ("v1/embeddings", "input")])
def test_truncate_cuts_what_is_too_long(address: str, path: str, key: str) -> None:
    assert post(f"{address}/minilm/{path}", {key: "word " * 10_000}).status_code == 400
    cut = post(f"{address}/minilm/{path}", {key: "word " * 10_000, "truncate": True})
    at_the_limit = post(f"{address}/minilm/{path}", {key: "word " * 254})
    assert cut.status_code == 200
    assert cut.json() == at_the_limit.json()


LONE = "half of a pair \\ud800"
BAD = {
    "no input": ({}, 400, "input"),
    "an empty text": ({"input": ""}, 400, "must not be empty"),
    "an empty list": ({"input": []}, 400, "a list of 0"),
    "an empty text in a list": ({"input": ["a", ""]}, 400, r"\[1\] must not be empty"),
    "a number": ({"input": 5}, 400, "found int"),
    "an object": ({"input": {"text": "a"}}, 400, "found dict"),
    "null in a list": ({"input": ["a", None]}, 400, r"\[1\] must be a text"),
    "token ids": ({"input": [1, 2, 3]}, 400, "token ids depend on the tokenizer"),
    "lists of token ids": ({"input": [[1, 2], [3]]}, 400, "token ids depend on the tokenizer"),
    "10,000 texts": ({"input": ["a"] * 10_000}, 400, "1 to 2048 texts, found a list of 10000"),
    "a text beyond the context": (
        {"input": ["a", "word " * 21]},
        400,
        r"input\[1\] has at least 21 tokens; .* takes 20",
    ),
    "a NUL character": ({"input": "a\0b"}, 400, "NUL character"),
    "too many dimensions": ({"input": "a", "dimensions": 9}, 400, "this model has 8, fewer than 9"),
    "no dimensions": ({"input": "a", "dimensions": 0}, 400, "dimensions"),
    "an unknown encoding": ({"input": "a", "encoding_format": "int8"}, 400, "encoding_format"),
    "an unknown model": ({"input": "a", "model": "gpt-4"}, 404, "model 'gpt-4' is not served here"),
    "a list as body": ([], 400, "body"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_the_next_request_works(address: str, name: str) -> None:
    body, status, message = BAD[name]
    answer = post(f"{address}/fake/v1/embeddings", body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert re.search(message, answer.json()["error"]["message"])
    assert post(f"{address}/fake/v1/embeddings", {"input": "good"}).status_code == 200


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\0\0\0", b'{"input": "raw \0"}', b'{"input": "\xff"}', b'{"input": "' + LONE.encode() + b'"}']
)
def test_a_body_that_is_no_text_is_refused_and_the_next_request_works(address: str, data: bytes) -> None:
    answer = post(f"{address}/fake/v1/embeddings", data=data, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert post(f"{address}/fake/v1/embeddings", {"input": "good"}).status_code == 200


def test_a_body_of_100_megabytes_is_refused_and_the_next_request_works(address: str) -> None:
    data = json.dumps({"input": "word " * 20_000_000}).encode()
    answer = post(f"{address}/fake/v1/embeddings", data=data, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"
    assert post(f"{address}/fake/v1/embeddings", {"input": "good"}).status_code == 200


def test_a_client_that_leaves_keeps_nobody_waiting(address: str) -> None:
    minutes = {"input": ["word " * 9_000] * 200}  # Each text is a batch of its own, of half a second.
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{address}/slow/v1/embeddings", json=minutes, timeout=(60, 2))
    assert post(f"{address}/slow/v1/embeddings", {"input": "good"}).status_code == 200


def test_openai_client_raises_its_own_errors(fake: OpenAI) -> None:
    with pytest.raises(NotFoundError) as unknown:
        fake.embeddings.create(model="gpt-4", input="text")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(BadRequestError) as long:
        fake.embeddings.create(model="fake", input="word " * 21)
    assert long.value.code == "context_length_exceeded"


def test_a_cross_encoder_is_unavailable_with_the_reason(address: str) -> None:
    answer = post(f"{address}/wrong/v1/embeddings", {"input": "text"})
    assert answer.status_code == 503
    assert "is a cross-encoder (task rerank)" in answer.json()["error"]["message"]


def test_models_lists_every_served_name(fake: OpenAI) -> None:
    assert [model.id for model in fake.models.list()] == ["fake", "org/fake"]


def test_a_large_answer_is_json(address: str) -> None:
    answer = post(f"{address}/minilm/v1/embeddings", {"input": ["text"] * 2048}).json()
    assert [len(entry["embedding"]) for entry in answer["data"]] == [384] * 2048
