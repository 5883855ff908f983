"""What is started: each task alone, all five, and a language model with and without what shortens its start."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import models
from benchmarks.engine import FLAGS
from benchmarks.peers import ours
from serve.bench import work
from serve.sources import cache

LLM = "llm"
LARGE = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 32}
"""Some 1.5 GB in float32."""
PAGES = Path("/proc/sys/vm/drop_caches")
COMPILED = Path(tempfile.gettempdir()) / "ai-inference-startup"


@dataclass(frozen=True)
class Case:
    """A values file with a model for each of its tasks, `named` for it."""

    name: str
    values: Callable[[], Mapping[str, Any]]
    tasks: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    first: Callable[[], None] = lambda: None
    """What is done before each start."""


def named(task: str) -> str:
    """The gateway has paths of its own that are called as tasks are."""
    return f"{task}-model"


def together(wanted: Sequence[str], *, apart: bool = False) -> dict[str, Any]:
    """A model for each task, on one accelerator or each on its own."""
    found = {task: ours.values(task, models.folder(task, {})) for task in wanted}
    (machine,) = next(iter(found.values()))["accelerators"].values()
    places = {task: f"machine-{task}" if apart else "machine" for task in wanted}
    accelerators = {place: {**machine, "order": number} for number, place in enumerate(dict.fromkeys(places.values()))}
    entries = {
        named(task): {**one["models"][ours.MODEL], "memory": "2Gi", "accelerator": places[task]}
        for task, one in found.items()
    }
    return {"auth": {"enabled": False}, "accelerators": accelerators, "models": entries}


def language_model(folder: Path | None = None, **config: Any) -> dict[str, Any]:
    """A language model alone, of other weights than the stand-in's or told otherwise."""
    values = together([LLM])
    entry = values["models"][named(LLM)]
    source = entry["source"] if folder is None else {"path": str(folder)}
    told = {"memory": "6Gi", "source": source, "engineConfig": {**FLAGS, **config}}
    return {**values, "models": {named(LLM): {**entry, **told}}}


def large() -> Path:
    """Weights in several files, which are read one after the other or all at once; made at the first use."""
    folder = cache() / "stand-ins" / "llm-large"
    if not (folder / "config.json").exists():
        from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

        small = models.folder(LLM, {})
        config = AutoConfig.from_pretrained(small, **LARGE)
        AutoTokenizer.from_pretrained(small).save_pretrained(folder)
        LlamaForCausalLM(config).save_pretrained(folder, max_shard_size="256MB")
    return folder


def forget_files() -> None:
    """As after a boot; what was read lies in memory otherwise. Raises PermissionError for who is not root."""
    os.sync()
    PAGES.write_text("1")


def forget_compiled() -> None:
    shutil.rmtree(COMPILED, ignore_errors=True)


def cases() -> list[Case]:
    everything = work.tasks()
    compiling = {"TORCHDYNAMO_DISABLE": "0", "VLLM_CACHE_ROOT": f"{COMPILED}/vllm"}
    compiling |= {"TORCHINDUCTOR_CACHE_DIR": f"{COMPILED}/inductor"}
    streamed = {"args": {"load-format": "runai_streamer"}}
    return [
        *(Case(f"{task} alone", partial(together, [task]), [task]) for task in everything),
        Case("all five on one accelerator", partial(together, everything), everything),
        Case("all five, each on its own", partial(together, everything, apart=True), everything),
        Case("llm, compiled anew", partial(language_model, enforceEager=False), [LLM], compiling, forget_compiled),
        Case("llm, compiled before", partial(language_model, enforceEager=False), [LLM], compiling),
        Case("llm of 1.5 GB, not read before", lambda: language_model(large()), [LLM], first=forget_files),
        Case(
            "llm of 1.5 GB, not read before, streamed",
            lambda: language_model(large(), **streamed),
            [LLM],
            first=forget_files,
        ),
    ]
