"""The likeliest tokens after fixed prompts, with their log probabilities.

After a near tie another precision may take the other token and goes on from there, so that nothing more can be said:
texts are compared up to that place, and before it token by token.
"""

from collections.abc import Mapping
from typing import Any

import httpx2

from serve.checks import must
from serve.checks.llm import PROMPT
from serve.engine import LanguageModel
from serve.errors import ModelUnavailable

ASKED = (PROMPT, "def fibonacci(n):\n    ", "1, 2, 3, 4, 5, 6, 7,")
TOKENS = 16
NAME = "reference"
LOGPROB = {"float32": 0.02, "float16": 0.2, "bfloat16": 0.5}
"""Most allowed: 0.2 is what other requests in a batch change too (serve/checks/llm.py); for bfloat16 an assumption."""


async def answers(engine: LanguageModel) -> dict[str, Any]:
    app = await engine.app([NAME])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://engine") as client:
        return {"texts": [await _continued(client, prompt) for prompt in ASKED]}


async def _continued(client: httpx2.AsyncClient, prompt: str) -> dict[str, Any]:
    # Some models come with a penalty, by which the likeliest token is not the one that is chosen.
    greedy = {"max_tokens": TOKENS, "temperature": 0, "repetition_penalty": 1, "ignore_eos": True, "logprobs": 2}
    body = {"model": NAME, "prompt": prompt, **greedy}
    answer = await client.post("/v1/completions", json=body, timeout=None)
    if answer.status_code != httpx2.codes.OK:
        raise ModelUnavailable(f"the engine answers {answer.status_code}: {answer.text[:300]}")
    said = answer.json()["choices"][0]["logprobs"]
    return {"tokens": said["tokens"], "logprobs": said["token_logprobs"], "likeliest": said["top_logprobs"]}


def compare(found: Mapping[str, Any], expected: Mapping[str, Any], precision: str) -> None:
    """Raises Wrong with the first token that is another one or has another probability."""
    for here, there in zip(found["texts"], expected["texts"], strict=True):
        _compare(here, there, LOGPROB[precision])


def _compare(here: Mapping[str, Any], there: Mapping[str, Any], allowed: float) -> None:
    must(len(here["tokens"]) == len(there["tokens"]), f"{len(here['tokens'])} tokens follow a prompt")
    for number, (token, wanted) in enumerate(zip(here["tokens"], there["tokens"], strict=True)):
        own, known = here["logprobs"][number], there["logprobs"][number]
        if token != wanted:
            ahead = known - max(other for name, other in there["likeliest"][number].items() if name != wanted)
            must(
                ahead <= 2 * allowed,
                f"a token is {token!r}, by the reference {wanted!r}, which is {ahead:.2f} likelier",
            )
            return
        must(
            abs(own - known) <= allowed,
            f"token {token!r} has the log probability {own:.2f}, by the reference {known:.2f}",
        )
