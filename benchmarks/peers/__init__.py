"""Naming equation: a peer is `peers/<peer>.py`, our own too, and `peers/<peer>.txt` pins an environment of its own.

Its docstring says how it differs from the others and is printed beside the figures. It has TASKS, the tasks that it
does; PACKAGES, whose versions matter; where it wants one, an ENVIRONMENT other than ours; and either `serving`, a
server, or `loaded`, a library that the client calls directly.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environment import OURS, Environment
from serve.bench.ask import Ask
from serve.errors import ConfigurationError


@dataclass(frozen=True)
class Server:
    """What answers: `address` has /v1 below it."""

    address: str
    model: str
    key: str = ""


Answered = list[Any]
"""What each request was answered, in the words of `tasks/<task>.py`."""


@dataclass(frozen=True)
class Direct:
    """A library that is called without a server between."""

    answer: Callable[[Sequence[Ask]], Answered]
    gathers: bool
    """Whether what is asked at once goes in as one call; else each is a call in a thread of its own."""


@dataclass(frozen=True)
class Peer:
    """One module of this folder."""

    name: str
    about: str
    tasks: Sequence[str]
    packages: Sequence[str]
    environment: Environment
    serving: Callable[[str, Path, int], AbstractContextManager[Server]] | None = field(repr=False)
    loaded: Callable[[str, Path], Direct] | None = field(repr=False)


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def peer(name: str) -> Peer:
    """Raises ConfigurationError for one that is not there."""
    if name not in names():
        raise ConfigurationError(f"there is no peer {name!r}; peers: {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name}")
    return Peer(
        name=name,
        about=" ".join(str(module.__doc__).split()),
        tasks=module.TASKS,
        packages=module.PACKAGES,
        environment=getattr(module, "ENVIRONMENT", OURS),
        serving=getattr(module, "serving", None),
        loaded=getattr(module, "loaded", None),
    )
