"""What is asked of each task. Naming equation: `work/<task>.py` has `asks(shape, drawn)`, requests without end.

Requests differ, so that no cache answers them, and are the same for the same seed.
"""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from serve import standins
from serve.bench.ask import Ask

WORDS = sorted(set(re.findall(r"[a-z]+", (Path(standins.__file__).parent / "corpus.txt").read_text())))


@dataclass(frozen=True)
class Shape:
    """How large a request is; a task looks at what concerns it."""

    model: str
    words: int = 64
    """Of a prompt, a sentence or a text that is spoken."""
    tokens: int = 64
    """That a language model shall answer."""
    batch: int = 1
    """Sentences of one request, or documents."""
    seconds: float = 5
    """Of a recording."""
    stream: bool = True
    more: dict[str, Any] = field(default_factory=dict)
    """Further keys of each body."""


def tasks() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def unit(task: str) -> str:
    """What `task` counts in a second, beside requests and tokens; empty where that is all."""
    found: str = importlib.import_module(f"{__name__}.{task}").UNIT
    return found


def asks(task: str, shape: Shape, seed: int, number: int) -> Iterator[Ask]:
    """So many of them."""
    endless = importlib.import_module(f"{__name__}.{task}").asks(shape, np.random.default_rng(seed))
    return islice(endless, number)


def text(drawn: np.random.Generator, words: int) -> str:
    return " ".join(drawn.choice(WORDS, words))


def body(shape: Shape, **fields: Any) -> bytes:
    return json.dumps({"model": shape.model, **fields, **shape.more}).encode()
