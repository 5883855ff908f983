"""The fake engine's language model: requests go in, their own last words come out, a word a token."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import Request
from fastapi.responses import StreamingResponse

from serve.errors import BadRequest, UnknownModel
from serve.front import api, model_card


class Parrot:
    """Serves `names`; `delay` before the first word and `token_delay` before each, in seconds."""

    def __init__(self, names: Sequence[str], delay: float, token_delay: float) -> None:
        self.names = names
        self.delay = delay
        self.token_delay = token_delay
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
        words = str(messages[-1].get("content", "")).split()
        if body.get("stream"):
            return _events(self._stream(words, "chat.completion.chunk", lambda word: {"delta": {"content": word}}))
        text = " ".join([word async for word in self._words(words)])
        message = {"role": "assistant", "content": text}
        return _completion("chat.completion", body, {"message": message}, len(words))

    async def complete(self, request: Request) -> StreamingResponse | dict[str, Any]:
        body = await self._body(request)
        words = str(body.get("prompt", "")).split()
        if body.get("stream"):
            return _events(self._stream(words, "text_completion", lambda word: {"text": word}))
        text = " ".join([word async for word in self._words(words)])
        choice = {"text": text, **({"logprobs": _certain(words)} if body.get("logprobs") else {})}
        return _completion("text_completion", body, choice, len(words))

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

    async def _words(self, words: Sequence[str]) -> AsyncIterator[str]:
        await asyncio.sleep(self.delay)
        for word in words:
            await asyncio.sleep(self.token_delay)
            yield word

    async def _stream(self, words: Sequence[str], kind: str, choice: Any) -> AsyncIterator[str]:
        self.open += 1
        try:
            async for word in self._words(words):
                chunk = {"id": "fake", "object": kind, "created": 0, "model": self.names[0]}
                yield f"data: {json.dumps({**chunk, 'choices': [{'index': 0, **choice(word + ' ')}]})}\n\n"
            yield "data: [DONE]\n\n"
        finally:
            self.open -= 1


def _certain(words: Sequence[str]) -> dict[str, Any]:
    return {"tokens": words, "token_logprobs": [0.0] * len(words), "top_logprobs": [{word: 0.0} for word in words]}


def _events(stream: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(stream, media_type="text/event-stream")


def _completion(kind: str, body: dict[str, Any], choice: dict[str, Any], tokens: int) -> dict[str, Any]:
    choices = [{"index": 0, "finish_reason": "stop", **choice}]
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": 2 * tokens}
    return {
        "id": "fake", "object": kind, "created": 0, "model": body.get("model"), "choices": choices, "usage": usage,
    }  # fmt: skip
