"""The fake engine's language model: requests go in, their own last words come out, a word a token.

What it takes to read a prompt can be imitated: `prefill` seconds a token, one prompt after the other as on a device,
but none for the beginning that is in its cache of prompts (docs.vllm.ai, automatic prefix caching).
"""

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from serve.api import api, model_card
from serve.errors import BadRequest, UnknownModel
from serve.front.usage import usage
from serve.metrics.traffic import BATCH
from serve.waits import Waits

BLOCK = 16  # Tokens, as in vLLM.
SAID = {"id": "fake", "created": 0, "system_fingerprint": f"fake-{os.getpid()}"}  # Of the replica's process.


class Parrot:
    """Serves `names`; `delay` before the first word and `token_delay` before each, in seconds."""

    def __init__(
        self, names: Sequence[str], delay: float, token_delay: float, prefill: float = 0, cache_tokens: int = 0
    ) -> None:
        self.names = names
        self.delay = delay
        self.token_delay = token_delay
        self.prefill = prefill
        self.cache = Cache(cache_tokens)
        self._device = asyncio.Lock()
        self.waits = Waits()
        self.app = api("fake")
        self.app.post("/v1/chat/completions", response_model=None)(self.chat)
        self.app.post("/v1/completions", response_model=None)(self.complete)
        self.app.get("/v1/models")(self.models)
        self.app.get("/streams")(self.streams)
        self.open = 0

    async def streams(self) -> dict[str, int]:
        """How many answers are being streamed, so that a test sees the end of one."""
        return {"open": self.open}

    async def models(self) -> dict[str, Any]:
        return {"object": "list", "data": [model_card(name) for name in self.names]}

    async def chat(self, request: Request) -> StreamingResponse | dict[str, Any]:
        body = await self._body(request)
        messages = body.get("messages")
        if not messages:
            raise BadRequest("messages: must not be empty", param="messages")
        prompt = [word for message in messages for word in str(message.get("content", "")).split()]
        words = str(messages[-1].get("content", "")).split()
        used = await self._read(prompt, words)
        if body.get("stream"):
            kind = "chat.completion.chunk"
            return _events(self._stream(words, kind, lambda word: {"delta": {"content": word}}, _asked(body, used)))
        text = " ".join([word async for word in self._words(words)])
        message = {"role": "assistant", "content": text}
        return _completion("chat.completion", body, {"message": message}, used)

    async def complete(self, request: Request) -> StreamingResponse | dict[str, Any]:
        body = await self._body(request)
        words = str(body.get("prompt", "")).split()
        used = await self._read(words, words)
        if body.get("stream"):
            return _events(self._stream(words, "text_completion", lambda word: {"text": word}, _asked(body, used)))
        text = " ".join([word async for word in self._words(words)])
        choice = {"text": text, **({"logprobs": _certain(words)} if body.get("logprobs") else {})}
        return _completion("text_completion", body, choice, used)

    async def _body(self, request: Request) -> dict[str, Any]:
        try:
            body = await request.json()
        except ValueError as error:
            raise BadRequest(f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise BadRequest("the body must be a JSON object")
        if body.get("model") not in (None, *self.names):
            raise UnknownModel(f"model {body['model']!r} is not served here", param="model")
        return body

    async def _read(self, prompt: Sequence[str], answer: Sequence[str]) -> dict[str, Any]:
        """Takes the time for what is not cached, and counts as vLLM does."""
        async with self.waits.until(self._device):
            BATCH.observe(1)
            cached = self.cache.hits(prompt)
            await asyncio.sleep(self.prefill * (len(prompt) - cached))
        usage().input_tokens += len(prompt)
        total = len(prompt) + len(answer)
        used = {"prompt_tokens": len(prompt), "completion_tokens": len(answer), "total_tokens": total}
        return {**used, "prompt_tokens_details": {"cached_tokens": cached}}

    async def _words(self, words: Sequence[str]) -> AsyncIterator[str]:
        await asyncio.sleep(self.delay)
        for word in words:
            await asyncio.sleep(self.token_delay)
            usage().output_tokens += 1
            yield word

    async def _stream(
        self, words: Sequence[str], kind: str, choice: Any, usage: dict[str, Any] | None
    ) -> AsyncIterator[str]:
        self.open += 1
        chunk = {**SAID, "object": kind, "model": self.names[0]}
        try:
            async for word in self._words(words):
                yield f"data: {json.dumps({**chunk, 'choices': [{'index': 0, **choice(word + ' ')}]})}\n\n"
            if usage is not None:
                yield f"data: {json.dumps({**chunk, 'choices': [], 'usage': usage})}\n\n"
            yield "data: [DONE]\n\n"
        finally:
            self.open -= 1


class Cache:
    """The beginnings of prompts in blocks, as many as `tokens` fill; the least recently used goes for another."""

    def __init__(self, tokens: int) -> None:
        self._most = tokens // BLOCK
        self._blocks: OrderedDict[int, None] = OrderedDict()

    def hits(self, prompt: Sequence[str]) -> int:
        """How many tokens at the beginning are held; from now on all of its whole blocks are."""
        beginnings, before = list[int](), 0
        for start in range(0, len(prompt) - BLOCK + 1, BLOCK):
            before = hash((before, *prompt[start : start + BLOCK]))
            beginnings.append(before)
        held = next((n for n, block in enumerate(beginnings) if block not in self._blocks), len(beginnings))
        for block in reversed(beginnings):  # The first of them is the last to go.
            self._blocks[block] = None
            self._blocks.move_to_end(block)
        while len(self._blocks) > self._most:
            self._blocks.popitem(last=False)
        return held * BLOCK


def _asked(body: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any] | None:
    """What a stream's last chunk says, where the request asks for it."""
    return usage if (body.get("stream_options") or {}).get("include_usage") else None


def _certain(words: Sequence[str]) -> dict[str, Any]:
    return {"tokens": words, "token_logprobs": [0.0] * len(words), "top_logprobs": [{word: 0.0} for word in words]}


def _events(stream: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(stream, media_type="text/event-stream")


def _completion(kind: str, body: dict[str, Any], choice: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    choices = [{"index": 0, "finish_reason": "stop", **choice}]
    return {
        **SAID, "object": kind, "model": body.get("model"), "choices": choices, "usage": usage,
    }  # fmt: skip
