"""Forms with audio that nobody should send: models go in, a strategy of requests to a recogniser comes out.

The audio is real speech in every format that is read, of which bytes are exchanged, cut or put first; or it lies about
itself. The forms around it are wrong in their own ways.
"""

import io
import struct
from collections.abc import Mapping
from functools import cache

import av
import numpy as np
from hypothesis import strategies as st

from serve.audio import CONTENT_TYPES, HEARD_RATE, STEADY, decode, encoded
from serve.checks.stt import SPEECH
from tests.fuzz.bodies import LETTERS, WAYS
from tests.fuzz.client import Ask

SECONDS = 2
OTHERS = {"ipod": "aac", "webm": "libopus", "mpegts": "mp2", "mpeg": "mp2", "aiff": "pcm_s16be", "caf": "pcm_s16le"}
"""Containers beside those that are written for clients, each with a codec."""
HOURS = 3
EXTREMES = st.sampled_from([0, 1, 7, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1])
WORDS = st.one_of(
    st.text(LETTERS, max_size=20),
    st.sampled_from(["", "nan", "-1", "1e999", "en", "EN-us", "klingon", "true", "vtt", "verbose_json", "word", "\0"]),
    st.builds(lambda letter, times: letter * times, LETTERS, st.sampled_from([1000, 2**20 + 1])),
)
FIELDS = st.sampled_from([
    "model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]", "stream", "file",
    "_charset_",
])  # fmt: skip
FILENAMES = st.sampled_from(["a.wav", "", "../../x", "a\0b", "\ud800.mp3", "f" * 5000, None])
LINES = st.sampled_from([
    b"\r\ncontent-type: audio/wav", b"\r\ncontent-type: ;;;", b"\r\ncontent-transfer-encoding: base64",
    b"\r\nx: " + b"y" * 20_000, b"\r\n" * 2, b"\r\nno colon", b"\r\ncontent-disposition: form-data; name=model",
])  # fmt: skip
LIMITS = st.sampled_from([b"limit", b"limit", b"limit", b"l", b"", b"x" * 70, b"x" * 3000, b"--", b'"'])
FORM = b"multipart/form-data; boundary=LIMIT"
CHARSETS = (b"utf-7", b"idna", b"unicode_escape", b"zlib", b"utf-16", b"nowhere")
KINDS = st.sampled_from([
    FORM, FORM, FORM, *(FORM + b"; charset=" + charset for charset in CHARSETS), b"multipart/form-data",
    b"multipart/form-data; boundary=", b"multipart/mixed; boundary=LIMIT", b'multipart/form-data; boundary="LIMIT',
    b"application/x-www-form-urlencoded",
])  # fmt: skip


@cache
def real() -> Mapping[str, bytes]:
    """Real speech, by what holds it."""
    speech = decode(SPEECH.read_bytes())[: SECONDS * HEARD_RATE]
    found: dict[str, bytes] = {form: encoded(speech, form, HEARD_RATE) for form in CONTENT_TYPES}
    for container, codec in OTHERS.items():
        sink = io.BytesIO()
        with av.open(sink, "w", format=container, options=STEADY) as output:
            stream = output.add_stream(codec, rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(speech[np.newaxis], format="fltp", layout="mono")
            frame.sample_rate = HEARD_RATE
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        found[container] = sink.getvalue()
    return found


@cache
def bomb() -> bytes:
    """Hours of silence in a file of a few hundred kilobytes."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=1000, layout="mono")
        for _ in range(HOURS * 60):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 60_000), np.int16), format="s16", layout="mono")
            frame.sample_rate = 1000
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return sink.getvalue()


@st.composite
def lying(draw: st.DrawFn) -> bytes:
    """A wav file whose header has nothing to do with what follows."""
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", draw(EXTREMES), b"WAVE", b"fmt ", draw(st.sampled_from([16, 18, 40, 0, 2**31])),
        draw(st.sampled_from([1, 3, 6, 7, 2, 17, 85, 0xFFFE, 0])), draw(EXTREMES) & 0xFFFF, draw(EXTREMES),
        draw(EXTREMES), draw(EXTREMES) & 0xFFFF, draw(st.sampled_from([0, 1, 8, 16, 24, 32, 64, 65535])), b"data",
        draw(EXTREMES),
    )  # fmt: skip
    return head + draw(st.binary(max_size=64)) * draw(st.sampled_from([1, 100, 3000]))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Real audio with bytes exchanged, most of them where the header is; now and then cut, or behind another file."""
    data = bytearray(real()[draw(st.sampled_from(sorted(real())))])
    for _ in range(draw(st.integers(0, 12))):
        place = draw(st.integers(0, min(200, len(data) - 1)) | st.integers(0, len(data) - 1))
        data[place] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        place = draw(st.integers(0, min(120, len(data) - 4)))
        data[place : place + 4] = struct.pack(draw(st.sampled_from(["<I", ">I"])), draw(EXTREMES))
    start = draw(st.sampled_from([0, 0, 0, 1, 20, 500]))
    whole = bytes(data[start : draw(st.integers(start, len(data)) | st.just(len(data)))])
    before = draw(st.sampled_from(["", "", "", "", *sorted(real())]))
    return (real()[before] if before else b"") + whole


FILES = st.one_of(
    damaged(),
    damaged(),
    lying(),
    st.sampled_from([b"", bytes(2**20), b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f"]),
    st.none().map(lambda _: bomb()),
    st.binary(max_size=300),
)


Part = tuple[bytes, bytes]
"""The lines that describe what follows, and that."""


def described(name: str, filename: str | None = None) -> bytes:
    """The first line of a part of a form."""
    of_file = "" if filename is None else f'; filename="{filename}"'
    return f'content-disposition: form-data; name="{name}"{of_file}'.encode("utf-8", "surrogatepass")


@st.composite
def fields(draw: st.DrawFn, names: st.SearchStrategy[str]) -> list[Part]:
    """Up to three, none of which need be one that there is."""
    wanted = draw(st.lists(st.tuples(names, WORDS), max_size=3))
    return [(described(name), word.encode("utf-8", "surrogatepass")) for name, word in wanted]


@st.composite
def plain_form(draw: st.DrawFn, model: str) -> tuple[bytes, bytes]:
    """Content type and body of a form that is one, whatever its file and fields are."""
    more = draw(fields(FIELDS)) if draw(st.booleans()) else []
    parts = [(described("model"), model.encode()), *more, (described("file", "a.mp3"), draw(FILES))]
    body = b"".join(b"--limit\r\n%b\r\n\r\n%b\r\n" % part for part in draw(st.permutations(parts)))
    return b"multipart/form-data; boundary=limit", body + b"--limit--\r\n"


@st.composite
def broken_form(draw: st.DrawFn, model: str) -> tuple[bytes, bytes]:
    """The same of one that need not be one."""
    names = st.one_of(FIELDS, st.text(LETTERS, max_size=8), st.just("n" * 100_000))
    files = [(described("file", draw(FILENAMES)), draw(FILES)) for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2])))]
    parts = [(described("model"), model.encode()), *draw(fields(names)), *files]
    parts = [(draw(spoilt(head)), content) for head, content in parts]
    if sum(len(head) + len(content) for head, content in parts) < 2000:
        parts *= draw(st.sampled_from([1, 2, 400]))
    limit, line = draw(LIMITS), draw(st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"]))
    body = b"".join(b"--" + line.join([limit, head, b"", content, b""]) for head, content in parts)
    end = b"--" + limit + b"--" + line
    end = draw(st.sampled_from([end, end, b"", b"--", b"--other--", end + b"more" * 100]))
    return draw(KINDS).replace(b"LIMIT", limit), body + end


@st.composite
def spoilt(draw: st.DrawFn, head: bytes) -> bytes:
    """Now and then with more lines, or as none."""
    line = draw(LINES)
    return draw(st.sampled_from([head, head, head + line, head + line, b"", head.replace(b'"', b""), b"\0" * 30]))


@st.composite
def asks(draw: st.DrawFn, models: Mapping[str, str]) -> Ask:
    """To a recogniser among `models`, given with their tasks, at its own path or by its name at the gateway."""
    model = draw(st.sampled_from(sorted(name for name, task in models.items() if task == "stt")))
    path = f"/v1/audio/{draw(st.sampled_from(['transcriptions', 'transcriptions', 'translations']))}"
    kind, body = draw(plain_form(model) | broken_form(model))
    way = draw(WAYS)
    return Ask(
        "form to stt", draw(st.sampled_from([path, f"/{model}{path}"])), kind, body, way,
        draw(st.floats(0, 1)) if way == "stops" else 1, draw(st.sampled_from([0, 0.01, 0.1, 1])),
    )  # fmt: skip
