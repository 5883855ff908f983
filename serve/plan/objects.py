"""What Helm itself adds, changes and removes beside the RayService: documents go in, kinds and names come out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serve.plan.tree import canonical


@dataclass(frozen=True)
class ObjectChanges:
    """Such as `Service whisper-predictor`."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def compared(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> ObjectChanges:
    """From one render of the chart to another."""
    was, will = _by_name(old), _by_name(new)
    return ObjectChanges(
        added=tuple(name for name in will if name not in was),
        changed=tuple(name for name in will if name in was and canonical(was[name]) != canonical(will[name])),
        removed=tuple(name for name in was if name not in will),
    )


def _by_name(documents: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    others = (one for one in documents if one["kind"] != "RayService" and not _is_hook(one))
    return {f"{one['kind']} {one['metadata']['name']}": dict(one) for one in others}


def _is_hook(document: Mapping[str, Any]) -> bool:
    """Such as the pod of `helm test`, which is there while it runs."""
    return "helm.sh/hook" in (document["metadata"].get("annotations") or {})
