"""vLLM behind the front: its whole server answers, and greedy tokens are those of transformers in float32."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from serve import budget, engine, standins
from serve.estimate.room import room
from serve.values import ModelArgs
from tests.serve.conftest import PLACE, Deploy, application

pytest.importorskip("vllm", reason="this environment has no vLLM")
MESSAGES = [{"role": "user", "content": "Tell me of the sea"}]
TOKENS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("llm", "vllm", tmp_path_factory.mktemp("models") / "llm")


def models(folder: Path) -> dict[str, dict[str, Any]]:
    """One alone, and one whose layers two ranks share."""
    config = {"dtype": "float32", "maxModelLen": 512, "enforceEager": True}
    entry = {"task": "llm", "engine": "vllm", "source": {"path": str(folder)}, "engineConfig": config}
    halves = {**PLACE, "tensorParallel": 2, "memory": 2 * 2**30}
    return {"llama": {**entry, "names": ["org/llama"]}, "halves": {**entry, "placement": halves}}


@pytest.fixture(scope="module")
def address(deploy: Deploy, folder: Path) -> str:
    return deploy(models(folder))


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("name", ["llama", "halves"])
def test_greedy_tokens_are_those_of_transformers_also_of_two_ranks(
    client: openai.OpenAI, folder: Path, name: str
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    for prompt in ("The sea", "A small boat in the harbour", "1, 2, 3"):
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        reference = model.generate(ids, max_new_tokens=TOKENS, do_sample=False, pad_token_id=tokenizer.eos_token_id)
        answer = client.completions.create(
            model=name,
            prompt=ids[0].tolist(),
            max_tokens=TOKENS,
            temperature=0,
            extra_body={"return_token_ids": True},
        )
        assert answer.choices[0].token_ids == reference[0, ids.shape[1] :].tolist()  # type: ignore[attr-defined]


def test_a_chat_streams_the_text_that_it_answers_whole(client: openai.OpenAI) -> None:
    asked = {"model": "org/llama", "messages": MESSAGES, "max_tokens": TOKENS, "temperature": 0}
    whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
    pieces = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asked, stream=True)]  # type: ignore[call-overload]
    assert whole.choices[0].message.content
    assert "".join(pieces) == whole.choices[0].message.content
    assert len(pieces) > 3


def test_vllms_other_endpoints_answer_too(address: str, client: openai.OpenAI) -> None:
    assert client.responses.create(model="llama", input="hello", max_output_tokens=4).output
    for base in (address, f"{address}/llama"):
        tokens = requests.post(f"{base}/tokenize", json={"model": "llama", "prompt": "hello"}, timeout=60)
        assert tokens.json()["count"] > 0
    anthropic = {"model": "llama", "max_tokens": 4, "messages": MESSAGES}
    assert requests.post(f"{address}/v1/messages", json=anthropic, timeout=60).json()["type"] == "message"
    assert [model.id for model in openai.OpenAI(base_url=f"{address}/llama/v1", api_key="unused").models.list()] == [
        "llama",
        "org/llama",
    ]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"messages": []}, 400),
        ({"messages": "hello"}, 400),
        ({"temperature": "hot"}, 400),
        ({"max_tokens": -1}, 400),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, 400),
        ({"model": "nobody"}, 404),
    ],
)
def test_bad_input_is_a_clear_4xx_and_the_next_request_works(
    address: str, client: openai.OpenAI, change: dict[str, object], status: int
) -> None:
    body = {"model": "llama", "messages": MESSAGES, "max_tokens": 4, **change}
    answer = requests.post(f"{address}/llama/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert client.chat.completions.create(model="llama", messages=MESSAGES, max_tokens=4).choices  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"", b"\0\0", b"[]", b"{", b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_400(address: str, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = requests.post(f"{address}/llama/v1/chat/completions", data=body, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["message"] != "") == (400, True)


def test_a_body_of_100_megabytes_is_413_and_the_next_request_works(address: str, client: openai.OpenAI) -> None:
    body = b'{"model": "llama", "prompt": "' + b"a" * 100 * 2**20 + b'"}'
    assert requests.post(f"{address}/llama/v1/completions", data=body, timeout=60).status_code == 413
    assert client.completions.create(model="llama", prompt="a", max_tokens=2).choices


@pytest.mark.parametrize("name", ["llama", "halves"])
def test_the_cache_has_as_many_blocks_as_the_budget_leaves(address: str, folder: Path, name: str) -> None:
    args = ModelArgs.model_validate(application(name, models(folder)[name])["args"])
    left = room(budget.needs(engine.config(args), folder, args.placement), args.placement)
    metrics = requests.get(f"{address}/{name}/metrics", timeout=60).text
    (blocks,) = re.findall(r'vllm:cache_config_info{.*num_gpu_blocks="(\d+)"', metrics)
    assert (int(blocks), left.tokens) == (left.blocks, left.blocks * 128)
