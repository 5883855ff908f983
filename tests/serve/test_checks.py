"""`ai-inference check` on real answers and on answers that an accelerator gives which computes nonsense."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from serve.audio import HEARD_RATE, SPOKEN_RATE, decode
from serve.checks.stt import SECONDS, SPEECH
from serve.cli.app import app
from serve.values import Task
from tests.serve import references
from tests.serve.answers import Answer, Server, answering, heard, relevances, sound, token, vectors
from tests.serve.conftest import Deploy

UNIT = np.eye(8)
TIME = np.arange(2 * SPOKEN_RATE) / SPOKEN_RATE
VOICE = 0.3 * np.sin(2 * np.pi * 150 * TIME)
NAN = float("nan")
GOOD: dict[Task, Answer] = {
    "embeddings": vectors(UNIT[0], (UNIT[0] + UNIT[1]) / 2**0.5, UNIT[2]),
    "rerank": relevances(0.1, 0.9, 0.2),
    "llm": token(),
    "stt": heard("The quick brown fox jumped over a lazy dog."),
    "tts": sound(VOICE),
}
BAD: list[tuple[Task, Answer, str]] = [
    ("embeddings", vectors([NAN] * 8, UNIT[1], UNIT[2]), "no number"),
    ("embeddings", vectors([0] * 8, [0] * 8, [0] * 8), "lengths"),
    ("embeddings", vectors(UNIT[0], UNIT[0], UNIT[0]), "different texts have the same vector"),
    ("embeddings", lambda body: vectors(*UNIT[len(body["input"]) :])(body), "alone than in a batch"),
    ("embeddings", lambda _: {"data": []}, "3 texts have 0 vectors"),
    ("rerank", relevances(NAN, 0.9, 0.2), "not between 0 and 1: [nan, 0.9, 0.2]"),
    ("rerank", relevances(0.5, 0.5, 0.5), "every document has the relevance 0.5"),
    ("rerank", lambda body: relevances(0.1, len(body["documents"]) / 4, 0.2)(body), "alone"),
    ("llm", token(token_logprobs=[NAN]), "log probabilities"),
    ("llm", token(token_logprobs=[-5.0]), "chosen where another has"),
    ("llm", token(top_logprobs=[{" Paris": 0.0, " a": -0.1}], token_logprobs=[0.0]), "add up to 1.90"),
    ("llm", token(text=""), "no token follows"),
    ("stt", heard("", start=2, end=1), "lasts from 2.0 to 1.0"),
    ("stt", heard("", avg_logprob=NAN), "log probability nan"),
    ("tts", sound(VOICE * 0), "silence"),
    ("tts", sound(VOICE[: SPOKEN_RATE // 2]), "nine words take 0.5 seconds"),
    ("tts", sound(np.sign(VOICE)), "at full scale"),
    ("tts", lambda _: b"odd", "3 bytes are no samples"),
]
SENSELESS: list[tuple[Task, Answer, str]] = [
    ("embeddings", vectors(UNIT[0], UNIT[1], (UNIT[0] + UNIT[2]) / 2**0.5), "cosine 0.00 to a paraphrase, 0.71"),
    ("rerank", relevances(0.9, 0.1, 0.2), "before the answer"),
    ("llm", token(text=" the the"), "'Paris' was to be there"),
    ("stt", heard("you"), "hears 'you', 0% of the words"),
    ("tts", sound(np.random.default_rng(0).uniform(-0.3, 0.3, len(VOICE))), "noise: 33%"),
]


def said(address: str, models: Mapping[str, Any], patience: float = 60) -> tuple[int, str]:
    """Exit status and output."""
    command = ["check", address, f"--models={json.dumps(models)}", f"--patience={patience}"]
    result = CliRunner().invoke(app, command)
    return result.exit_code, result.stdout


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as server:
        yield server


@pytest.mark.parametrize("task", GOOD)
def test_a_good_answer_is_well(server: Server, task: Task) -> None:
    server.answer = GOOD[task]
    status, output = said(server.address, {"mine": {"task": task}})
    assert (status, output[:12]) == (0, "ok      mine"), output


@pytest.mark.parametrize(("task", "answer", "remark"), BAD)
def test_numbers_that_cannot_be_fail(server: Server, task: Task, answer: Any, remark: str) -> None:
    server.answer = answer
    for looked in ("numbers", "meaning"):
        status, output = said(server.address, {"mine": {"task": task, "check": looked}})
        assert (status, output[:12]) == (1, "FAILED  mine")
        assert remark in output


@pytest.mark.parametrize(("task", "answer", "remark"), SENSELESS)
def test_answers_without_sense_fail_unless_only_numbers_count(
    server: Server, task: Task, answer: Any, remark: str
) -> None:
    server.answer = answer
    status, output = said(server.address, {"mine": {"task": task}})
    assert status == 1
    assert remark in output
    assert said(server.address, {"mine": {"task": task, "check": "numbers"}})[0] == 0


def test_a_model_is_asked_at_its_path_by_its_name_and_at_its_alias(server: Server) -> None:
    server.answer = GOOD["tts"]
    alias = f"localhost:{server.server_port}"
    assert said(server.address, {"tts": {"task": "tts", "alias": alias}})[0] == 0
    own = server.address.removeprefix("http://")
    assert server.asked == [f"{own}/tts/v1/audio/speech", f"{own}/v1/audio/speech", f"{alias}/v1/audio/speech"]


def test_an_alias_that_leads_nowhere_fails_by_its_address(server: Server) -> None:
    server.answer = GOOD["tts"]
    status, output = said(server.address, {"tts": {"task": "tts", "alias": "127.0.0.1:1"}}, patience=0)
    assert status == 1
    assert output.startswith("FAILED  tts  http://127.0.0.1:1: no answer:")


def test_another_model_than_the_one_that_was_asked_fails(server: Server) -> None:
    server.answer = lambda body: {**GOOD["rerank"](body), "model": "other"}
    assert "another model answers: other" in said(server.address, {"mine": {"task": "rerank"}})[1]


def test_an_unavailable_model_fails_at_once_with_its_reason_and_the_next_is_still_checked(server: Server) -> None:
    refusal = {"error": {"message": "the weights are gone", "code": "model_unavailable"}}
    server.answer = lambda body: (503, refusal) if "documents" in body else GOOD["tts"](body)
    status, output = said(server.address, {"one": {"task": "rerank"}, "two": {"task": "tts"}})
    first, second = output.splitlines()
    assert status == 1
    assert first.endswith("/one: 503: the weights are gone")
    assert second.startswith("ok      two")


def test_a_model_that_is_not_there_yet_is_waited_for(server: Server) -> None:
    missing = (404, {"error": {"message": "no such model"}})
    server.answer = lambda body: missing if len(server.asked) < 2 else GOOD["tts"](body)
    assert said(server.address, {"mine": {"task": "tts"}})[0] == 0
    server.answer = lambda _: missing
    assert "404: no such model" in said(server.address, {"mine": {"task": "tts"}}, patience=0)[1]


def test_without_a_list_all_models_of_the_gateway_are_checked_and_trained_vectors_make_sense(deploy: Deploy) -> None:
    trained = {"engine": "sentence_transformers", "source": {"path": str(references.minilm())}}
    address = deploy({"trained": {"task": "embeddings", **trained}, "fake": {"task": "rerank"}})
    result = CliRunner().invoke(app, ["check", address])
    first, second = result.stdout.splitlines()
    assert result.exit_code == 1
    assert first.startswith("ok      trained  384 dimensions")
    assert second.startswith("FAILED  fake ")


def test_the_bundled_speech_can_be_heard() -> None:
    samples = decode(SPEECH.read_bytes())
    assert len(samples) / HEARD_RATE == pytest.approx(SECONDS, abs=0.1)
    assert np.sqrt((samples**2).mean()) > 0.02
