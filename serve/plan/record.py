"""A plan and its budgets go in, plain data for other programs comes out: the JSON of `ai-inference plan --json`."""

from collections.abc import Iterable
from typing import Any

from serve.ledger import Rack
from serve.plan.budgets import Budgets
from serve.plan.nodes import Place
from serve.plan.plan import Plan
from serve.plan.tree import Difference


def record(plan: Plan, found: Budgets) -> dict[str, Any]:
    """Names in camelCase, as in the values."""
    return {
        "verdict": plan.verdict,
        "comparedWith": plan.before.name if plan.before else None,
        "upgrading": bool(plan.before and plan.before.upgrading),
        "serving": bool(plan.before and plan.before.serving),
        "pods": {
            "changed": _differences(plan.cluster.hashed),
            "ignored": _differences(plan.cluster.unhashed),
            "appended": list(plan.cluster.appended),
            "start": [pod.group for pod in plan.starts],
            "devices": {name: int(number) for name, number in plan.devices.items()},
        },
        "models": _models(plan),
        "objects": {name: list(getattr(plan.objects, name)) for name in ("added", "changed", "removed")},
        "nodes": _nodes(plan),
        "cards": [_rack(rack) for rack in plan.ledger],
        "budgets": _budgets(found),
    }


def _models(plan: Plan) -> dict[str, Any]:
    return {
        "added": list(plan.models.added),
        "changed": {name: _differences(found) for name, found in (plan.models.changed or {}).items()},
        "removed": list(plan.models.removed),
        "gateway": plan.models.gateway or None,
    }


def _budgets(found: Budgets) -> dict[str, Any]:
    short = {
        name: {"memory": memory, "estimated": estimate.total, "proposed": estimate.memory}
        for name, (memory, estimate) in found.short.items()
    }
    return {"short": short, "unknown": dict(found.unknown)}


def _nodes(plan: Plan) -> dict[str, Any]:
    known = not plan.unknown and (bool(plan.waiting) or not plan.claims)
    enough = not plan.waiting if known else None
    return {"enough": enough, "unknown": plan.unknown or None, "places": [_place(one) for one in plan.places]}


def _place(place: Place) -> dict[str, Any]:
    claim = place.pod.claim and place.pod.claim.name
    return {"group": place.pod.group, "node": place.node or None, "reason": place.reason or None, "claim": claim}


def _rack(rack: Rack) -> dict[str, Any]:
    cards = [
        {
            "node": number // rack.count,
            "free": card.free,
            "models": [one.model_dump() for one in card.slices],
        }
        for number, card in rack.numbered()
    ]
    return {"accelerator": rack.accelerator, "resource": rack.resource, "memory": rack.memory, "cards": cards}


def _differences(found: Iterable[Difference]) -> list[dict[str, Any]]:
    return [{"path": one.path, "old": one.old, "new": one.new} for one in found]
