"""The transcript of the bundled speech, word by word."""

import asyncio
import difflib
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from serve.audio import decode
from serve.checks import must
from serve.checks.stt import SPEECH
from serve.engine import Transcriber, TranscriptionOptions

ASKED = hashlib.sha256(SPEECH.read_bytes()).hexdigest()
AGREED = 0.8
"""Of the words: another precision may mishear one of a synthetic voice's, and noise is heard as nothing like it."""

COLD = 0.01
"""The likeliest token each time. At 0 an engine may decode again, drawing tokens, what it is not sure of."""


async def answers(engine: Transcriber) -> dict[str, Any]:
    return {"text": await asyncio.to_thread(_heard, engine)}


def _heard(engine: Transcriber) -> str:
    language = "en" if "en" in engine.languages() else None
    options = TranscriptionOptions(language=language, temperature=COLD)
    recognition = engine.transcribe(decode(SPEECH.read_bytes()), options)
    return "".join(segment.text for segment in recognition.segments).strip()


def compare(found: Mapping[str, Any], expected: Mapping[str, Any], precision: str) -> None:
    """Raises Wrong with both texts."""
    here, there = (re.findall(r"\w+", said["text"].lower()) for said in (found, expected))
    agreed = difflib.SequenceMatcher(None, here, there, autojunk=False).ratio()
    heard = f"the bundled speech is heard as {found['text'][:80]!r}, by the reference as {expected['text'][:80]!r}"
    must(agreed >= AGREED, f"{heard}: {agreed:.0%} of the words agree")
