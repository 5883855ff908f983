"""Whether speech becomes text: segments whose times and probabilities are some, and most words of a spoken sentence.

speech.ogg was spoken by espeak-ng, which reads the sentence below: `espeak-ng -v en-us -s 140`.
"""

import math
import re
from pathlib import Path
from typing import Any

from serve.checks import Way, must

SPEECH = Path(__file__).with_name("speech.ogg")
WORDS = frozenset(["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog"])
SECONDS = 3.65
HEARD = 0.6  # Of the words: a small model mistakes some of a synthetic voice's.


async def check(way: Way, meaning: bool) -> str:
    form: dict[str, Any] = {"file": SPEECH.read_bytes(), "response_format": "verbose_json"}
    form |= {"language": "en"} if meaning else {}
    answer = await way.ask("/v1/audio/transcriptions", form=form)
    must(abs(answer["duration"] - SECONDS) < 0.5, f"{answer['duration']} seconds of {SECONDS} were heard")
    for segment in answer["segments"]:
        _must_be_timed(segment)
    words = set(re.findall(r"\w+", answer["text"].lower()))
    share = len(WORDS & words) / len(WORDS)
    remark = f"hears {answer['text'].strip()[:80]!r}"
    must(share >= HEARD or not meaning, f"{remark}, {share:.0%} of the words")
    return remark


def _must_be_timed(segment: dict[str, Any]) -> None:
    start, end, logprob = (float(segment[key]) for key in ("start", "end", "avg_logprob"))
    must(0 <= start <= end < math.inf, f"a segment lasts from {start} to {end}")
    must(-math.inf < logprob <= 0, f"a segment has the log probability {logprob}")
