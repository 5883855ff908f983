"""Kokoro's pipeline called directly, without a server; a thread per text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.hardware import DEVICE
from benchmarks.peers import Answered, Direct
from serve.audio import SPOKEN_RATE
from serve.bench.ask import Ask

TASKS = ("tts",)
PACKAGES = ("kokoro", "misaki", "torch")


def loaded(task: str, folder: Path) -> Direct:
    pipeline, phonemise = _pipeline(folder)
    voice = str(min((folder / "voices").glob("*.pt")))

    def answer(asks: Sequence[Ask]) -> Answered:
        return [_seconds(pipeline.generate_from_tokens(phonemise(ask), voice)) for ask in asks]

    return Direct(answer, gathers=False)


def _seconds(results: Any) -> float:
    return float(sum(len(result.audio) for result in results)) / SPOKEN_RATE


def _pipeline(folder: Path) -> Any:
    """espeak's phonemes, as the pipeline's own front end for English would download a model."""
    from kokoro import KModel, KPipeline
    from misaki import espeak
    from misaki.token import MToken

    (weights,) = folder.glob("*.pth")
    model = KModel(repo_id=folder.name, config=str(folder / "config.json"), model=str(weights)).to(DEVICE).eval()
    english = espeak.EspeakFallback(british=False)

    def phonemise(ask: Ask) -> str:
        return english(MToken(text=json.loads(ask.body)["input"], tag="", whitespace=""))[0] or ""

    return KPipeline(lang_code="e", repo_id=folder.name, model=model), phonemise
