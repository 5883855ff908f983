"""What we want to reach: each goal takes one figure of ours and of a peer at one level and says how they compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.paired import ByRound, Compared, difference, ratio

Measured = Mapping[tuple[str, str, str, str], Mapping[str, ByRound]]
"""By task, load, level and peer: figures, each by round."""
Figure = Literal["requests_per_second", "units_per_second", "first_p50"]


@dataclass(frozen=True)
class Goal:
    """Ours to the peer's as a ratio, or for times as a difference in milliseconds."""

    what: str
    task: str
    load: str
    level: str
    against: str
    figure: Figure
    least: float
    aim: float
    ours: str = "ours"

    @property
    def is_time(self) -> bool:
        return self.figure.startswith("first")

    def compared(self, measured: Measured) -> Compared | None:
        """None where the two were not measured in one round."""
        found = [measured.get((self.task, self.load, self.level, peer), {}) for peer in (self.ours, self.against)]
        ours, theirs = (figures.get(self.figure, {}) for figures in found)
        return difference(ours, theirs) if self.is_time else ratio(ours, theirs)

    def verdict(self, compared: Compared) -> str:
        """By the worse end of the interval; where its better end would say otherwise, with a "probably"."""
        worse, better = (compared.high, compared.low) if self.is_time else (compared.low, compared.high)
        if self._met(worse, self.least):
            return "aim reached" if self._met(worse, self.aim) else "met"
        said = "met" if self._met(compared.measured, self.least) else "not met"
        return f"probably {said}" if self._met(better, self.least) else said

    def _met(self, value: float, wanted: float) -> bool:
        return value <= wanted if self.is_time else value >= wanted

    def words(self, value: float) -> str:
        return f"{value:+.1f} ms" if self.is_time else f"{value:.2f}x"


def _batches(task: str, unit: str) -> list[Goal]:
    return [
        Goal(f"{task}, {load}, {clients} at once: {unit}", task, load, clients, "infinity", "units_per_second", 1, 1.5)
        for load in (f"1 {unit[:-1]}", f"32 {unit}")
        for clients in ("1", "32")
    ]


GOALS = (
    Goal("LLM streaming, 32 at once, keys checked: requests/s", "llm", "streamed", "32", "vllm",
         "requests_per_second", 0.85, 0.98, ours="ours_with_keys"),
    Goal("LLM streaming, 32 at once, keys and limits beside none: requests/s", "llm", "streamed", "32", "ours",
         "requests_per_second", 0.97, 0.99, ours="ours_with_keys"),
    Goal("LLM time to first token, 1 at once", "llm", "streamed", "1", "vllm", "first_p50", 5, 1),
    Goal("LLM streaming, 32 at once: requests/s", "llm", "streamed", "32", "ray_serve_llm_fastest",
         "requests_per_second", 1.5, 2),
    *_batches("embeddings", "sentences"),
    Goal("embeddings, 1 sentence, 32 at once, keys and limits beside none: sentences", "embeddings", "1 sentence", "32",
         "ours", "units_per_second", 0.97, 0.99, ours="ours_with_keys"),
    *_batches("rerank", "documents"),
    Goal("STT, 30 s, 1 at once: real-time factor", "stt", "30 s", "1", "faster_whisper", "units_per_second", 0.95, 2),
    Goal("STT, 5 min, 1 at once, windows batched: real-time factor", "stt", "5 min", "1", "faster_whisper",
         "units_per_second", 0.95, 2, ours="ours_batched"),
)  # fmt: skip
