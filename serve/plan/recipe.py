"""Commands for what the operator leaves undone: a plan goes in, a line for the shell comes out."""

import json
from collections.abc import Mapping
from typing import Any

from serve.plan.demand import HEAD
from serve.plan.plan import Before, Plan
from serve.plan.tree import Difference

ACTIVE = "jsonpath={.status.activeServiceStatus.rayClusterName}"


def carried_over(plan: Plan, release: str, namespace: str) -> str:
    """Writes into the RayCluster what the operator does not look at, which therefore stays there."""
    patch = json.dumps([_step(one, plan) for one in plan.cluster.unhashed])
    name = _name(plan.before, release, namespace)
    return f"kubectl --namespace {namespace} patch rayclusters.ray.io {name} --type=json --patch '{patch}'"


def _step(one: Difference, plan: Plan) -> Mapping[str, Any]:
    group, _, rest = one.path.partition(".")
    place = "headGroupSpec" if group == HEAD else f"workerGroupSpecs/{_index(group, plan)}"
    path = f"/spec/{place}/{rest.replace('.', '/')}"
    return {"op": "remove", "path": path} if one.new is None else {"op": "add", "path": path, "value": one.new}


def _index(group: str, plan: Plan) -> int:
    groups = plan.before.cluster["workerGroupSpecs"] if plan.before else []
    return [one["groupName"] for one in groups].index(group)


def _name(before: Before | None, release: str, namespace: str) -> str:
    found = before.name if before else ""
    return found or f"$(kubectl --namespace {namespace} get rayservices.ray.io {release} --output {ACTIVE})"
