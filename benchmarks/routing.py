"""Routing side by side: one model with each `routing` on one Ray goes in, hit rates and first-token times come out.

`python -m benchmarks.routing fake` imitates three replicas whose prompts take time and whose caches hold half of what
is asked about; `vllm` does it with two of the real engine; `cost` sends what has no beginning in common, where routing
can only cost. The routings take turns, each round with texts of its own, and the medians of the rounds are printed.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from serve import standins
from serve.bench import load
from serve.bench.ask import Answer, Ask
from serve.bench.figures import figures
from serve.cli import helm
from serve.local.manifest import Manifest
from serve.local.nodes import Nodes, free_port
from serve.local.service import Service
from serve.routing import ROUTER

ROUTINGS = ("balanced", "prefix", "session")
POLL_SECONDS = 0.5
WORDS = Path(standins.__file__).with_name("corpus.txt").read_text().split()
Texts = Sequence[str]


@dataclass(frozen=True)
class Setting:
    """What is served, and how much is asked of it."""

    engine: str
    config: Mapping[str, Any]
    replicas: int
    documents: int = 12
    questions: int = 8
    words: int = 1500
    answer: int = 16
    clients: Sequence[int] = (8,)
    source: Mapping[str, str] = field(default_factory=lambda: {"path": "/"})


FAKE = Setting("fake", {"prefill": 0.0002, "tokenDelay": 0.005, "cacheTokens": 6 * 1600}, replicas=3)
COST = Setting("fake", {"tokenDelay": 0.005}, 3, documents=300, questions=1, words=100, answer=4, clients=(1, 32))


def vllm(folder: Path) -> Setting:
    """The stand-in with more layers, so that reading a prompt takes a while; the cache holds half of the documents."""
    from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM

    standins.make("llm", "vllm", folder)
    sizes = {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8}
    config = AutoConfig.from_pretrained(folder, **sizes, head_dim=64)
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    held = 6 * 2048 * 2 * 8 * 2 * 64 * 4  # Tokens x key and value x layers x heads x size x bytes.
    args = {"enable-prompt-tokens-details": True}
    options = {"maxModelLen": 2048, "dtype": "float32", "enforceEager": True, "kvCacheMemoryBytes": held, "args": args}
    return Setting("vllm", options, replicas=2, words=550, clients=(4,), source={"path": str(folder)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["fake", "vllm", "cost"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routing", nargs="+", choices=ROUTINGS, default=ROUTINGS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting = {"fake": FAKE, "cost": COST}.get(options.what) or vllm(Path(folder) / "model")
        with _nodes(Path(folder)) as nodes:
            service = Service(nodes, free_port())
            _serve(service, setting, options.routing)
            print(asyncio.run(_rounds(service.address, setting, options.routing, options.rounds)))


def _nodes(folder: Path) -> Nodes:
    (folder / "values.yaml").write_text("accelerators: {laptop: {vendor: cpu, memory: 16Gi, order: 1, cpus: 32}}")
    manifest = Manifest.of(helm.template([folder / "values.yaml"]))
    return Nodes(manifest.head, manifest.workers, {"AI_INFERENCE_CACHE": str(folder), "AI_INFERENCE_KEYS": "open"})


def _serve(service: Service, setting: Setting, routings: Iterable[str]) -> None:
    """One application for each routing, and waits for their routers too."""
    place = {"accelerator": "laptop", "vendor": "cpu", "cpus": 1, "memory": 4 * 2**30, "deviceMemory": 16 * 2**30}
    args: dict[str, Any] = {"engine": setting.engine, "engineConfig": setting.config, "source": setting.source,
                            "placement": place}  # fmt: skip
    applications: list[dict[str, Any]] = [
        {"name": one, "route_prefix": f"/{one}", "import_path": "serve.tasks.llm:build",
         "args": {**args, "model": one, "routing": one},
         "deployments": [{"name": "Model", "num_replicas": setting.replicas}]}
        for one in routings
    ]  # fmt: skip
    entry = {"task": "llm", "engine": setting.engine, "accelerator": "laptop"}
    table = {"models": {one["name"]: entry for one in applications}}
    gateway = {"name": "gateway", "route_prefix": "/", "import_path": "serve.gateway:build", "args": {},
               "deployments": [{"name": "Gateway", "user_config": table}]}  # fmt: skip
    service.apply({"applications": [gateway, *applications]})
    service.wait()
    while not all(_routed(service.applications()[one]["deployments"]) for one in routings if one != "balanced"):
        time.sleep(POLL_SECONDS)


def _routed(deployments: Mapping[str, Any]) -> bool:
    replicas = deployments[ROUTER]["replicas"]
    return bool(replicas) and all(one["state"] == "RUNNING" for one in replicas)


async def _rounds(address: str, setting: Setting, routings: Sequence[str], rounds: int) -> str:
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    async with load.connected() as session:
        for number in range(-1, rounds):  # The first warms up.
            for clients in setting.clients:
                for routing in routings:
                    row = await _measured(session, address, setting, routing, clients, f"{number} {clients} {routing}")
                    print(number, clients, routing, row, file=sys.stderr, flush=True)
                    if number >= 0:
                        found.setdefault((routing, clients), []).append(row)
    return _table(found)


async def _measured(
    session: aiohttp.ClientSession, address: str, setting: Setting, routing: str, clients: int, seed: str
) -> dict[str, float]:
    asks = list(_asks(setting, routing, seed))
    run = await load.run(session, address, load.Level(clients=clients), iter(asks), 0)
    figured = figures(run)
    return {
        "errors": sum(figured.errors.values()),
        "hits %": 100 * _hits(run.answers),
        "first token p50, ms": figured.first["p50"],
        "first token p95, ms": figured.first["p95"],
        "requests/s": figured.requests_per_second,
    }


def _hits(answers: Iterable[Answer]) -> float:
    well = [one for one in answers if not one.error]
    return sum(one.cached_tokens for one in well) / max(1, sum(one.prompt_tokens for one in well))


def _asks(setting: Setting, routing: str, seed: str) -> Iterator[Ask]:
    """Each document is asked about `questions` times, in any order; a document is a session."""
    chance = random.Random(seed)  # noqa: S311
    documents = [" ".join(chance.choices(WORDS, k=setting.words)) for _ in range(setting.documents)]
    asked = [number for number in range(setting.documents) for _ in range(setting.questions)]
    chance.shuffle(asked)
    for number in asked:
        question = " ".join(chance.choices(WORDS, k=setting.answer))
        turns = [{"role": "system", "content": documents[number]}, {"role": "user", "content": question}]
        body = {"model": routing, "messages": turns, "max_tokens": setting.answer, "stream": True,
                "stream_options": {"include_usage": True}, "user": f"{seed} {number}"}  # fmt: skip
        headers = {"content-type": "application/json", "x-session-id": f"{seed} {number}"}
        yield Ask(f"/{routing}/v1/chat/completions", json.dumps(body).encode(), headers, streams=True)


def _table(found: Mapping[tuple[str, int], Sequence[Mapping[str, float]]]) -> str:
    """Medians, and the lowest and highest of the rounds."""
    columns = list(next(iter(found.values()))[0])
    lines = [f"| routing | at once | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for (routing, clients), rows in found.items():
        cells = [_cell([row[column] for row in rows]) for column in columns]
        lines.append(f"| {routing} | {clients} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
