"""Chats of so many words, answered by so many tokens: greedy, so that two servers can be compared."""

from collections.abc import Iterator

import numpy as np

from serve.bench.ask import Ask
from serve.bench.work import Shape, body, text

UNIT = ""


def asks(shape: Shape, drawn: np.random.Generator) -> Iterator[Ask]:
    how = {"stream": True, "stream_options": {"include_usage": True}} if shape.stream else {}
    while True:
        messages = [{"role": "user", "content": text(drawn, shape.words)}]
        sent = body(shape, messages=messages, max_tokens=shape.tokens, temperature=0, **how)
        yield Ask("/v1/chat/completions", sent, streams=shape.stream, tokens=True)
