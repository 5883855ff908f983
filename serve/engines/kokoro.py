"""Speech by Kokoro: text goes in, samples at 24 kHz come out sentence by sentence.

The folder is laid out as hexgrad/Kokoro-82M: config.json, the weights, and voices/*.pt, whose first letter says the
language. Nothing is downloaded: English is phonemised by misaki where its spaCy model is installed, and by the
espeak-ng that comes with espeakng-loader otherwise.
"""

import importlib.util
import logging
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from serve.arithmetic import Arithmetic, floats
from serve.device import torch_device
from serve.engine import Samples
from serve.errors import ModelUnavailable
from serve.sentences import sentences
from serve.trim import trim
from serve.values import Closed, Placement

Phonemiser = Callable[[str], str]
Language = Literal["en-us", "en-gb", "es", "fr-fr", "hi", "it", "pt-br", "ja", "zh"]
LETTERS: dict[str, Language] = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr-fr", "h": "hi", "i": "it", "p": "pt-br", "j": "ja", "z": "zh",
}  # fmt: skip
ENVIRONMENT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32"}
"""On a CPU each length of speech leaves compiled kernels behind, of which a thousand would be kept: gigabytes."""
RATE = 24_000
LONGEST = 510
"""Phonemes that the model takes at once: what a voice has styles for."""
logger = logging.getLogger("ray.serve")


class Config(Closed):
    """How Kokoro speaks."""

    voice: str | None = None
    """The voice for requests that name none; default: the first by name."""
    language: Language | None = None
    """What every voice reads the text as; default: the language of the voice, by its first letter."""

    def on_cpu(self) -> Self:
        return self


class Engine:
    """Satisfies Synthesizer."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        self.config = config
        self.device = torch_device(placement)
        self.model = _model(folder).to(self.device).eval()
        styles = _styles(folder)
        wanted = {voice: config.language or LETTERS.get(voice[0], "en-us") for voice in styles}
        self._phonemisers = _phonemisers(set(wanted.values()))
        self._styles = {voice: styles[voice] for voice in styles if wanted[voice] in self._phonemisers}
        self._languages = wanted
        self._voices = self._ordered(folder)
        self._speak_once()

    def _ordered(self, folder: Path) -> list[str]:
        """The voices, the default first."""
        voices = sorted(self._styles)
        default = self.config.voice or next(iter(voices), "any")
        if default not in voices:
            raise ModelUnavailable(f"{folder.name!r} has no voice {default!r} that can be spoken; {', '.join(voices)}")
        return [default, *(voice for voice in voices if voice != default)]

    def _speak_once(self) -> None:
        """Weights that are none show here, and what a device does once at first is not a client's to wait for."""
        spoken = list(self.speak("Ready, 1.", voice=self._voices[0], speed=1))
        if not spoken or not np.isfinite(np.concatenate(spoken)).all():
            raise ModelUnavailable("the weights make no sound: they are damaged, or not Kokoro's")

    def voices(self) -> list[str]:
        return self._voices

    def sample_rate(self) -> int:
        return RATE

    def speak(self, text: str, *, voice: str, speed: float) -> Iterator[Samples]:
        phonemise = self._phonemisers[self._languages[voice]]
        try:
            for sentence in sentences(text):
                for phonemes in fitting(phonemise(sentence)):
                    if any(phoneme.isalpha() for phoneme in phonemes):  # Of punctuation alone it makes a noise.
                        yield self._spoken(phonemes, voice, speed)
        finally:
            if self.device == "cpu":  # Each length of speech wants other sizes: gigabytes after a few requests.
                trim()

    def _spoken(self, phonemes: str, voice: str, speed: float) -> Samples:
        import torch

        # The vocoder draws noise: seeded by what is said, the same request gives the same audio.
        torch.manual_seed(zlib.crc32(phonemes.encode()))
        style = self._styles[voice][len(phonemes) - 1]
        samples: Samples = self.model(phonemes, style, speed).reshape(-1).float().numpy()
        return samples


def fitting(phonemes: str) -> Iterator[str]:
    """At most LONGEST phonemes at a time, cut after a pause where there is one, else between words."""
    while len(phonemes) > LONGEST:
        head = phonemes[:LONGEST]
        cut = max(head.rfind(pause) for pause in ",;:—") + 1 or head.rfind(" ") + 1 or LONGEST
        yield phonemes[:cut].strip()
        phonemes = phonemes[cut:].strip()
    yield phonemes


def _model(folder: Path) -> Any:
    """The package's network with the folder's weights."""
    weights = sorted(folder.glob("*.pth"))
    if not weights or not (folder / "config.json").exists():  # The package would look for them on the hub.
        raise ModelUnavailable(
            f"{folder.name!r} has no config.json with weights in *.pth: kokoro reads folders such as hub: "
            f"hexgrad/Kokoro-82M"
        )
    with warnings.catch_warnings():  # About how the package writes its layers; nobody here can change that.
        warnings.filterwarnings("ignore", ".*weight_norm. is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "dropout option adds dropout", UserWarning)
        from kokoro.model import KModel

        return KModel(repo_id=folder.name, config=str(folder / "config.json"), model=str(weights[0]))


def _styles(folder: Path) -> dict[str, Any]:
    """Each voice's styles by the length of what is said; all are read now, half a megabyte each."""
    import torch

    files = sorted((folder / "voices").glob("*.pt"))
    if not files:
        raise ModelUnavailable(f"{folder.name!r} has no voices/*.pt")
    return {file.stem: torch.load(file, map_location="cpu", weights_only=True) for file in files}


def _phonemisers(languages: set[Language]) -> dict[Language, Phonemiser]:
    """One for each language that can be read here; the others are left out, and said so."""
    found: dict[Language, Phonemiser] = {}
    for language in sorted(languages):
        try:
            found[language] = _phonemiser(language)
        except ImportError as error:
            logger.warning("kokoro: voices for %s are left out: package %r is not installed", language, error.name)
    return found


def _phonemiser(language: Language) -> Phonemiser:
    """What Kokoro was trained with for `language`, as far as it is installed."""
    if language == "ja":
        from misaki import ja

        japanese = ja.JAG2P()
        return lambda text: str(japanese(text)[0])
    if language == "zh":
        from misaki import zh

        chinese = zh.ZHG2P()
        return lambda text: str(chinese(text)[0])
    if language in ("en-us", "en-gb"):
        return _english(british=language == "en-gb")
    from misaki import espeak

    other = espeak.EspeakG2P(language=language)
    return lambda text: str(other(text)[0])


def _english(british: bool) -> Phonemiser:
    from misaki import espeak
    from misaki.token import MToken

    fallback = espeak.EspeakFallback(british=british)
    if importlib.util.find_spec("en_core_web_sm") is None:  # misaki would download it.
        return lambda text: fallback(MToken(text=text, tag="", whitespace=""))[0] or ""
    from misaki import en

    read = en.G2P(trf=False, british=british, fallback=fallback, unk="")
    return lambda text: str(read(text)[0])


def arithmetic(config: Config, folder: Path, placement: Placement) -> Arithmetic:
    return Arithmetic("torch", floats())
