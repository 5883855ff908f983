"""Any file to samples, samples to any format: the codecs are PyAV's, on both sides real."""

import io
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from serve import audio
from serve.audio import Encoder, Format, decode, encoded
from serve.engine import Samples
from serve.errors import BadRequest, TooLarge

FORMATS: list[Format] = list(audio.CONTENT_TYPES)
CONTAINERS = [
    ("wav", "pcm_s16le"), ("wav", "pcm_f32le"), ("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libopus"),
    ("ipod", "aac"), ("webm", "libopus"), ("mpegts", "mp2"), ("mpeg", "mp2"), ("adts", "aac"),
]  # fmt: skip


def tone(seconds: float, rate: int, hertz: float = 440) -> Samples:
    samples: Samples = (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)
    return samples


def written(container: str, codec: str, samples: Samples, rate: int, layout: str = "mono") -> bytes:
    """A file as some other program writes it."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        channels = np.stack([samples] * (2 if layout == "stereo" else 1))
        frame = av.AudioFrame.from_ndarray(channels, format="fltp", layout=layout)
        frame.sample_rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return sink.getvalue()


def pcm(data: bytes, *, rate: int = 16_000, channels: int = 1, bits: int = 16, kind: int = 1) -> bytes:
    """A wav file with the header that is said: 1 is whole numbers, 3 floats."""
    frame = channels * bits // 8
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, kind, channels, rate,
                       rate * frame % 2**32, frame, bits, b"data", len(data)) + data  # fmt: skip


def loudest(samples: Samples, rate: int) -> float:
    """The frequency with the most energy."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def level(samples: Samples) -> float:
    """The amplitude of a tone, apart from its first and last moments."""
    middle = samples[4000:-4000]
    return float(np.sqrt(2 * np.mean(middle**2)))


def heard(data: bytes, form: Format) -> Samples:
    """What a player makes of an answer; pcm says nothing about itself, so OpenAI's documentation must."""
    if form != "pcm":
        return decode(data)
    samples = np.frombuffer(data, "<i2").astype(np.float32)
    return decode(encoded(samples / np.float32(2**15), "wav", 24_000))


@pytest.mark.parametrize(("container", "codec"), CONTAINERS)
def test_every_container_decodes_to_the_same_tone(container: str, codec: str) -> None:
    samples = decode(written(container, codec, tone(2, 48_000), 48_000))
    assert samples.dtype == np.float32
    assert len(samples) / 16_000 == pytest.approx(2, abs=0.1)
    assert loudest(samples, 16_000) == pytest.approx(440, abs=2)
    assert level(samples) == pytest.approx(0.5, abs=0.03)


def test_two_channels_become_one_at_the_same_level() -> None:
    samples = decode(written("wav", "pcm_s16le", tone(1, 44_100), 44_100, "stereo"))
    assert len(samples) == pytest.approx(16_000, abs=20)
    assert level(samples) == pytest.approx(0.5, abs=0.03)


def test_sixteen_bits_at_the_heard_rate_arrive_unchanged() -> None:
    sent = (tone(1, 16_000) * 32767).astype("<i2")
    sink = io.BytesIO()
    with wave.open(sink, "wb") as output:
        output.setparams((1, 2, 16_000, 0, "NONE", ""))
        output.writeframes(sent.tobytes())
    assert np.array_equal(decode(sink.getvalue()), sent.astype(np.float32) / 2**15)


def test_what_is_no_number_becomes_silence() -> None:
    broken = tone(1, 16_000)
    broken[100:200], broken[300], broken[301] = np.nan, np.inf, -1e38
    samples = decode(pcm(broken.tobytes(), kind=3, bits=32))
    assert not samples[100:200].any()
    assert (samples[300], samples[301]) == (1, -1)


def test_a_file_cut_short_gives_what_is_left() -> None:
    whole = written("flac", "flac", tone(4, 16_000), 16_000)
    assert 1 < len(decode(whole[: len(whole) // 2])) / 16_000 < 3


def test_a_damaged_middle_costs_only_itself() -> None:
    whole = bytearray(written("mp3", "libmp3lame", tone(4, 16_000), 16_000))
    whole[len(whole) // 2 : len(whole) // 2 + 400] = bytes(400)
    assert len(decode(bytes(whole))) / 16_000 == pytest.approx(4, abs=0.5)


NOISE = np.random.default_rng(1).bytes(100_000)
REFUSED = {
    "empty": (b"", "is empty"),
    "text": (b"this is no audio " * 100, "cannot be decoded"),
    "nul": (bytes(10_000), "cannot be decoded"),
    "noise": (NOISE, "cannot be decoded"),
    "header": (encoded(tone(1, 24_000), "wav", 24_000)[:44], "0.000 seconds"),
    "blip": (encoded(tone(0.05, 24_000), "wav", 24_000), "0.050 seconds"),
    "cut": (written("ipod", "aac", tone(1, 16_000), 16_000)[:3000], "cannot be decoded"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_heard_is_refused_with_the_reason(case: str) -> None:
    data, reason = REFUSED[case]
    with pytest.raises(BadRequest, match=f"^file: .*{reason}") as refusal:
        decode(data)
    assert refusal.value.param == "file"


def test_a_film_without_sound_is_refused() -> None:
    sink = io.BytesIO()
    with av.open(sink, "w", format="matroska") as output:
        stream = output.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    with pytest.raises(BadRequest, match="has no audio stream"):
        decode(sink.getvalue())


@pytest.mark.parametrize(
    "playlist", ["#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n", "ffconcat version 1.0\nfile {}\n"]
)
def test_a_playlist_opens_no_file_of_the_server(playlist: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encoded(tone(1, 24_000), "wav", 24_000))
    with pytest.raises(BadRequest, match="cannot be decoded"):
        decode(playlist.format(secret).encode())


HOURS = written("flac", "flac", np.zeros(2 * 3600 * 8_000, np.float32), 8_000)


def test_of_hours_in_a_small_file_no_more_is_decoded_than_may_be_sent() -> None:
    heard: list[float] = []

    def goes_on(seconds: float) -> bool:
        heard.append(seconds)
        return True

    assert len(HOURS) < 2**22
    with pytest.raises(TooLarge, match=r"^file: has more than 10 seconds of audio") as refusal:
        decode(HOURS, 10, goes_on)
    assert (refusal.value.status, refusal.value.param) == (413, "file")
    assert heard == sorted(heard)
    assert 10 < heard[-1] < 12


def test_decoding_ends_when_who_asked_has_left() -> None:
    wanted = iter([True, True, False])
    with pytest.raises(BadRequest, match="not wanted any more"):
        decode(HOURS, goes_on=lambda _: next(wanted))


@pytest.mark.parametrize("channels", [1, 2, 8, 9, 64])
def test_any_number_of_channels_becomes_one(channels: int) -> None:
    sent = np.repeat((tone(1, 16_000) * 32767).astype("<i2"), channels)
    assert np.allclose(decode(pcm(sent.tobytes(), channels=channels)), tone(1, 16_000), atol=1e-4)


@pytest.mark.parametrize("rate", [0, 1, 2**31 - 1, 2**32 - 1])
def test_a_rate_that_cannot_be_is_refused(rate: int) -> None:
    with pytest.raises(BadRequest, match=r"cannot be decoded|seconds of audio"):
        decode(pcm(bytes(100_000), rate=rate))


def test_a_frame_that_says_it_lasts_hours_is_not_made_into_them() -> None:
    slow = written("flac", "flac", tone(1, 16_000), 1)
    assert len(slow) < 2**16
    with pytest.raises(BadRequest, match="cannot be decoded"):
        decode(slow)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_encoded_piece_by_piece_is_the_whole_speech(form: Format) -> None:
    encoder = Encoder(form, 24_000)
    samples = tone(3, 24_000)
    chunks = [encoder.encode(piece) for piece in np.array_split(samples, 7)]
    chunks.append(encoder.finish())
    found = heard(b"".join(chunks), form)
    assert len(found) / 16_000 == pytest.approx(3, abs=0.1)
    assert loudest(found, 16_000) == pytest.approx(440, abs=2)
    assert level(found) == pytest.approx(0.5, abs=0.03)
    assert all(chunks[:-1]), "a piece is held back until the end"


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_samples_give_the_same_bytes(form: Format) -> None:
    assert encoded(tone(1, 24_000), form, 24_000) == encoded(tone(1, 24_000), form, 24_000)


@pytest.mark.parametrize("form", FORMATS)
def test_an_engine_at_another_rate_is_heard_at_its_own_pitch(form: Format) -> None:
    found = heard(encoded(tone(1, 22_050), form, 22_050), form)
    assert loudest(found, 16_000) == pytest.approx(440, abs=2)


def test_a_whole_wav_says_its_length_and_a_streamed_one_that_it_is_open() -> None:
    samples = tone(1, 24_000)
    with wave.open(io.BytesIO(encoded(samples, "wav", 24_000))) as file:
        assert (file.getframerate(), file.getnframes()) == (24_000, 24_000)
    encoder = Encoder("wav", 24_000)
    streamed = encoder.encode(samples) + encoder.finish()
    with wave.open(io.BytesIO(streamed)) as file:
        assert len(file.readframes(file.getnframes())) == 48_000
    assert streamed[4:8] == b"\xff\xff\xff\xff"


def test_pcm_is_sixteen_bits_and_louder_than_full_scale_is_clipped() -> None:
    levels = np.frombuffer(encoded(np.full(2400, 1.5, np.float32), "pcm", 24_000), "<i2")
    assert len(levels) == 2400
    assert levels.min() == 32767
