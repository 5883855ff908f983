"""Whether a prompt is continued by the likeliest token each time, with probabilities that are some and twice alike."""

import math
from typing import Any

import numpy as np

from serve.checks import Way, must

PROMPT = "Question: What is the capital of France?\nAnswer: The capital of France is"
ANSWER = "Paris"
TOKENS = 8
SAME = 0.2  # Of a log probability: other requests in the batch change how it is rounded.


async def check(way: Way, meaning: bool) -> str:
    first, again = await _continued(way), await _continued(way)
    text, logprobs = first["text"], first["logprobs"]
    chosen = np.array(logprobs["token_logprobs"], np.float64)
    must(text and len(chosen) > 0, "no token follows the prompt")
    must(np.isfinite(chosen).all() and chosen.max() < SAME, f"log probabilities {chosen.tolist()}")
    for token, others in zip(chosen, logprobs["top_logprobs"], strict=True):
        top = max(others.values())
        must(token > top - SAME, f"a token of log probability {token:.2f} is chosen where another has {top:.2f}")
        total = sum(map(math.exp, others.values()))
        must(total < 1.01, f"probabilities of one token add up to {total:.2f}")
    difference = abs(again["logprobs"]["token_logprobs"][0] - chosen[0])
    must(difference < SAME, f"the log probability of the first token differs by {difference:.2f} when asked again")
    remark = f"continues with {text.strip()!r} at {np.exp(chosen.mean()):.2f} a token"
    must(ANSWER in text or not meaning, f"{remark}; {ANSWER!r} was to be there")
    return remark


async def _continued(way: Way) -> dict[str, Any]:
    # Some models come with a penalty, by which the likeliest token is not the one that is chosen.
    greedy: dict[str, Any] = {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, "repetition_penalty": 1}
    choice: dict[str, Any] = (await way.ask("/v1/completions", logprobs=5, **greedy))["choices"][0]
    return choice
