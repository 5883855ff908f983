"""vLLM behind the front: its whole server answers, and greedy tokens are those of transformers in float32."""

import asyncio
import json
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest
import requests
from pydantic import BaseModel

from serve import budget, engine, standins
from serve.asgi import Message
from serve.estimate.room import room
from serve.express import Express
from serve.local.service import Service
from serve.values import ModelArgs
from tests import panels
from tests.prometheus import monitored, of_ray, reading
from tests.serve.conftest import PLACE, Deploy, Line, application
from tests.serve.scraped import names

pytest.importorskip("vllm", reason="this environment has no vLLM")
MESSAGES = [{"role": "user", "content": "Tell me of the sea"}]
TOKENS = 24
LONG = "endpoint-load-metrics-format"  # Answered by vLLM's application alone.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("llm", "vllm", tmp_path_factory.mktemp("models") / "llm")


def models(folder: Path) -> dict[str, dict[str, Any]]:
    """One alone, and one whose layers two ranks share, and whose weights are streamed."""
    config = {"dtype": "float32", "maxModelLen": 512, "enforceEager": True}
    entry = {"task": "llm", "engine": "vllm", "source": {"path": str(folder)}, "engineConfig": config}
    halves = {**PLACE, "tensorParallel": 2, "memory": 2 * 2**30}
    streamed = {**config, "args": {"load-format": "runai_streamer"}}
    return {
        "llama": {**entry, "names": ["org/llama"]},
        "halves": {**entry, "placement": halves, "engineConfig": streamed},
    }


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


def test_prometheus_reads_what_the_dashboard_shows_of_vllm(
    service: Service, client: openai.OpenAI, eventually: Callable[[Callable[[], bool]], None], tmp_path: Path
) -> None:
    client.completions.create(model="llama", prompt="The sea", max_tokens=TOKENS)
    shown = [query for _, query in panels.queries() if "ray_vllm_" in query]
    assert shown
    said = {f"ray_ai_inference_{name}_count" for name in ("batch_size", "queue_seconds", "request_seconds")}
    eventually(lambda: said <= names(service))
    with reading(monitored(), tmp_path, of_ray(service)) as prometheus:
        eventually(prometheus.answers)
        for query in shown:
            eventually(lambda query=query: panels.answered(prometheus.ask(query)))  # type: ignore[misc]


def test_the_log_counts_the_tokens_that_vllm_counts_also_when_a_client_leaves(
    client: openai.OpenAI, line: Line
) -> None:
    asked: dict[str, Any] = {"model": "llama", "messages": MESSAGES}
    whole = client.chat.completions.create(**asked, n=2, max_tokens=8, extra_headers={"x-request-id": "two"})
    assert whole.usage is not None
    assert whole.id == "chatcmpl-two"  # The engine's own name of the request.
    said = line("llama", "two")
    assert (said["input_tokens"], said["output_tokens"]) == (whole.usage.prompt_tokens, whole.usage.completion_tokens)
    stream = client.chat.completions.create(
        **asked, stream=True, max_tokens=400, extra_headers={"x-request-id": "left"}, extra_body={"ignore_eos": True}
    )
    with stream:
        for _ in range(3):
            next(stream)
    said = line("llama", "left")
    assert said["error"] == "client_left"
    assert said["input_tokens"] == whole.usage.prompt_tokens
    assert 2 <= said["output_tokens"] < 400


def test_a_lone_rank_on_a_cpu_has_no_process_of_its_own(address: str) -> None:
    assert {model: len(_engine_processes(model)) for model in ("llama", "halves")} == {"llama": 1, "halves": 3}


def _engine_processes(model: str) -> list[psutil.Process]:
    """What the replica has started, without Python's own helper of shared memory."""
    (replica,) = (one for one in psutil.process_iter() if f"ServeReplica:{model}:" in " ".join(_command(one)))
    return [one for one in replica.children(recursive=True) if "resource_tracker" not in " ".join(_command(one))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_chat_streams_the_text_that_it_answers_whole(client: openai.OpenAI) -> None:
    asked = {"model": "org/llama", "messages": MESSAGES, "max_tokens": TOKENS, "temperature": 0}
    whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
    pieces = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asked, stream=True)]  # type: ignore[call-overload]
    assert whole.choices[0].message.content
    assert "".join(pieces) == whole.choices[0].message.content
    assert len(pieces) > 3


CHAT = {"model": "llama", "messages": MESSAGES, "max_tokens": 8, "temperature": 0}
TEXT = {"model": "org/llama", "prompt": "The sea", "max_tokens": 8, "temperature": 0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", CHAT),
        ("chat/completions", {**CHAT, "logprobs": True, "top_logprobs": 2, "n": 2, "temperature": 0.5, "seed": 7}),
        ("chat/completions", {**CHAT, "stream": True}),
        ("chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
        ("chat/completions", {**CHAT, "response_format": {"type": "json_object"}, "stop": ["\n"]}),
        ("chat/completions", {**CHAT, "top_logprobs": 2}),
        ("chat/completions", {**CHAT, "stream_options": {"include_usage": True}}),
        ("completions", TEXT),
        ("completions", {**TEXT, "stream": True, "logprobs": 1, "echo": True}),
        ("completions", {**TEXT, "prompt": [[5, 6, 7], [8, 9]]}),
        ("completions", {**TEXT, "model": "nobody"}),
    ],
)
def test_the_short_way_answers_as_vllms_own_application(address: str, path: str, body: dict[str, Any]) -> None:
    url = f"{address}/llama/v1/{path}"
    short = requests.post(url, json=body, timeout=60)
    long = requests.post(url, json=body, headers={LONG: "text"}, timeout=60)
    assert (short.status_code, short.headers["content-type"]) == (long.status_code, long.headers["content-type"])
    assert _lasting(short.text) == _lasting(long.text)


class Anything(BaseModel):
    """A body."""


@pytest.mark.parametrize(("headers", "way"), [([], "short"), ([(LONG.encode(), b"text")], "long")])
def test_what_has_vllms_own_header_goes_the_long_way(headers: list[tuple[bytes, bytes]], way: str) -> None:
    ways = list[str]()

    async def app(*_: Any) -> None:
        ways.append("long")

    async def handler(*_: Any) -> Any:
        ways.append("short")
        return types.SimpleNamespace(error="which vLLM's application is to say")

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}"}

    async def send(_: Message) -> None:
        raise AssertionError("nothing is answered here")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    asyncio.run(Express(app, {"/x": (Anything, handler)})(scope, receive, send))
    assert ways[0] == way


def _lasting(text: str) -> Any:
    """Without what is each answer's own: its name, its time, and how many tokens an event of a stream has gathered."""
    if not text.startswith("data: "):
        return re.sub(r'"(id|created|request_id)":("[^"]*"|[0-9]+)', "", text)
    *events, end = (line.removeprefix("data: ") for line in text.split("\n") if line)
    told = [json.loads(event) for event in events]
    choices = [choice for event in told for choice in event["choices"]]
    said = "".join(choice.get("text") or choice.get("delta", {}).get("content") or "" for choice in choices)
    return end, said, [choice["finish_reason"] for choice in choices][-1], [event.get("usage") for event in told][-1]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (
            "/v1/responses",
            b'{"input": [{"type": "shell_call", "action": {"commands": []}, "call_id": "a"}]}',
            "cannot read",
        ),
        ("/v1/responses", b'{"input": [{"content": "of nobody", "type": "message"}]}', ""),
        ("/v1/completions", b'{"prompt": "\xff"}', "error parsing the body"),
        ("/nowhere", b"{}", "there is no POST /llama/nowhere here"),
    ],
    ids=["an item without words", "a message of nobody", "no UTF-8", "no path"],
)
def test_what_vllm_cannot_read_is_an_error_of_the_client_in_openais_shape(
    address: str, path: str, body: bytes, said: str
) -> None:
    headers = {"content-type": "application/json"}
    answer = requests.post(f"{address}/llama{path}", data=body, headers=headers, timeout=60)
    assert 400 <= answer.status_code < 500, answer.text
    error = answer.json()["error"]
    assert said in error["message"]
    assert {"type", "param", "code"} <= error.keys()


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
        ({"n": 129}, 400),
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
