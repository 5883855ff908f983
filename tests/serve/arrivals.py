"""Replicas as plain Ray tasks: nodes and what replicas ask of Ray go in, where it puts them in each order comes out.

A task is placed as an actor is, and its process serves the next order too, where an actor's would be started anew. It
is a program of its own, `python -m tests.serve.arrivals ORDERS`, as the environment of a Ray process must be there
before Ray is imported. It reads and writes JSON; a replica that finds no place ends it.
"""

import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

PATIENCE = 300
LOOK_SECONDS = 0.05
OBJECT_STORE_BYTES = 80 * 2**20
HEAD = {"num_cpus": 0, "num_gpus": 0, "include_dashboard": False}
ATTEMPTS = 10
STRATEGIES = ("SPREAD", "DEFAULT")  # Serve's own, and that of RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY.


def hold(place: str) -> None:
    """Writes which GPUs of which node it was given, and holds them until that is taken away."""
    context = ray.get_runtime_context()
    given = {"node": context.get_node_id(), "gpus": context.get_accelerator_ids()["GPU"]}
    written = Path(f"{place}.written")
    written.write_text(json.dumps(given))
    written.rename(place)
    while Path(place).exists():
        time.sleep(LOOK_SECONDS)


HOLD = ray.remote(max_calls=0, max_retries=0)(hold)  # Ray else ends the process of a task with GPUs.


def placed(replicas: Sequence[Mapping[str, Any]], strategy: str) -> list[dict[str, Any]]:
    """One order, from the first to the last, until all are alive; then they end."""
    groups: list[PlacementGroup] = []
    asked = [(one["model"], options) for one in replicas for options in _asked(one, strategy, groups)]
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / str(number) for number in range(len(asked))]
        held = [HOLD.options(**how).remote(str(place)) for place, (_, how) in zip(places, asked, strict=True)]
        _until(lambda: all(place.exists() for place in places))
        found = [{"model": model, **json.loads(at.read_text())} for at, (model, _) in zip(places, asked, strict=True)]
        for place in places:
            place.unlink()
        ray.get(held)
    for group in groups:
        remove_placement_group(group)
    _until(_free)
    return found


def _asked(replica: Mapping[str, Any], strategy: str, groups: list[PlacementGroup]) -> Iterator[dict[str, Any]]:
    """The options of its process, or of one for each bundle of a placement group."""
    if not replica["bundles"]:
        yield {**replica["options"], "scheduling_strategy": strategy}
        return
    groups.append(placement_group(replica["bundles"], strategy=replica["strategy"]))
    for number, bundle in enumerate(replica["bundles"]):
        rest = dict(bundle)
        options = {"num_cpus": rest.pop("CPU", 0), "num_gpus": rest.pop("GPU", 0), "resources": rest}
        yield {**options, "scheduling_strategy": PlacementGroupSchedulingStrategy(groups[-1], number)}


def _free() -> bool:
    """Whether Ray has everything back."""
    there, free = ray.cluster_resources(), ray.available_resources()
    return all(free.get(name, 0) >= there.get(name, 0) for name in ("CPU", "GPU"))


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a replica found no place")
        time.sleep(LOOK_SECONDS)


def _join(cluster: Cluster, node: Mapping[str, Any]) -> None:
    """Tries again, as Ray gives the agents of a node 15 seconds, which they miss on a busy machine."""
    for attempt in range(ATTEMPTS):
        try:
            cluster.add_node(**node, include_log_monitor=False, object_store_memory=OBJECT_STORE_BYTES)
            return
        except Exception:
            if attempt + 1 == ATTEMPTS:
                raise


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that Ray's processes end with it.
    (orders,) = sys.argv[1:]
    asked = json.load(sys.stdin)
    cluster = Cluster()
    for node in [HEAD, *asked["nodes"]]:
        _join(cluster, node)
    ray.init(address=cluster.address, log_to_driver=False)
    for order in range(int(orders)):
        random.Random(order).shuffle(asked["replicas"])  # noqa: S311
        print(json.dumps(placed(asked["replicas"], STRATEGIES[order % 2])), flush=True)
