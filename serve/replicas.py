"""How many replicas a model should have: what Serve knows of its load goes in, a number comes out.

KubeRay makes the Service, and moves it to a new cluster, only when every application is RUNNING, and one that waits for
a node never is. So a model whose accelerator no node has is given up after `patience` seconds: with no replica at all
Serve counts it as RUNNING, and the others are served. Its replicas start when the node comes. Serve's controller loads
the policy that the chart names for each deployment (docs.ray.io/en/latest/serve/advanced-guides/advanced-autoscaling).
"""

import time
from typing import Any

import ray
from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy
from ray.serve.config import AutoscalingContext

LOOK_SECONDS = 1.0


class Replicas:
    """Serve's own policy, but none where the accelerator has been missed for long, and else at least the first number.

    That is no argument, as Serve takes other arguments of a policy for another application and builds that anew.
    """

    def __init__(self, accelerator: str, patience: float) -> None:
        self._accelerator = accelerator
        self._patience = patience
        self._seen = self._looked = time.monotonic()

    def __call__(self, context: AutoscalingContext) -> tuple[float, dict[str, Any]]:
        if self._given_up():
            return 0, {}
        wanted, state = replica_queue_length_autoscaling_policy(context)
        return max(wanted, context.config.initial_replicas), state

    def _given_up(self) -> bool:
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._seen = now if present(self._accelerator) else self._seen
        return now - self._seen > self._patience


def present(accelerator: str) -> bool:
    """Whether some node of the cluster has it."""
    return bool(ray.cluster_resources().get(accelerator, 0))
