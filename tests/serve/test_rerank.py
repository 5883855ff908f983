"""Task rerank through real Ray: cohere's two clients, TEI's and vLLM's bodies, on the fake and on a cross-encoder."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import cohere
import numpy as np
import pytest

from serve import standins
from tests.serve import references
from tests.serve.conftest import Deploy, post
from tests.serve.references import PAIRS, QUERY, TEXTS

DOCUMENTS = ["nothing in common", "red green", "red green blue", "red"]
ORDER = [2, 1, 3, 0]  # The fake counts the words that a document shares with the query.
COLOURS = "red green blue"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def address(deploy: Deploy, folder: Path) -> str:
    real = {"task": "rerank", "engine": "sentence_transformers"}
    for task in ("rerank", "embeddings"):
        standins.make(task, "sentence_transformers", folder / task)
    return deploy(
        {
            "fake": {"task": "rerank", "names": ["org/fake"], "engineConfig": {"maxTokens": 20}},
            "standin": {**real, "source": {"path": str(folder / "rerank")}},
            "wrong": {**real, "source": {"path": str(folder / "embeddings")}},
        }
    )


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[cohere.ClientV2]:
    with cohere.ClientV2("no key", base_url=f"{address}/fake") as made:
        yield made


def test_cohere_v2_client_gets_the_order(client: cohere.ClientV2) -> None:
    answer = client.rerank(model="fake", query=COLOURS, documents=DOCUMENTS)
    assert [result.index for result in answer.results] == ORDER
    relevances = [result.relevance_score for result in answer.results]
    assert relevances == pytest.approx([1 / (1 + np.exp(-shared)) for shared in (3, 2, 1, 0)])
    assert answer.id


def test_cohere_v2_client_gets_the_first_n(client: cohere.ClientV2) -> None:
    answer = client.rerank(model="fake", query=COLOURS, documents=DOCUMENTS, top_n=2)
    assert [result.index for result in answer.results] == ORDER[:2]


def test_cohere_v2_client_may_have_long_documents_cut(client: cohere.ClientV2) -> None:
    documents = ["word " * 30 + "red", "red " + "word " * 30]
    with pytest.raises(cohere.BadRequestError, match=r"documents\[0\] has at least 34 tokens; this model takes 20"):
        client.rerank(model="fake", query=COLOURS, documents=documents)
    answer = client.rerank(model="fake", query=COLOURS, documents=documents, max_tokens_per_doc=10)
    assert [result.index for result in answer.results] == [1, 0]


def test_cohere_v1_client_gets_documents_back(address: str) -> None:
    with cohere.Client("no key", base_url=f"{address}/fake") as client:
        documents = [DOCUMENTS[0], {"text": DOCUMENTS[2]}]
        answer = client.rerank(model="fake", query=COLOURS, documents=documents, return_documents=True)
    assert [(result.index, result.document.text) for result in answer.results if result.document] == [
        (1, DOCUMENTS[2]),
        (0, DOCUMENTS[0]),
    ]


def test_cohere_v1_client_chooses_the_fields_of_a_document(address: str) -> None:
    documents = [{"title": "red", "text": "blue"}, {"title": "red green", "text": "other"}]
    with cohere.Client("no key", base_url=f"{address}/fake") as client:
        by_text = client.rerank(query=COLOURS, documents=documents)
        by_title = client.rerank(query=COLOURS, documents=documents, rank_fields=["title"])
    assert [result.index for result in by_text.results] == [0, 1]
    assert [result.index for result in by_title.results] == [1, 0]


def test_usage_counts_the_tokens_of_all_pairs(address: str) -> None:
    answer = post(f"{address}/fake/v1/rerank", {"query": "one two", "documents": ["three", "four five"]}).json()
    assert answer["usage"] == {"prompt_tokens": 7, "total_tokens": 7}


def test_tei_gets_relevances_in_order(address: str) -> None:
    body = {"query": COLOURS, "texts": DOCUMENTS}
    answer = post(f"{address}/fake/rerank", body).json()
    assert [entry["index"] for entry in answer] == ORDER
    assert [entry["score"] for entry in answer] == pytest.approx([1 / (1 + np.exp(-shared)) for shared in (3, 2, 1, 0)])
    assert set(answer[0]) == {"index", "score"}


def test_tei_gets_raw_scores_and_texts_when_asked(address: str) -> None:
    body = {"query": COLOURS, "texts": DOCUMENTS, "raw_scores": True, "return_text": True}
    answer = post(f"{address}/fake/rerank", body).json()
    assert [entry["score"] for entry in answer] == [3, 2, 1, 0]
    assert [entry["text"] for entry in answer] == [DOCUMENTS[index] for index in ORDER]


def test_scores_of_a_cross_encoder_are_those_of_transformers(address: str, folder: Path) -> None:
    body = {"query": QUERY, "texts": TEXTS, "raw_scores": True}
    answer = post(f"{address}/standin/rerank", body).json()
    expected = references.scores(folder / "rerank", PAIRS)
    assert [entry["index"] for entry in answer] == np.argsort(-expected).tolist()
    assert [entry["score"] for entry in answer] == pytest.approx(-np.sort(-expected), abs=1e-2)


def test_truncate_cuts_what_is_too_long(address: str) -> None:
    body = {"query": QUERY, "texts": ["word " * 10_000]}
    assert post(f"{address}/standin/rerank", body).status_code == 400
    assert post(f"{address}/standin/rerank", {**body, "truncate": True}).status_code == 200


def test_score_takes_one_text_against_many_or_pairs(address: str) -> None:
    one = post(f"{address}/fake/v1/score", {"text_1": "red", "text_2": ["red", "blue"]}).json()
    pairs = post(f"{address}/fake/v1/score", {"text_1": ["red", "blue"], "text_2": ["red", "red"]}).json()
    assert [entry["score"] for entry in one["data"]] == [entry["score"] for entry in pairs["data"]]
    assert [entry["index"] for entry in one["data"]] == [0, 1]
    assert one["data"][0]["score"] > one["data"][1]["score"]


def test_documents_of_equal_score_keep_their_order(address: str) -> None:
    answer = post(f"{address}/fake/rerank", {"query": COLOURS, "texts": ["same", "red", "same", "same"]}).json()
    assert [entry["index"] for entry in answer] == [1, 0, 2, 3]


def test_a_thousand_documents_of_mixed_length_keep_their_places(address: str) -> None:
    documents = [f"{'filler ' * (index % 5)}{'red' if index == 617 else 'grey'}" for index in range(1000)]
    answer = post(f"{address}/fake/v1/rerank", {"query": COLOURS, "documents": documents, "top_n": 1}).json()
    assert [entry["index"] for entry in answer["results"]] == [617]


GOOD = {"query": COLOURS, "documents": DOCUMENTS}
BAD = {
    "no query": ({"documents": ["a"]}, 400, "query"),
    "an empty query": ({**GOOD, "query": ""}, 400, "query: must not be empty"),
    "a query that is a number": ({**GOOD, "query": 7}, 400, "query"),
    "a query beyond the context": ({**GOOD, "query": "word " * 21}, 400, r"has at least \d+ tokens; .* takes 20"),
    "no documents": ({"query": "a"}, 400, "documents"),
    "an empty list": ({"query": "a", "documents": []}, 400, "a list of 1 to 1000, found 0"),
    "one text for documents": ({"query": "a", "documents": "b"}, 400, "a list of 1 to 1000, found str"),
    "10,000 documents": ({"query": "a", "documents": ["b"] * 10_000}, 400, "a list of 1 to 1000, found 10000"),
    "a document that is a number": ({"query": "a", "documents": ["b", 5]}, 400, r"documents\[1\] must be a text"),
    "a document without text": ({"query": "a", "documents": [{"title": "b"}]}, 400, "an object with text"),
    "token ids": ({"query": "a", "documents": [[1, 2]]}, 400, r"documents\[0\] must be a text"),
    "a document beyond the context": (
        {"query": "a", "documents": ["b", "word " * 21]}, 400, r"documents\[1\] has at least 22 tokens; .* takes 20"
    ),
    "a NUL character": ({"query": "a", "documents": ["b\0c"]}, 400, r"documents\[0\] contains a NUL character"),
    "a NUL character in the query": ({**GOOD, "query": "\0"}, 400, "query: contains a NUL character"),
    "a long query with each of many documents": (
        {"query": "word " * 20_000, "documents": ["a"] * 1000}, 413, "1000 pairs have 100001000 characters, more than"
    ),
    "half of a surrogate pair": ({"query": "a", "documents": ["\ud800"]}, 400, "surrogate"),
    "the same in the name of a field": ({**GOOD, "documents": [{}], "rank_fields": ["\ud800"]}, 400, "with \ud800"),
    "none to return": ({**GOOD, "top_n": 0}, 400, "top_n"),
    "an unknown model": ({**GOOD, "model": "rerank-v3.5"}, 404, "model 'rerank-v3.5' is not served here"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_the_next_request_works(address: str, name: str) -> None:
    body, status, message = BAD[name]
    answer = post(f"{address}/fake/v2/rerank", body)
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert re.search(message, answer.json()["error"]["message"])
    assert post(f"{address}/fake/v2/rerank", GOOD).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("rerank", {"query": "a", "texts": []}, "texts: must be a list of 1 to 1000, found 0"),
        ("rerank", {"query": "a", "texts": ["a"], "truncation_direction": "Left"}, "truncation_direction"),
        ("v1/score", {"text_1": ["a", "b"], "text_2": ["a", "b", "c"]}, "text_1 has 2 texts and text_2 has 3"),
        ("v1/score", {"text_1": "a", "text_2": ""}, "text_2: .* must not be empty"),
    ],
)
def test_bad_input_of_other_bodies_is_refused(address: str, path: str, body: object, message: str) -> None:
    answer = post(f"{address}/fake/{path}", body)
    assert answer.status_code == 400
    assert re.search(message, answer.json()["error"]["message"])


def test_a_body_of_100_megabytes_is_refused_and_the_next_request_works(address: str) -> None:
    data = json.dumps({**GOOD, "query": "word " * 20_000_000}).encode()
    answer = post(f"{address}/fake/v2/rerank", data=data, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert post(f"{address}/fake/v2/rerank", GOOD).status_code == 200


def test_an_embedding_model_is_unavailable_with_the_reason(address: str) -> None:
    answer = post(f"{address}/wrong/v1/rerank", GOOD)
    assert answer.status_code == 503
    assert "is an embedding model (task embeddings)" in answer.json()["error"]["message"]


def test_cohere_client_raises_its_own_errors(client: cohere.ClientV2) -> None:
    with pytest.raises(cohere.NotFoundError):
        client.rerank(model="rerank-v3.5", query=COLOURS, documents=DOCUMENTS)
