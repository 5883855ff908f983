"""What Serve does about a change of serveConfigV2: the old and the new go in, what becomes of each model comes out.

A change reaches the running cluster without a new pod: Serve starts what is new, stops what is gone, and replaces the
replicas of a model whose arguments changed; where only their number does, those that stay are left alone. The gateway
takes a new table of models without being replaced.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from serve.plan.tree import Difference, differences

GATEWAY = "gateway"
# Read once, when Serve starts.
FIXED = ("http_options", "proxy_location", "grpc_options")
SCALING = {
    "initial_replicas": "min",
    "max_replicas": "max",
    "target_ongoing_requests": "targetOngoingRequests",
    "upscale_delay_s": "upscaleDelay",
    "downscale_delay_s": "downscaleDelay",
}


@dataclass(frozen=True)
class ModelChanges:
    """By name, in the order of the values."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[Difference, ...]] | None = None
    """The arguments that differ."""
    gateway: str = ""
    """`ledger` when only what it says of cards changes, `table` its table of models, `replaced` when more does."""
    fixed: tuple[Difference, ...] = ()
    """What Serve reads when it starts and not again."""

    def __bool__(self) -> bool:
        """Whether requests see something of it."""
        return bool(self.added or self.removed or self.changed or self.gateway not in ("", "ledger"))


def compared(old: str, new: str) -> ModelChanges:
    """The change from one serveConfigV2 to another."""
    before, after = yaml.safe_load(old) or {}, yaml.safe_load(new) or {}
    was, will = _applications(before), _applications(after)
    gateway = _gateway(was.pop(GATEWAY, {}), will.pop(GATEWAY, {}))
    pairs = {name: tuple(_arguments(was[name], will[name])) for name in will if name in was}
    fixed = [differences(before.get(key), after.get(key), key) for key in FIXED]
    return ModelChanges(
        added=tuple(name for name in will if name not in was),
        removed=tuple(name for name in was if name not in will),
        changed={name: found for name, found in pairs.items() if found},
        gateway=gateway,
        fixed=tuple(one for found in fixed for one in found),
    )


def _applications(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {application["name"]: application for application in config.get("applications", [])}


def _arguments(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """By the keys of the values file: the arguments without the layer around them, then what is beside them."""
    bare = {"args": None, "deployments": None}
    beside = differences({**old, **bare, **_scaling(old)}, {**new, **bare, **_scaling(new)})
    return [*differences(old.get("args", {}), new.get("args", {})), *beside]


def _scaling(application: Mapping[str, Any]) -> dict[str, Any]:
    """What the chart has turned into options of Serve's deployment: replicas or their bounds, limits, origins."""
    deployment = application.get("deployments", [{}])[0]
    options, access = deployment.get("autoscaling_config", {}), deployment.get("user_config") or {}
    bounds = {name: options[key] for key, name in SCALING.items() if key in options}
    patience = options.get("policy", {}).get("policy_kwargs", {}).get("patience")
    number = bounds.get("max")
    replicas = number if bounds.get("min") == number else bounds
    return {
        "replicas": replicas,
        "patience": patience,
        "limits": access.get("limits"),
        "origins": access.get("origins"),
    }


def scaled_only(found: Iterable[Difference]) -> bool:
    """Whether only the number of replicas changes, or what clients may do, so that those that stay are left alone."""
    return all(one.path.split(".")[0] in ("replicas", "patience", "limits", "origins") for one in found)


def _gateway(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if old == new:
        return ""
    if _without_table(old) != _without_table(new):
        return "replaced"
    return "ledger" if _table(old) == _table(new) else "table"


def _without_table(gateway: Mapping[str, Any]) -> dict[str, Any]:
    deployments = [{**one, "user_config": None} for one in gateway.get("deployments", [])]
    return {**gateway, "deployments": deployments}


def _table(gateway: Mapping[str, Any]) -> dict[str, Any]:
    """By which it answers, without what it only says of cards."""
    deployments = gateway.get("deployments") or [{}]
    table: Mapping[str, Any] = deployments[0].get("user_config") or {}
    return {key: value for key, value in table.items() if key != "ledger"}
