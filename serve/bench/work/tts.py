"""Texts to speak: the first byte is the first audio, and what was spoken is counted from the samples."""

from collections.abc import Iterator

import numpy as np

from serve.audio import SPOKEN_RATE
from serve.bench.ask import Ask
from serve.bench.work import Shape, body, text

UNIT = "x real time"
SAMPLE = 2  # Bytes of one in OpenAI's `pcm`.


def asks(shape: Shape, drawn: np.random.Generator) -> Iterator[Ask]:
    while True:
        sent = body(shape, input=text(drawn, shape.words) + ".", response_format="pcm")
        yield Ask("/v1/audio/speech", sent, unit_bytes=SPOKEN_RATE * SAMPLE)
