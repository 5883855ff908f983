"""What a task asks of an engine: one small Protocol per task, and the loader that turns a name into its module.

An engine is a file `serve/engines/<name>.py` with three names: `Config`, its typed options, and their `on_cpu()`;
`Engine`, constructed as `Engine(config, folder, placement)` in a thread of the replica, once, where heavy imports
belong; and `arithmetic(config, folder, placement)`, by what it computes, or None where that is by none of its own. Some
have an ENVIRONMENT, variables that their libraries read once, when they compute for the first time.
Engines take and return plain lists and arrays, so that a Serve replica and a batch job call the same methods.
"""

import importlib
import os
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from serve import compiled, engines, limit
from serve.arithmetic import Arithmetic
from serve.errors import ConfigurationError, ModelUnavailable
from serve.validation import validated
from serve.values import Closed, ModelArgs

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], shape (samples,)."""


@runtime_checkable
class LanguageModel(Protocol):
    """Serves its own OpenAI application; what it serves is what clients get. Its `pulse` is a serve.pulse.Pulse."""

    async def app(self, names: Sequence[str]) -> Any:
        """The ASGI application that answers for the served `names`."""
        ...

    async def check(self) -> None:
        """Raises when the engine can answer no more; Serve then restarts the replica."""
        ...

    async def probe(self) -> None:
        """Makes one token."""
        ...


@runtime_checkable
class Adaptable(Protocol):
    """A LanguageModel whose application answers for adapters too; its Config has `max_loras`."""

    async def add(self, name: str, folder: Path) -> None:
        """Loads the adapter in `folder`, to be served as `name`; ModelUnavailable where it does not fit the model."""
        ...

    async def remove(self, name: str) -> None:
        """Unloads it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word and its `start` and `end` in seconds."""

    word: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of speech; times in seconds, the rest as OpenAI's verbose_json names it."""

    id: int
    start: float
    end: float
    text: str
    seek: int = 0
    tokens: tuple[int, ...] = ()
    temperature: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 0.0
    no_speech_prob: float = 0.0
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TranscriptionOptions:
    """What a client may ask of a transcription; None leaves it to the engine."""

    language: str | None = None
    """The spoken one, ISO 639-1."""
    prompt: str | None = None
    """Text that the recording continues, in its style and spelling."""
    temperature: float | None = None
    """Of sampling."""
    translate: bool = False
    """English text, whatever is spoken."""
    words: bool = False
    """Times of single words too."""


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """The spoken `language` (ISO 639-1), the `duration` in seconds, and the segments as they are decoded."""

    language: str
    duration: float
    segments: Iterator[Segment]


@runtime_checkable
class Transcriber(Protocol):
    """Speech to text."""

    def languages(self) -> list[str]:
        """What it understands, as ISO 639-1."""
        ...

    def transcribe(self, audio: Samples, options: TranscriptionOptions) -> Recognition:
        """`audio` at 16 kHz. Called from several threads at once, and while segments of other recordings are taken; the
        device, which it may ask for the language, is the engine's to share. Segments are made as they are taken, by the
        device's thread, and those of several recordings by turns."""
        ...


@runtime_checkable
class Synthesizer(Protocol):
    """Text to speech."""

    def voices(self) -> list[str]:
        """Names, the engine's own choice first."""
        ...

    def sample_rate(self) -> int:
        """Samples per second of what `speak` yields."""
        ...

    def speak(self, text: str, *, voice: str, speed: float) -> Iterator[Samples]:
        """Audio piece by piece, as it is made. The task has checked that `voice` is one of `voices`."""
        ...


@dataclass(frozen=True)
class Tokens:
    """One tokenised text or pair: `ids` as the engine's model wants them, cut to its `max_tokens`, and their number
    before that cut, or at least that many."""

    ids: Any
    length: int


@runtime_checkable
class Embedder(Protocol):
    """Texts to vectors. `tokenize` runs on the CPU and `embed` on the device, so that batches can overlap."""

    def max_tokens(self) -> int:
        """Longest input."""
        ...

    def max_batch_tokens(self) -> int:
        """Padded tokens that the device holds at once."""
        ...

    def dimensions(self) -> int: ...

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> list[Tokens]:
        """`prompt` names one of the model's prompts, to be put before each text; None is the model's default."""
        ...

    def embed(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """Vectors as the model pools them, shape (len(batch), dimensions); the task brings them to unit length."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Pairs of query and document to relevance."""

    def max_tokens(self) -> int:
        """Longest pair."""
        ...

    def max_batch_tokens(self) -> int:
        """Padded tokens that the device holds at once."""
        ...

    def tokenize_pairs(self, pairs: Sequence[tuple[str, str]], document_tokens: int | None = None) -> list[Tokens]:
        """Documents, the second of each pair, are first cut to `document_tokens`."""
        ...

    def score(self, batch: Sequence[Tokens]) -> NDArray[np.float32]:
        """The model's logits, shape (len(batch),); the task applies the sigmoid that its wire format wants."""
        ...


def names() -> list[str]:
    """Every engine there is, by listing the folder."""
    return sorted(module.name for module in pkgutil.iter_modules(engines.__path__))


def module(name: str) -> ModuleType:
    """The module of an engine, or a ConfigurationError that lists the engines there are."""
    if name not in names():
        raise ConfigurationError(f"there is no engine {name!r}; engines: {', '.join(names())}")
    return importlib.import_module(f"serve.engines.{name}")


def config(args: ModelArgs) -> Closed:
    """The entry's `engineConfig` as the Config of its engine."""
    return options(args.engine, args.engine_config, f"models.{args.model}")


def options(name: str, given: Mapping[str, Any], path: str) -> Closed:
    """The same for the entry at `path`, such as `jobs.corpus`."""
    cls: type[Closed] = module(name).Config
    return validated(cls, given, f"{path}.engineConfig")


def able(protocol: type) -> list[str]:
    """The engines that satisfy a task's Protocol."""
    return [name for name in names() if issubclass(module(name).Engine, protocol)]


def must_do(task: str, protocol: type, name: str, path: str) -> None:
    """Raises ConfigurationError unless the engine of the entry at `path` satisfies the task's Protocol."""
    fitting = able(protocol)
    if name not in fitting:
        raise ConfigurationError(
            f"{path}.engine: {name!r} does not do task {task!r}; engines that do: {', '.join(fitting)}"
        )


def arithmetic(args: ModelArgs, folder: Path) -> Arithmetic | None:
    """By what the engine will compute."""
    found: Arithmetic | None = module(args.engine).arithmetic(config(args), folder, args.placement)
    return found


def prepare(args: ModelArgs) -> None:
    """Sets what the engine's libraries read once, which is before anything tries them."""
    for name, value in getattr(module(args.engine), "ENVIRONMENT", {}).items():
        os.environ.setdefault(name, value)


def on_cpu(args: ModelArgs) -> ModelArgs:
    """The same on the CPU of the same pod, in float32, with nothing on a GPU."""
    own: Any = config(args)
    options = own.on_cpu().model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    alone = {"vendor": "cpu", "memory": 0, "tensor_parallel": 1, "pipeline_parallel": 1, "span": False}
    return args.model_copy(update={"engine_config": options, "placement": args.placement.model_copy(update=alone)})


def load(args: ModelArgs, folder: Path) -> Any:
    """A loaded engine within its budget, or ModelUnavailable with the reason. Blocks for as long as loading takes."""
    from serve import budget  # It reads the options of every engine, which are built on this module.

    prepare(args)
    os.environ.update(limit.environment(args.placement))
    compiled.keep()
    try:
        loaded = module(args.engine).Engine(budget.fitted(args, folder), folder, args.placement)
        budget.hold(args, loaded)
        return loaded
    except ImportError as error:
        raise ModelUnavailable(
            f"model {args.model!r}: engine {args.engine!r} needs the package {error.name!r}, which is not installed; "
            f"install it by: pip install 'ai-inference[{args.engine}]'"
        ) from error
    except ModelUnavailable:
        raise
    except Exception as error:
        raise ModelUnavailable(
            f"model {args.model!r}: engine {args.engine!r} could not load {folder.name!r}: "
            f"{type(error).__name__}: {error}"
        ) from error
