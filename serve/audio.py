"""Audio as clients send and want it: a file's bytes to samples, samples to bytes of a format as they are made.

PyAV brings its own codecs, so no image needs a system ffmpeg. Everything here blocks; callers use threads.
"""

import io
from collections.abc import Callable, Iterator
from typing import IO, Any, Literal, cast

import av
import numpy as np

from serve.engine import Samples
from serve.errors import BadRequest, TooLarge

HEARD_RATE = 16_000
"""Samples per second of what engines hear."""
SPOKEN_RATE = 24_000
"""Samples per second of what clients get: OpenAI's `pcm` has no header that could say otherwise."""
BIT_RATE = 64_000
"""Of lossy formats: more is not heard in one voice."""
MIN_SECONDS = 0.1
MAX_SECONDS = 4 * 3600.0
"""Of one recording, unless its entry says otherwise: a few megabytes can decode to days of silence."""
MAX_FRAME_SECONDS = 60
"""What codecs give at once is shorter; a header that lies about the rate would have it fill the memory."""

# A playlist would make the server open the addresses in it, so only formats that hold their own audio are read.
READ = "wav,w64,mp3,flac,ogg,mov,matroska,aac,amr,aiff,caf,mpeg,mpegts"
Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
CONTENT_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg", "opus": "audio/opus", "aac": "audio/aac",
    "flac": "audio/flac", "wav": "audio/wav", "pcm": "audio/pcm",
}  # fmt: skip
# Container, codec, and the container's options: none may wait for the end, nor hold back more than a moment.
WRITTEN: dict[Format, tuple[str, str, dict[str, str]]] = {
    "mp3": ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}),
    "opus": ("ogg", "libopus", {"page_duration": "200000"}),
    "aac": ("adts", "aac", {}),
    "flac": ("flac", "flac", {}),
    "wav": ("wav", "pcm_s16le", {}),
    "pcm": ("s16le", "pcm_s16le", {}),
}
# Written at once, and the same bytes for the same samples: Ogg's serial number is random otherwise.
STEADY = {"flush_packets": "1", "fflags": "bitexact"}


def decode(data: bytes, most: float = MAX_SECONDS, goes_on: Callable[[float], bool] = lambda _: True) -> Samples:
    """The first audio stream of a file, mono at HEARD_RATE; BadRequest when there is none that can be heard.

    TooLarge as soon as it has `most` seconds; `goes_on` hears how many there are so far, and may end it.
    """
    if not data:
        raise _refused("is empty")
    try:
        samples = _decoded(data, most, goes_on)
    except (av.FFmpegError, ValueError):
        raise _refused("cannot be decoded; send wav, mp3, flac, ogg, opus, m4a, mp4, webm or mpeg") from None
    if len(samples) < MIN_SECONDS * HEARD_RATE:
        seconds = len(samples) / HEARD_RATE
        raise _refused(f"has {seconds:.3f} seconds of audio that can be decoded; send at least {MIN_SECONDS}")
    return samples


def _decoded(data: bytes, most: float, goes_on: Callable[[float], bool]) -> Samples:
    samples = bytearray()  # Grows in place: pieces that are joined in the end would be there twice.
    with av.open(io.BytesIO(data), options={"format_whitelist": READ}, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise _refused("has no audio stream")
        for piece in _pieces(container):
            samples += piece.data
            seconds = len(samples) / piece.itemsize / HEARD_RATE
            wanted = goes_on(seconds)
            if seconds > most:
                raise TooLarge(f"file: has more than {most:g} seconds of audio; send it in parts", param="file")
            if not wanted:
                raise _refused("is not wanted any more")
    return np.frombuffer(samples, np.float32)


def _pieces(container: Any) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="flt", rate=HEARD_RATE)  # Packed: PyAV does not end after the eighth plane.
    for packet in container.demux(audio=0):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:  # A damaged packet costs its own moment only.
            continue
        for frame in frames:
            if frame.samples > MAX_FRAME_SECONDS * frame.sample_rate:
                raise ValueError("no codec gives so much at once")
            yield from map(_mono, resampler.resample(frame))
    yield from map(_mono, resampler.resample(None))


def _mono(frame: Any) -> Samples:
    """The mean of the channels, as FFmpeg's own mix of floats is louder than the file.

    Float formats can carry what is no number, or is beyond full scale, and would spread over the whole spectrum.
    """
    channels: Samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    bounded = np.clip(np.nan_to_num(channels, copy=False, nan=0), -1, 1)
    return np.asarray(bounded.mean(axis=1), np.float32)


def _refused(reason: str) -> BadRequest:
    return BadRequest(f"file: {reason}", param="file")


class Encoder:
    """Samples at `rate` in, bytes of `form` out, as soon as the codec gives them.

    A sink that can seek gets headers with the length; without one, WAV says 4 GiB, as players expect of a stream.
    """

    def __init__(self, form: Format, rate: int, sink: IO[bytes] | None = None) -> None:
        container, codec, options = WRITTEN[form]
        self._sink = _Chunk()
        self._rate = rate
        written = cast("IO[bytes]", self._sink) if sink is None else sink
        self._container = av.open(written, "w", format=container, options={**STEADY, **options})
        self._stream: Any = self._container.add_stream(codec, rate=SPOKEN_RATE, layout="mono", bit_rate=BIT_RATE)

    def encode(self, samples: Samples) -> bytes:
        """What is ready after `samples`; may be empty."""
        bounded = np.clip(samples, -1, 1, dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(bounded[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        self._container.mux(self._stream.encode(frame))
        return self._sink.taken()

    def finish(self) -> bytes:
        """The rest."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.taken()


class _Chunk:
    """What was written since it was last taken; not seekable, as a connection is not."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def encoded(samples: Samples, form: Format, rate: int) -> bytes:
    """A whole file, whose header says its length."""
    sink = io.BytesIO()
    encoder = Encoder(form, rate, sink)
    encoder.encode(samples)
    encoder.finish()
    return sink.getvalue()
