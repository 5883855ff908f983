"""Whether each model answers and why not, and when keys end: what replicas and the gateway know goes in."""

import math
from collections.abc import Iterable, Mapping

from serve.front.keys import Key
from serve.metrics.series import Level
from serve.table import Entry

AVAILABLE = Level(
    "ai_inference_model_available",
    "1 where a replica answers, else 0; cause: ok, load, budget, kernels or reference, also of why it is on the CPU.",
    ("model", "cause"),
)
INFO = Level(
    "ai_inference_model_info",
    "1 for each model of the values; rests: what it does without while nobody asks: replicas, nodes or nothing.",
    ("model", "task", "engine", "accelerator", "rests"),
)
KEY_EXPIRES = Level("ai_inference_key_expires_seconds", "When a key ends, in seconds since 1970.", ("key",))


def say_table(entries: Mapping[str, Entry]) -> None:
    """Those that are to be served."""
    INFO.say(
        {(name, one.task, one.engine, one.accelerator, one.rests or "nothing"): 1 for name, one in entries.items()}
    )


def say_keys(known: Iterable[Key]) -> None:
    """Those that end."""
    KEY_EXPIRES.say({(key.name,): key.expires for key in known if key.expires != math.inf})
