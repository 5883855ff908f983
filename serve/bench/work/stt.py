"""Recordings of so many seconds to recognise: the bundled sentence again and again, from another place each time.

They are WAV at the rate that models hear, so that a server's own resampling changes nothing.
"""

import io
import wave
from collections.abc import Iterator, Mapping

import numpy as np

from serve.audio import HEARD_RATE, decode
from serve.bench.ask import Ask
from serve.bench.work import Shape
from serve.checks.stt import SPEECH
from serve.engine import Samples

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
        sent = _form({"model": shape.model, **shape.more}, _wav(samples))
        yield Ask("/v1/audio/transcriptions", sent, headers, units=shape.seconds)


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, HEARD_RATE, 0, "NONE", ""))
        written.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def _form(fields: Mapping[str, object], recording: bytes) -> bytes:
    """Bytes and no form of aiohttp's, which is written anew while times are taken."""
    head = "".join(FIELD.format(boundary=BOUNDARY, name=name, value=value) for name, value in fields.items())
    return f"{head}{FILE.format(boundary=BOUNDARY)}".encode() + recording + f"\r\n--{BOUNDARY}--\r\n".encode()
