"""Whether each model answers and why not, and when keys end: what replicas and the gateway know goes in."""

import math
from collections.abc import Container, Iterable, Mapping

from serve.front.key import Key
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
CIRCUIT_OPEN = Level(
    "ai_inference_circuit_open",
    "1 while the gateway refuses requests for a model that has answered none of the last, else 0.",
    ("model",),
)
KEY_EXPIRES = Level("ai_inference_key_expires_seconds", "When a key ends, in seconds since 1970.", ("key",))


def say_table(entries: Mapping[str, Entry], spared: Container[str]) -> None:
    """Those that are to be served, and of them those that the gateway does not ask for a while."""
    CIRCUIT_OPEN.say({(name,): float(name in spared) for name in entries})
    INFO.say(
        {(name, one.task, one.engine, one.accelerator, one.rests or "nothing"): 1 for name, one in entries.items()}
    )


def say_keys(known: Iterable[Key]) -> None:
    """Those that end."""
    KEY_EXPIRES.say({(key.name,): key.expires for key in known if key.expires != math.inf})
