"""Segments of speech to subtitle files: SRT, and WebVTT (www.w3.org/TR/webvtt1)."""

from collections.abc import Iterable

from serve.engine import Segment


def srt(segments: Iterable[Segment]) -> str:
    cues = (f"{number}\n{_cue(segment, ',')}" for number, segment in enumerate(segments, 1))
    return "\n\n".join(cues) + "\n"


def vtt(segments: Iterable[Segment]) -> str:
    return "\n\n".join(["WEBVTT", *(_cue(segment, ".") for segment in segments)]) + "\n"


def _cue(segment: Segment, comma: str) -> str:
    text = segment.text.strip().replace("-->", "->")  # An arrow in the text would begin another cue.
    return f"{_time(segment.start, comma)} --> {_time(segment.end, comma)}\n{text}"


def _time(seconds: float, comma: str) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{comma}{milliseconds % 1000:03}"
