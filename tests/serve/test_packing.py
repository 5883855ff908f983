"""What the ledger accepts Ray starts in any order: random fleets that the chart let through, on the nodes it rendered.

The GPUs are simulated: to Ray a GPU is a number, which is all that placing knows of it.
"""

import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from serve.deployment import resources
from serve.errors import ConfigurationError
from serve.ledger import Rack
from serve.local.manifest import Manifest
from serve.local.nodes import OTHER_THAN_PODS, end_with_parent
from tests.helm import Rendered, render

pytestmark = pytest.mark.slow

ORDERS = 20
CANDIDATES = 12
RAY = {"RAY_raylet_start_wait_time_s": "20", "RAY_prestart_worker_first_driver": "0"}
NAMED = re.compile(r"^(?:accelerators|models)\.([a-z]+-[0-9]+)", re.MULTILINE)
Draw = Callable[[random.Random], tuple[dict[str, Any], list[dict[str, Any]]]]


def one_card(draw: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Any shares, which together are about a card."""
    cuts = sorted(draw.sample(range(1, 19), 2))
    shares = [(high - low) / 20 for low, high in itertools.pairwise([0, *cuts, draw.choice([19, 20, 21])])]
    return {}, [{"gpu": share, "cpus": draw.choice([0.5, 1, 2])} for share in shares]


def parts(draw: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Equal shares of the cards of one node, or of nodes of one card."""
    cards = draw.choice([{"count": 2}, {"nodes": 2}])
    share = draw.choice([0.3, 0.4, 0.5, 0.3333])
    return cards, [{"gpu": share, "cpus": draw.choice([0.5, 1]), "replicas": draw.randint(1, 2)} for _ in range(2)]


def fleet_of_parts(draw: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Equal shares on two nodes of two cards."""
    share = draw.choice([0.4, 0.5, 0.6, 0.7])
    models = [{"gpu": share, "cpus": draw.choice([1, 1.5, 2]), "replicas": draw.randint(1, 3)} for _ in range(2)]
    return {"count": 2, "nodes": 2}, models


def whole(draw: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Whole cards, of one node or two."""
    counts = [draw.choice([1, 2]) for _ in range(2)]
    models = [{"gpus": count, "tensorParallel": count, "replicas": draw.randint(1, 2)} for count in counts]
    return {"count": draw.randint(2, 4), "nodes": draw.choice([1, 1, 2])}, models


def spanning(draw: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A model over nodes beside one that has a card."""
    wide = {"gpus": 3, "tensorParallel": 3, "span": True, "cpus": draw.choice([1, 2])}
    return {"count": 2, "nodes": 2}, [wide, {"gpu": 1, "cpus": draw.choice([1, 2, 3])}]


def without_a_gpu(draw: random.Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Memory of nodes, which Ray does not count."""
    node = {"vendor": "cpu", "resource": None, "nodes": draw.choice([1, 2])}
    models = [
        {"memory": draw.choice(["2Gi", "3Gi", "5Gi"]), "cpus": draw.choice([1, 2, 3]), "replicas": draw.randint(1, 2)}
        for _ in range(2)
    ]
    return node, models


KINDS: tuple[Draw, ...] = (one_card, parts, fleet_of_parts, whole, spanning, without_a_gpu)


def drawn(seed: int) -> dict[str, Any]:
    """Some accelerators of each kind with models of their own."""
    draw = random.Random(seed)  # noqa: S311
    values: dict[str, Any] = {"accelerators": {}, "models": {}}
    for order, (kind, number) in enumerate(itertools.product(KINDS, range(CANDIDATES))):
        name = f"{kind.__name__.replace('_', '')}-{number}"
        accelerator, models = kind(draw)
        device = {"vendor": "cuda", "resource": "nvidia.com/gpu", "memory": "8Gi", "reserve": "512Mi", "order": order}
        whole = {**device, **accelerator}
        values["accelerators"][name] = {key: value for key, value in whole.items() if value is not None}
        for letter, model in zip("abc", models, strict=False):
            entry = {"task": "tts", "engine": "fake", "source": {"path": "/"}, "accelerator": name, **model}
            values["models"][f"{name}-{letter}"] = entry
    return values


def without(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    accelerators = {name: entry for name, entry in values["accelerators"].items() if name not in names}
    models = {name: entry for name, entry in values["models"].items() if entry["accelerator"] in accelerators}
    return {"accelerators": accelerators, "models": models}


def accepted(values: dict[str, Any]) -> dict[str, Any]:
    """Without the accelerators that the chart refuses, of which it tells all at once."""
    while True:
        try:
            render(values)
        except ConfigurationError as refused:
            names = set(NAMED.findall(refused.message))
            assert names, refused.message
            values = without(values, names)
        else:
            return values


def fullest(values: dict[str, Any]) -> dict[str, Any]:
    """The accelerator of each kind that has the least room left."""
    racks = {rack.accelerator: rack for rack in Manifest.of(render(values).documents).ledger}

    def left(name: str) -> float:
        return sum(card.free for _, card in racks[name].numbered())

    by_kind: dict[str, list[str]] = defaultdict(list)
    for name in racks:
        by_kind[name.partition("-")[0]].append(name)
    kept = {min(names, key=left) for names in by_kind.values()}
    return without(values, set(racks) - kept)


@pytest.fixture(scope="module")
def candidates() -> dict[str, Any]:
    return drawn(seed=6)


@pytest.fixture(scope="module")
def fleet(candidates: dict[str, Any]) -> Rendered:
    return render(fullest(accepted(candidates)))


def nodes(fleet: Rendered) -> list[dict[str, Any]]:
    """What Ray is told of each pod."""
    return [
        {"num_cpus": group.num_cpus, "num_gpus": group.num_gpus, "resources": dict(group.resources)}
        for group in Manifest.of(fleet.documents).workers
        for _ in range(fleet.groups[group.name]["maxReplicas"])
    ]


def wanted(fleet: Rendered) -> list[dict[str, Any]]:
    """What each replica asks of Ray, as Serve does for it."""
    manifest = Manifest.of(fleet.documents)
    found = []
    for model in manifest.models:
        (deployment,) = fleet.applications[model]["deployments"]
        one = {
            "model": model,
            "options": resources(manifest.args(model)),
            "bundles": deployment.get("placement_group_bundles"),
            "strategy": deployment.get("placement_group_strategy"),
        }
        found += [one] * manifest.replicas[model]["max_replicas"]
    return found


def test_of_random_fleets_some_of_each_kind_are_accepted_and_others_refused(candidates: dict[str, Any]) -> None:
    kept = accepted(candidates)["accelerators"]
    assert {name.partition("-")[0] for name in kept} == {kind.__name__.replace("_", "") for kind in KINDS}
    assert len(kept) < len(candidates["accelerators"])


def test_every_packing_starts_in_any_order_and_no_card_holds_more_than_it_has(fleet: Rendered) -> None:
    replicas = wanted(fleet)
    asked = json.dumps({"nodes": nodes(fleet), "replicas": replicas})
    command = [sys.executable, "-m", "tests.serve.arrivals", str(ORDERS)]
    with tempfile.TemporaryDirectory(prefix="ai-", dir="/tmp") as folder:  # Socket paths must be short.
        env = {**os.environ, **OTHER_THAN_PODS, **RAY, "RAY_TMPDIR": folder}
        done = subprocess.run(
            command, input=asked, capture_output=True, text=True, env=env, check=False, preexec_fn=end_with_parent
        )
    assert not done.returncode, done.stderr[-3000:]
    orders = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[{")]
    actors = sum(len(one["bundles"] or [0]) for one in replicas)
    assert [len(order) for order in orders] == [actors] * ORDERS
    for order in orders:
        must_fit(order, Manifest.of(fleet.documents))


def must_fit(order: list[dict[str, Any]], manifest: Manifest) -> None:
    """Each card by what Ray put on it."""
    racks: dict[str, Rack] = {rack.accelerator: rack for rack in manifest.ledger}
    shares: dict[tuple[str, str], float] = defaultdict(float)
    memory: dict[tuple[str, str], int] = defaultdict(int)
    for one in order:
        place = manifest.args(one["model"]).placement
        for gpu in one["gpus"] or ["memory"]:
            shares[one["node"], gpu] += min(1, place.num_gpus)
            memory[one["node"], gpu] += place.memory
            usable = racks[place.accelerator].memory - racks[place.accelerator].reserve
            assert memory[one["node"], gpu] <= usable, one
    assert max(shares.values()) <= 1.0 + 1e-9
