"""The state of each model: asked at its own path, and of Serve's controller where no replica answers.

`ok`, `starting` (Serve has no replica that answers yet) or `unavailable`; the last two with the reason, as is `ok` on
the `device` that was the second choice. A model that rests, with no replica until somebody asks for it, is not asked:
that would wake it.
"""

import asyncio
import json
from collections.abc import Mapping

import aiohttp
from ray import serve as ray_serve

from serve.errors import ModelStarting
from serve.forward import Forwarder
from serve.replicas import present
from serve.routing import answering
from serve.table import Entry

TIMEOUT = 2.0  # Serve lets a request wait for a replica; a look at the state does not.
FAILED = ("DEPLOY_FAILED", "UNHEALTHY")
State = dict[str, str]
UNROUTED: State = {"status": "starting", "reason": "the proxy does not lead to it yet"}
RESTS: State = {"status": "ok", "reason": "it rests, and starts when it is asked for"}
SILENT: State = {"status": "starting", "reason": f"no answer within {TIMEOUT:g} seconds"}


async def states(forwarder: Forwarder, models: Mapping[str, Entry], headers: Mapping[str, str]) -> dict[str, State]:
    """By model; asks all at once, with `headers` by which models tell their reasons."""
    resting = await asyncio.to_thread(_resting, models)
    names = [name for name in models if name not in resting]
    asked = dict(zip(names, await asyncio.gather(*(_asked(forwarder, name, headers) for name in names)), strict=True))
    found = {name: asked.get(name, RESTS) for name in models}
    if all(state["status"] != "starting" for state in found.values()):
        return found
    known = await asyncio.to_thread(_known_to_serve)
    return {name: _judged(state, *known.get(name, ("", ""))) for name, state in found.items()}


async def _asked(forwarder: Forwarder, model: str, headers: Mapping[str, str]) -> State:
    try:
        status, body = await forwarder.get(f"/{model}/health", TIMEOUT, headers)
        if status == 200:
            known = json.loads(body)
            return {"status": "ok", **{key: known[key] for key in ("device", "reason") if key in known}}
        error = json.loads(body)["error"]
        return (
            UNROUTED if error["code"] == ModelStarting.code else {"status": "unavailable", "reason": error["message"]}
        )
    except (TimeoutError, aiohttp.ClientError, ValueError, LookupError, TypeError):
        return SILENT


def _judged(state: State, status: str, reason: str) -> State:
    """What a replica has said of itself, else what Serve knows of its application."""
    if state not in (UNROUTED, SILENT):
        return state
    if not status or status in FAILED:
        return {"status": "unavailable", "reason": reason or "Serve does not know this application"}
    if (
        status == "RUNNING"
    ):  # A replica that is silent is busy; one that cannot be reached is not there for clients yet.
        return {"status": "ok"} if state is SILENT else state
    return {"status": "starting", "reason": reason}


def _resting(models: Mapping[str, Entry]) -> set[str]:
    """Those that have no replica, and somewhere to have one."""
    may = {name for name, one in models.items() if one.rests == "nodes" or (one.rests and present(one.accelerator))}
    found = ray_serve.status().applications if may else {}
    return {
        name
        for name in may & set(found)
        if found[name].status.value == "RUNNING"
        and not any(deployment.replica_states for deployment in answering(found[name].deployments))
    }


def _known_to_serve() -> dict[str, tuple[str, str]]:
    """Status and reason of each application."""
    found = {}
    for name, application in ray_serve.status().applications.items():
        messages = [application.message, *(deployment.message for deployment in application.deployments.values())]
        reason = "; ".join(filter(None, messages)) or application.status.value
        found[name] = (application.status.value, reason)
    return found
