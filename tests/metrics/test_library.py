"""What a library keeps in its own registry is said under the name that Ray's users know, and nothing else of it."""

import pytest
from prometheus_client import Counter, Gauge

from serve.metrics import library
from serve.metrics.series import Labels, Level


def test_the_metrics_of_the_engine_are_said_with_their_labels_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[tuple[str, Labels], dict[Labels, float]] = {}
    monkeypatch.setattr(Level, "say", lambda self, values: said.setdefault((self.name, self.labels), dict(values)))
    Counter("parrot:words", "Said.", ["voice", "accent"]).labels(voice="high", accent="none").inc(3)
    Gauge("other:level", "Of another.").set(1)
    monkeypatch.setattr(library, "LEFT_OUT", ("parrot:heard",))
    Gauge("parrot:heard", "Without bound.", ["words"]).labels(words="hello").set(1)
    library.say("parrot")
    assert said == {("parrot_words_total", ("accent", "voice")): {("none", "high"): 3}}
