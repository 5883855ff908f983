"""Where references lie: a task, an entry and the folder of its weights go in, what a CPU answered with them comes out.

One is made in a process of its own, whose memory is given back, and kept in the cache of models at
references/<source>@<revision>/<identity>/reference.json. A part of the cache, copied, serves another machine.
"""

import asyncio
import hashlib
import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import serve
from serve import apart, checkpoint, engine, sources
from serve.errors import ModelUnavailable, Unlike
from serve.sources.complete import complete
from serve.values import Closed, ModelArgs, Source, Task

FILE = "reference.json"
PIECE = 2**14
"""Bytes read at the start, in the middle and at the end of each file of weights: all of it would take minutes."""


class Reference(Closed):
    """What a CPU answered."""

    identity: str
    """Of weights, engine, options and what was asked: it says nothing of others."""
    source: Source
    """Where the weights came from."""
    task: Task
    """Decides what was asked."""
    engine: str
    """Who answered."""
    engine_config: dict[str, Any]
    """With these options."""
    version: str
    """Of this package."""
    answers: dict[str, Any]
    """As the task's module gives them."""


def of(task: str) -> ModuleType:
    """The task's module."""
    return importlib.import_module(f"serve.reference.{task}")


def find(task: str, args: ModelArgs, folder: Path) -> Reference | None:
    """The one for these weights and options, if there is one."""
    wanted = identity(task, args, folder)
    for file in (folder / FILE, _kept(args, folder, wanted, sources.cache() / "references") / FILE):
        if _readable(file) and (found := read(file)).identity == wanted:
            return found
    return None


def _readable(file: Path) -> bool:
    """A folder that nobody may look into has no reference for us; whether one is needed is the entry's to say."""
    return os.access(file, os.R_OK) and file.is_file()


def read(file: Path) -> Reference:
    try:
        return Reference.model_validate_json(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Unlike(f"{str(file)!r} is no reference; make it anew by `ai-inference models reference`") from error


def make(
    task: str, args: ModelArgs, folder: Path, root: Path | None = None, python: Path = Path(sys.executable)
) -> Path:
    """The file, below `root`, with what a CPU answers by the engine in the environment of `python`."""
    kept = _kept(args, folder, identity(task, args, folder), root or sources.cache() / "references")

    def fill(partial: Path) -> None:
        asked = {
            "task": task,
            "args": engine.on_cpu(args).model_dump(mode="json", by_alias=True),
            "folder": str(folder),
        }
        made = Reference.model_validate(apart.call("serve.reference", asked, python=python))
        (partial / FILE).write_text(made.model_dump_json(by_alias=True, indent=2), encoding="utf-8")

    try:
        return complete(kept, fill) / FILE
    except OSError as error:
        raise ModelUnavailable(f"{str(kept)!r} cannot be written: {error}") from error


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """The work of that process."""
    task, folder = asked["task"], Path(asked["folder"])
    args = ModelArgs.model_validate(asked["args"])
    answers = asyncio.run(of(task).answers(engine.load(args, folder)))
    made = Reference(
        identity=identity(task, args, folder),
        source=args.source,
        task=task,
        engine=args.engine,
        engine_config=args.engine_config,
        version=serve.__version__,
        answers=answers,
    )
    return made.model_dump(mode="json", by_alias=True)


def identity(task: str, args: ModelArgs, folder: Path) -> str:
    """Equal for equal weights, wherever they lie, options that mean the same on a CPU, and the same questions."""
    options = engine.on_cpu(args).engine_config
    said = {"task": task, "engine": args.engine, "options": options, "asked": of(task).ASKED}
    state = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for file in checkpoint.weights(folder):
        size = file.stat().st_size
        state.update(f"{file.name} {size} ".encode())
        with file.open("rb") as opened:
            for place in (0, size // 2, max(0, size - PIECE)):
                opened.seek(place)
                state.update(opened.read(PIECE))
    return state.hexdigest()[:16]


def _kept(args: ModelArgs, folder: Path, identity: str, root: Path) -> Path:
    source = args.source
    own = f"path/{folder.resolve()}@{source.revision or 'latest'}" if source.path else sources.folder_name(source)
    return root / own.replace("//", "/") / identity
