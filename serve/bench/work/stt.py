"""Recordings of so many seconds to recognise: the bundled sentence again and again, from another place each time."""

from collections.abc import Iterator, Mapping

import numpy as np

from serve.audio import HEARD_RATE, decode, encoded
from serve.bench.ask import Ask
from serve.bench.work import Shape
from serve.checks.stt import SPEECH

UNIT = "x real time"  # Seconds of audio in a second.
BOUNDARY = "a-recording"
FIELD = '--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
FILE = '--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="speech.wav"\r\n\r\n'


def asks(shape: Shape, drawn: np.random.Generator) -> Iterator[Ask]:
    spoken = decode(SPEECH.read_bytes())
    wanted = int(shape.seconds * HEARD_RATE)
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    while True:
        samples = np.resize(np.roll(spoken, int(drawn.integers(len(spoken)))), wanted)
        sent = _form({"model": shape.model, **shape.more}, encoded(samples, "wav", HEARD_RATE))
        yield Ask("/v1/audio/transcriptions", sent, headers, units=shape.seconds)


def _form(fields: Mapping[str, object], recording: bytes) -> bytes:
    """Bytes and no form of aiohttp's, which is written anew while times are taken."""
    head = "".join(FIELD.format(boundary=BOUNDARY, name=name, value=value) for name, value in fields.items())
    return f"{head}{FILE.format(boundary=BOUNDARY)}".encode() + recording + f"\r\n--{BOUNDARY}--\r\n".encode()
