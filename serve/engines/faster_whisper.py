"""Whisper on CTranslate2 by faster-whisper: samples at 16 kHz go in, segments come out as each window is decoded.

The folder is a converted model, such as Systran/faster-whisper-large-v3. The voice detector is part of the package.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from serve.arithmetic import Arithmetic, floats
from serve.device import threads, word_for
from serve.engine import Recognition, Samples, Segment, TranscriptionOptions, Word
from serve.errors import ModelUnavailable
from serve.values import Closed, Placement

KEPT = 200 * 2**20
"""Bytes of freed GPU memory that CTranslate2 keeps by itself, in each thread."""
FILES = ("config.json", "model.bin", "tokenizer.json")
# Each is tried when the one before gave a text that repeats itself or that the model is not sure of.
TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Config(Closed):
    """How faster-whisper decodes."""

    compute_type: Literal[
        "default", "auto", "int8", "int8_float32", "int8_float16", "int8_bfloat16",
        "int16", "float16", "bfloat16", "float32",
    ] = "default"  # fmt: skip
    """Precision of weights and arithmetic (opennmt.net/CTranslate2/quantization.html); default is the files' own,
    auto the fastest that the device has."""
    beam_size: int = Field(default=5, ge=1)
    """Hypotheses kept while decoding; 1 is fastest."""
    vad_filter: bool = True
    """Leave out what is not speech: Whisper invents text for silence."""
    batch_size: int = Field(default=1, ge=1)
    """Windows of one recording decoded at once; above 1 is faster on long recordings and needs vadFilter."""
    condition_on_previous_text: bool = True
    """Show the model what it wrote before: steadier names and style, but a mistake can repeat itself. Without effect
    when batchSize is above 1."""
    temperature_fallback: bool = True
    """Recognise a window again, at rising temperatures, where its text repeats itself or the model is not sure of it.
    Without, noise takes no longer than speech, and conditionOnPreviousText should be false as well, or a text that
    repeats itself is what the next window goes on from. Without effect when batchSize is above 1, where each window is
    tried once."""

    def on_cpu(self) -> Self:
        """As a CPU computes it, in float32."""
        return self.model_copy(update={"compute_type": "float32"})

    @model_validator(mode="after")
    def windows_known(self) -> Self:
        if self.batch_size > 1 and not self.vad_filter:
            raise ValueError(f"batchSize {self.batch_size} needs vadFilter, which finds the windows")
        return self


class Engine:
    """Satisfies Transcriber."""

    def __init__(self, config: Config, folder: Path, placement: Placement) -> None:
        # Bins from 64 bytes to 16 MiB, and what CTranslate2 keeps of what it frees (its docs, Environment variables).
        kept = min(KEPT, placement.memory // 16)
        os.environ.setdefault("CT2_CUDA_CACHING_ALLOCATOR_CONFIG", f"4,3,12,{kept}")
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        from serve.spectrum import Spectrum

        missing = [name for name in FILES if not (folder / name).exists()]
        if missing:  # faster-whisper would look for them on the hub.
            raise ModelUnavailable(
                f"{folder.name!r} has no {', '.join(missing)}: faster_whisper reads models in CTranslate2's format, "
                f"such as hub: Systran/faster-whisper-large-v3"
            )
        self.config = config
        self.model = WhisperModel(
            str(folder), device=_device(placement), compute_type=config.compute_type, cpu_threads=threads(placement)
        )
        self.model.feature_extractor = Spectrum(**self.model.feat_kwargs)
        self._batched = BatchedInferencePipeline
        # Libraries that a GPU lacks are missed at the first use, which shall not be a client's.
        self.model.encode(self.model.feature_extractor(np.zeros(16_000, np.float32)))

    def languages(self) -> list[str]:
        languages: list[str] = self.model.supported_languages
        return languages

    def transcribe(self, audio: Samples, options: TranscriptionOptions) -> Recognition:
        segments, heard = self._transcriber(
            audio,
            language=options.language,
            initial_prompt=options.prompt,
            temperature=options.temperature or (TEMPERATURES if self.config.temperature_fallback else 0.0),
            task="translate" if options.translate else "transcribe",
            word_timestamps=options.words,
            beam_size=self.config.beam_size,
            vad_filter=self.config.vad_filter,
            condition_on_previous_text=self.config.condition_on_previous_text,
            without_timestamps=False,
        )
        return Recognition(language=heard.language, duration=heard.duration, segments=_segments(segments))

    def _transcriber(self, audio: Samples, **options: Any) -> Any:
        if self.config.batch_size == 1:
            return self.model.transcribe(audio, **options)
        # One of its own for each request: it remembers where speech ended, and requests take turns.
        return self._batched(self.model).transcribe(audio, batch_size=self.config.batch_size, **options)


def _device(placement: Placement) -> str:
    """CTranslate2's word."""
    if word_for(placement.vendor) == "cpu":
        return "cpu"
    if placement.vendor == "cuda":
        return "cuda"
    raise ModelUnavailable(
        f"faster_whisper runs on vendors cuda and cpu, and accelerator {placement.accelerator!r} has vendor "
        f"{placement.vendor!r}: CTranslate2 is not built for it; give the model another accelerator"
    )


def _segments(found: Iterable[Any]) -> Iterator[Segment]:
    """The Protocol's segments, counted from 0 as OpenAI does."""
    for number, segment in enumerate(found):
        yield Segment(
            id=number,
            start=float(segment.start),
            end=float(segment.end),
            text=segment.text,
            seek=segment.seek,
            tokens=tuple(segment.tokens),
            temperature=float(segment.temperature),
            avg_logprob=float(segment.avg_logprob),
            compression_ratio=float(segment.compression_ratio),
            no_speech_prob=float(segment.no_speech_prob),
            words=tuple(
                Word(word=word.word, start=float(word.start), end=float(word.end)) for word in segment.words or ()
            ),
        )


def arithmetic(config: Config, folder: Path, placement: Placement) -> Arithmetic:
    """A CPU computes in float32; `default` and `auto` are float16 on a GPU that has it."""
    weights, _, beside = config.compute_type.rpartition("_")
    wide = ("float32", "int8", "int16")
    precision = "float32" if beside in wide else "bfloat16" if beside == "bfloat16" else "float16"
    on_cpu = _device(placement) == "cpu"
    return Arithmetic("ctranslate2", floats("float32" if on_cpu else precision), "int8" in (weights, beside))
