"""A deterministic engine for every task: no weights, no device, the whole path in front of it real.

Answers derive from the request alone, so a test knows them; delays imitate a device, failures imitate a broken model.
"""

import asyncio
import hashlib
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from serve.engine import Recognition, Samples, Segment, Tokens, TranscriptionOptions, Word
from serve.parrot import Parrot
from serve.pulse import Pulse
from serve.values import Closed, Placement

Item = TypeVar("Item")
RATE = 24_000
SIZE = 8
MINUTE = 60


class Config(Closed):
    """How the fake behaves."""

    load_delay: float = 0
    """Seconds that loading takes."""
    load_error: str | None = None
    """Loading fails with this message."""
    load_journal: Path | None = None
    """A file that gets a line when loading begins and when it ends, with the process."""
    load_crash: bool = False
    """Whether the process is killed while it loads, which the journal says too."""
    error: str | None = None
    """Embedding fails with this message, as a device does that is out of memory."""
    wrong: float = 0
    """Noise, by the length of a vector, that is added to it unless the vendor is cpu: a GPU that computes wrongly."""
    delay: float = 0
    """Seconds before the first byte of each answer."""
    token_delay: float = 0
    """Seconds between tokens of a streamed answer."""
    prefill: float = 0
    """Seconds that a language model takes for each token of a prompt that is not in its cache."""
    cache_tokens: int = 0
    """How many tokens of prompts that cache holds."""
    max_tokens: int = 512
    """Context of the model."""
    hang: Path | None = None
    """While this file is there, what is computed does not end, as on a device that hangs."""
    unready: Path | None = None
    """While this file is there, recordings of more than a minute are not made ready, as by a slow host."""
    journal: Path | None = None
    """A file that gets a line for each batch of texts, each transcription, each piece of audio, and the end of each."""

    def on_cpu(self) -> Self:
        return self


class Engine:
    """Satisfies every task's Protocol."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        self.config = config
        self.pulse = Pulse()
        self._wrong = np.float32(0 if placement.vendor == "cpu" else config.wrong)
        self._note(f"begin {os.getpid()}", config.load_journal)
        time.sleep(config.load_delay)
        if config.load_crash:
            self._note(f"crash {os.getpid()}", config.load_journal)
            os.kill(os.getpid(), signal.SIGKILL)
        self._note(f"end {os.getpid()}", config.load_journal)
        if config.load_error:
            raise ValueError(config.load_error)

    # Embedder and Reranker: a text's tokens are its words.
    def max_tokens(self) -> int:
        return self.config.max_tokens

    def max_batch_tokens(self) -> int:
        return 16_384

    def dimensions(self) -> int:
        return SIZE

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> list[Tokens]:
        prompted = [f"{prompt}: {text}" if prompt else text for text in texts]
        return [Tokens(text, len(text.split())) for text in prompted]

    def embed(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        self._note("batch", self.config.journal)
        self._work()
        if self.config.error:
            raise RuntimeError(self.config.error)
        vectors = np.stack([_noise(tokens.ids, SIZE) for tokens in batch])
        noise = self._wrong * np.linalg.norm(vectors, axis=1, keepdims=True) * _noise("wrong", SIZE)
        return np.asarray(vectors + noise)

    def tokenize_pairs(self, pairs: Sequence[tuple[str, str]], document_tokens: int | None = None) -> list[Tokens]:
        cut = [(query, " ".join(document.split()[:document_tokens])) for query, document in pairs]
        return [Tokens(pair, len(f"{pair[0]} {pair[1]}".split())) for pair in cut]

    def score(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Words that query and document share."""
        self._work()
        shared = [len(set(query.split()) & set(document.split())) for query, document in (t.ids for t in batch)]
        return np.array(shared, np.float32)

    # Transcriber: one segment a second of audio.
    def languages(self) -> list[str]:
        return ["de", "en", "fr"]

    def transcribe(self, audio: Samples, options: TranscriptionOptions) -> Recognition:
        duration = len(audio) / 16_000
        asked = ("language", "prompt", "temperature", "translate")
        self._note(" ".join(f"{name}={getattr(options, name)}" for name in asked), self.config.journal)
        while duration > MINUTE and self.config.unready and self.config.unready.exists():
            time.sleep(0.01)
        segments = self._segments(duration, options.words)
        return Recognition(language=options.language or "en", duration=duration, segments=segments)

    def _segments(self, duration: float, words: bool) -> Iterator[Segment]:
        for second in self._worked_on(range(max(1, int(duration)))):
            spoken = (Word(word=f" second {second}", start=second, end=second + 1),) if words else ()
            yield Segment(id=second, start=second, end=second + 1, text=f" second {second}", words=spoken)

    # Synthesizer: a tone whose pitch is the voice's, a tenth of a second per word.
    def voices(self) -> list[str]:
        return ["high", "low"]

    def sample_rate(self) -> int:
        return RATE

    def speak(self, text: str, *, voice: str, speed: float) -> Iterator[Samples]:
        hertz = 880 if voice == "high" else 220
        for _ in self._worked_on(text.split()):
            seconds = np.arange(int(RATE * 0.1 / speed)) / RATE
            yield (0.3 * np.sin(2 * np.pi * hertz * seconds)).astype(np.float32)

    def _worked_on(self, pieces: Iterable[Item]) -> Iterator[Item]:
        try:
            for piece in pieces:
                self._work()
                self._note(str(piece), self.config.journal)
                yield piece
        finally:
            self._note("end", self.config.journal)

    def _work(self) -> None:
        time.sleep(self.config.delay)
        while self.config.hang and self.config.hang.exists():
            time.sleep(0.01)

    def _note(self, line: str, file: Path | None) -> None:
        if file is not None:
            with file.open("a") as journal:
                journal.write(line + "\n")

    # LanguageModel: repeats the last message, a word a token.
    async def app(self, names: Sequence[str]) -> FastAPI:
        told = self.config
        parrot = Parrot(names, told.delay, told.token_delay, told.prefill, told.cache_tokens)
        self.waits = parrot.waits
        return parrot.app

    async def check(self) -> None:
        return None

    async def probe(self) -> None:
        with self.pulse.step():
            await asyncio.to_thread(self._work)


def arithmetic(config: Config, folder: Path, placement: Placement) -> None:
    """It needs no library."""


def _noise(text: str, size: int) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(size, np.float32)
