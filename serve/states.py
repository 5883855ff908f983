"""The state of each model: asked at its own path, and of Serve's controller where no replica answers.

`ok`, `starting` (Serve has no replica that answers yet) or `unavailable`; the last two with the reason.
"""

import asyncio
import json
from collections.abc import Iterable

import aiohttp
from ray import serve as ray_serve

from serve.errors import ModelStarting
from serve.forward import Forwarder

TIMEOUT = 2.0  # Serve lets a request wait for a replica; a look at the state does not.
State = dict[str, str]


async def states(forwarder: Forwarder, models: Iterable[str]) -> dict[str, State]:
    """By model; asks all at once."""
    names = list(models)
    found = await asyncio.gather(*(_asked(forwarder, name) for name in names))
    silent = [name for name, state in zip(names, found, strict=True) if state is None]
    known = await asyncio.to_thread(_known_to_serve) if silent else {}
    return {
        name: state or known.get(name, {"status": "unavailable", "reason": "Serve does not know this application"})
        for name, state in zip(names, found, strict=True)
    }


async def _asked(forwarder: Forwarder, model: str) -> State | None:
    try:
        status, body = await forwarder.get(f"/{model}/health", TIMEOUT)
        if status == 200:
            return {"status": "ok"}
        error = json.loads(body)["error"]
        return None if error["code"] == ModelStarting.code else {"status": "unavailable", "reason": error["message"]}
    except (TimeoutError, aiohttp.ClientError, ValueError, LookupError, TypeError):
        return None


def _known_to_serve() -> dict[str, State]:
    found = {}
    for name, application in ray_serve.status().applications.items():
        replicas = [deployment.message for deployment in application.deployments.values()]
        reason = "; ".join(said for said in (application.message, *replicas) if said) or application.status.value
        if application.status.value == "RUNNING":  # Too busy to say so itself in time.
            found[name] = {"status": "ok"}
            continue
        failed = application.status.value in ("DEPLOY_FAILED", "UNHEALTHY")
        found[name] = {"status": "unavailable" if failed else "starting", "reason": reason}
    return found
