"""A query and documents to order."""

from collections.abc import Iterator

import numpy as np

from serve.bench.ask import Ask
from serve.bench.work import Shape, body, text

UNIT = "pairs/s"
QUERY_WORDS = 8


def asks(shape: Shape, drawn: np.random.Generator) -> Iterator[Ask]:
    while True:
        documents = [text(drawn, shape.words) for _ in range(shape.batch)]
        sent = body(shape, query=text(drawn, QUERY_WORDS), documents=documents)
        yield Ask("/v1/rerank", sent, units=shape.batch)
