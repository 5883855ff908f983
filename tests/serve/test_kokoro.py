"""Kokoro against its own package on the same weights, phonemes and noise; the weights are random, so any slip shows."""

import io
import os
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest

from serve import engine, standins
from serve.audio import encoded
from serve.engine import Samples
from serve.engines import kokoro
from serve.engines.kokoro import Config, Engine, Language, Phonemiser, fitting
from serve.errors import ModelUnavailable
from serve.sentences import sentences
from serve.values import Placement

pytest.importorskip("kokoro", reason="needs the extra kokoro")
torch = pytest.importorskip("torch", reason="needs the extra kokoro")

# About how the package writes its layers, where it is called directly.
pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
PLACE = Placement(accelerator="laptop", vendor="cpu", num_gpus=0, cpus=1, memory=2**32, device_memory=2**34)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("tts", "kokoro", tmp_path_factory.mktemp("tts") / "model")


@pytest.fixture(scope="module")
def speaker(folder: Path) -> Engine:
    return Engine(Config(), folder, PLACE)


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """The folder again, made of links, for a test to change."""
    for file in folder.rglob("*"):
        if file.is_file():
            link = tmp_path / "changed" / file.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, link)
    return tmp_path / "changed"


def said(speaker: Engine, text: str, voice: str = "af_heart", speed: float = 3) -> list[Samples]:
    return list(speaker.speak(text, voice=voice, speed=speed))


@pytest.mark.parametrize(("voice", "british"), [("af_heart", False), ("bm_george", True)])
@pytest.mark.parametrize("speed", [1, 2.5])
def test_the_waveform_is_that_of_the_package(
    speaker: Engine, folder: Path, voice: str, british: bool, speed: float
) -> None:
    from kokoro import KModel, KPipeline
    from misaki import espeak
    from misaki.token import MToken

    text = "Ask the doctor."
    weights = str(next(folder.glob("*.pth")))
    model = KModel(repo_id="hexgrad/Kokoro-82M", config=str(folder / "config.json"), model=weights).eval()
    package = KPipeline("e", repo_id="hexgrad/Kokoro-82M", model=model)  # Its language matters to text alone.
    phonemes, _ = espeak.EspeakFallback(british=british)(MToken(text=text, tag="", whitespace=""))
    torch.manual_seed(zlib.crc32(phonemes.encode()))
    expected = next(package.generate_from_tokens(phonemes, str(folder / "voices" / f"{voice}.pt"), speed)).audio
    (piece,) = said(speaker, text, voice, speed)
    assert len(piece) == len(expected)
    assert expected.abs().max() > 0.05
    assert np.abs(piece - expected.numpy()).max() < 1e-5


def test_speech_is_a_wav_of_plausible_length_and_level(speaker: Engine) -> None:
    text = "The quick brown fox jumps over the lazy dog."
    samples = np.concatenate(said(speaker, text, speed=1))
    with wave.open(io.BytesIO(encoded(samples, "wav", speaker.sample_rate()))) as file:
        assert file.getframerate() == 24_000
        assert 0.03 < file.getnframes() / 24_000 / len(text) < 0.3  # Seconds to a character.
    assert 0.1 < np.abs(samples).max() <= 1
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.5
    assert abs(samples.mean()) < 0.05


def test_the_same_request_gives_the_same_audio_whatever_was_said_between(speaker: Engine) -> None:
    first = said(speaker, "Again.")
    said(speaker, "Something else.")
    assert np.array_equal(first, said(speaker, "Again."))


def test_voices_and_speeds_differ(speaker: Engine) -> None:
    heart, bella = said(speaker, "Hello there.")[0], said(speaker, "Hello there.", "af_bella")[0]
    assert len(heart) != len(bella) or np.abs(heart - bella).max() > 0.01
    assert len(said(speaker, "Hello there.", speed=1)[0]) > 1.5 * len(heart)


def test_each_sentence_is_made_only_when_it_is_asked_for(speaker: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def spoken(phonemes: str, voice: str, speed: float) -> Samples:
        made.append(phonemes)
        return np.zeros(1, np.float32)

    monkeypatch.setattr(speaker, "_spoken", spoken)
    pieces = speaker.speak("One. Two. Three.", voice="af_heart", speed=1)
    next(pieces)
    assert len(made) == 1
    assert len(list(pieces)) == 2


@pytest.mark.parametrize("text", [" \n ", "...", "?!", "-", "\u200b", "“”"])
def test_what_has_no_sound_yields_nothing(speaker: Engine, text: str) -> None:
    assert said(speaker, text) == []


@pytest.mark.parametrize("text", ["%", "🎉", "你好", "naïve café", "a" * 60, "<b>&amp;</b>", "x\u202ey"])
def test_odd_text_is_spoken(speaker: Engine, text: str) -> None:
    assert np.isfinite(np.concatenate(said(speaker, text, speed=4))).all()


def test_voices_are_listed_with_the_default_first(speaker: Engine, folder: Path) -> None:
    assert speaker.voices() == ["af_bella", "af_heart", "bm_george"]
    assert Engine(Config(voice="bm_george"), folder, PLACE).voices() == ["bm_george", "af_bella", "af_heart"]


def test_a_default_voice_that_is_not_there_is_unavailable(folder: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no voice 'nobody'.*af_bella, af_heart, bm_george"):
        Engine(Config(voice="nobody"), folder, PLACE)


def test_a_language_can_be_set_for_all_voices(speaker: Engine, folder: Path) -> None:
    french = Engine(Config(language="fr-fr"), folder, PLACE)
    assert len(said(french, "Bonjour, ça va?")[0]) != len(said(speaker, "Bonjour, ça va?")[0])


def test_voices_of_a_language_that_cannot_be_read_here_are_left_out(
    changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.link(changed / "voices" / "af_heart.pt", changed / "voices" / "jf_alpha.pt")
    phonemiser = kokoro._phonemiser

    def without_japanese(language: Language) -> Phonemiser:
        if language == "ja":
            raise ImportError("no pyopenjtalk", name="pyopenjtalk")
        return phonemiser(language)

    monkeypatch.setattr(kokoro, "_phonemiser", without_japanese)
    assert Engine(Config(), changed, PLACE).voices() == ["af_bella", "af_heart", "bm_george"]


@pytest.mark.parametrize(
    ("pattern", "reason"), [("*.pth", "weights in"), ("config.json", "config.json"), ("voices/*.pt", "voices/")]
)
def test_a_folder_without_its_files_is_unavailable_and_nothing_is_downloaded(
    changed: Path, pattern: str, reason: str
) -> None:
    for file in changed.glob(pattern):
        file.unlink()
    with pytest.raises(ModelUnavailable, match=f"'changed' has no .*{reason}"):
        Engine(Config(), changed, PLACE)


def test_weights_that_give_no_sound_are_unavailable(changed: Path) -> None:
    file = next(changed.glob("*.pth"))
    weights = torch.load(file, weights_only=True)
    for tensor in weights["decoder"].values():
        tensor.fill_(float("nan"))
    file.unlink()
    torch.save(weights, file)
    with pytest.raises(ModelUnavailable, match="damaged"):
        Engine(Config(), changed, PLACE)


def test_phonemes_beyond_what_a_voice_has_styles_for_are_cut_after_a_pause_or_between_words() -> None:
    assert list(fitting("short")) == ["short"]
    paused = list(fitting(f"{'a' * 300}, {'b' * 300}"))
    assert paused == ["a" * 300 + ",", "b" * 300]
    words = list(fitting("word " * 300))
    assert all(len(piece) <= 510 and set(piece.split()) == {"word"} for piece in words)
    assert " ".join(words).split() == ["word"] * 300
    assert [len(piece) for piece in fitting("x" * 1200)] == [510, 510, 180]


def test_sentences_end_where_a_speaker_pauses() -> None:
    text = 'Dr. Smith said "Go!" Then he left... at 3.5 km/h.\nJ. R. R. Tolkien\n\nreads on'
    assert sentences(text) == [
        'Dr. Smith said "Go!"',
        "Then he left...",
        "at 3.5 km/h.",
        "J. R. R. Tolkien",
        "reads on",
    ]
    assert sentences("你好。再见！") == ["你好。", "再见！"]  # noqa: RUF001
    assert sentences(" \n ") == []


def test_it_is_found_as_an_engine_for_speech() -> None:
    assert "kokoro" in engine.able(engine.Synthesizer)
