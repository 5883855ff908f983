"""Sentences to embed, several in one request."""

from collections.abc import Iterator

import numpy as np

from serve.bench.ask import Ask
from serve.bench.work import Shape, body, text

UNIT = "sentences/s"


def asks(shape: Shape, drawn: np.random.Generator) -> Iterator[Ask]:
    while True:
        sent = body(shape, input=[text(drawn, shape.words) for _ in range(shape.batch)], encoding_format="base64")
        yield Ask("/v1/embeddings", sent, units=shape.batch)
