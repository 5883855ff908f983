"""faster-whisper called directly, without a server, with ours' options: five beams, speech alone, and each
window tried once; a thread per recording."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import tasks
from benchmarks.hardware import DEVICE
from benchmarks.peers import Answered, Direct
from serve.bench.ask import Ask
from serve.bench.work.stt import BOUNDARY

TASKS = ("stt",)
PACKAGES = ("faster-whisper", "ctranslate2", "onnxruntime")


def loaded(task: str, folder: Path) -> Direct:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device=DEVICE, compute_type="default", cpu_threads=tasks.task(task).THREADS)

    def answer(asks: Sequence[Ask]) -> Answered:
        return [_text(model.transcribe(_recording(ask), beam_size=5, vad_filter=True, temperature=0)) for ask in asks]

    return Direct(answer, gathers=False)


def _text(found: tuple[Any, Any]) -> str:
    segments, _ = found
    return "".join(segment.text for segment in segments).strip()


def _recording(ask: Ask) -> io.BytesIO:
    """The file of the form, which begins as WAV does."""
    form = ask.body
    return io.BytesIO(form[form.index(b"RIFF") : form.rindex(f"\r\n--{BOUNDARY}".encode())])
