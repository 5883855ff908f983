"""Adapters and small models by name: loaded at the first request, few at once, and each answers as itself."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import requests

from serve import standins
from tests.serve import adapters
from tests.serve.conftest import Deploy, post

pytestmark = pytest.mark.slow

pytest.importorskip("vllm", reason="this environment has no vLLM")
IDS = ("formal", "pirate", "terse")
PROMPTS = [[5, 6, 7, 8], [90, 91, 92], [300, 301]]
TOKENS = 8
Expected = dict[tuple[str, int], list[int]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("llm", "vllm", tmp_path_factory.mktemp("models") / "llm")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("adapters")
    for seed, id in enumerate(IDS):
        adapters.make(folder / id, base, seed)
    (folder / "broken").mkdir()
    return folder


@pytest.fixture(scope="module")
def expected(base: Path, store: Path) -> Expected:
    return {(id, number): greedy(adapters.merged(base, store / id), prompt)
            for id in IDS for number, prompt in enumerate(PROMPTS)}  # fmt: skip


@pytest.fixture(scope="module")
def address(deploy: Deploy, base: Path, store: Path) -> str:
    config = {"dtype": "float32", "maxModelLen": 256, "enforceEager": True}
    held = {"source": {"path": str(store)}, "max": 2}
    entry = {"task": "llm", "engine": "vllm", "source": {"path": str(base)}, "adapters": held}
    return deploy({"llama": {**entry, "engineConfig": config}})


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def greedy(model: Any, prompt: Sequence[int]) -> list[int]:
    import torch

    ids = torch.tensor([prompt])
    end = model.config.eos_token_id
    answer = model.generate(ids, max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False, pad_token_id=end)
    found: list[int] = answer[0, len(prompt) :].tolist()
    return found


def asked(client: openai.OpenAI, model: str, prompt: list[int], **more: Any) -> list[int]:
    extra = {"return_token_ids": True, "min_tokens": TOKENS}
    answer = client.completions.create(
        model=model, prompt=prompt, max_tokens=TOKENS, temperature=0, extra_body=extra, **more
    )
    found: list[int] = answer.choices[0].token_ids
    return found


def test_three_adapters_on_a_replica_that_holds_two_answer_200_requests_rightly(
    client: openai.OpenAI, address: str, expected: Expected
) -> None:
    drawn = np.random.default_rng(1)
    wanted = [(str(drawn.choice(IDS)), int(drawn.integers(len(PROMPTS)))) for _ in range(200)]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda one: asked(client, f"llama:{one[0]}", PROMPTS[one[1]]), wanted)
    assert [answer == expected[one] for answer, one in zip(answers, wanted, strict=True)] == [True] * 200
    state = requests.get(f"{address}/llama/health", timeout=60).json()["adapters"]
    assert len(state["held"]) == 2
    assert state["loaded"] - state["evicted"] == 2
    assert state["evicted"] > 0
    assert len({tuple(tokens) for tokens in expected.values()}) == len(expected)  # They do differ.


def test_the_model_itself_answers_as_without_them(client: openai.OpenAI, base: Path, expected: Expected) -> None:
    from transformers import AutoModelForCausalLM

    answer = asked(client, "llama", PROMPTS[0])
    assert answer == greedy(AutoModelForCausalLM.from_pretrained(base, dtype="float32"), PROMPTS[0])
    assert answer not in expected.values()


def test_rays_header_chooses_too(client: openai.OpenAI, expected: Expected) -> None:
    for header in ("serve_multiplexed_model_id", "serve-multiplexed-model-id"):
        assert asked(client, "llama", PROMPTS[1], extra_headers={header: "pirate"}) == expected["pirate", 1]


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [("llama:nobody", 404, "llama:nobody"), ("llama:../llm", 404, "adapter"), ("llama:broken", 503, "llama:broken")],
)
def test_an_adapter_that_is_none_is_refused_by_name(address: str, name: str, status: int, says: str) -> None:
    held = requests.get(f"{address}/llama/health", timeout=60).json()["adapters"]["held"]
    answer = post(f"{address}/llama/v1/completions", {"model": name, "prompt": "a", "max_tokens": 1})
    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]["message"]
    if status == 404:
        assert requests.get(f"{address}/llama/health", timeout=60).json()["adapters"]["held"] == held
