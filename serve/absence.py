"""What Serve's controller knows of a model that does not answer: its name goes in, whether and how to wait comes out.

Each of these asks the controller, and so blocks; none raises where that is away for a moment, as waiting goes on then.
"""

import math
import threading
import time
from typing import Any

from pydantic.alias_generators import to_camel
from ray.exceptions import RayError
from ray.serve.context import _get_global_client
from ray.serve.exceptions import RayServeException

from serve.errors import ModelStarting, ModelUnavailable
from serve.replicas import present
from serve.routing import answering
from serve.values import Served

LOOK_SECONDS = 0.5  # Most requests are answered before the first look, and cost nothing.
RETRY_AFTER = 5
RETRY_LATER = 60
BROUGHT_TO_NONE = {"AUTOSCALING", "DOWNSCALE_COMPLETED"}  # Not so after a node was lost, whose successor may be near.
AWAY = (RayError, RayServeException)


class _Look:
    """What the controller knows, asked at most every LOOK_SECONDS however many requests wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = -math.inf
        self._applications: dict[str, Any] = {}

    def applications(self) -> dict[str, Any]:
        with self._lock:
            if time.monotonic() - self._taken >= LOOK_SECONDS:
                self._applications = _get_global_client().get_serve_details()["applications"]
                self._taken = time.monotonic()
            return self._applications


LOOK = _Look()


def is_model(name: str) -> bool:
    """Whether the name at the front of a path is that of a model, and not of one of the gateway's own paths."""
    try:
        return name in LOOK.applications()
    except AWAY:
        return False  # The replica looks too.


def is_there(model: str) -> bool:
    """Whether a replica of the model runs, or of the gateway; and where nobody will wait for one."""
    try:
        application = _asked(model)
        return application is None or _answers(application)  # Serve refuses what it does not know.
    except AWAY:
        return False


def most(model: str) -> int | None:
    """As many requests may wait as one replica would take; None where one runs, and for what is no model."""
    try:
        application = LOOK.applications().get(model)
    except AWAY:
        return None
    if application is None or _answers(application):
        return None
    args = (application.get("deployed_app_config") or {}).get("args") or {}
    return sum(int(_said(args, name)) for name in ("max_ongoing_requests", "max_queued_requests")) if args else None


def _asked(model: str) -> Any:
    """The application that answers for it; all that is no model's leads to the gateway."""
    applications = LOOK.applications()
    return applications.get(model) or applications.get("gateway")


def lacking(model: str, waited: float) -> ModelUnavailable | None:
    """What to tell a client that has waited so many seconds; None while it may hope."""
    try:
        application = _asked(model)
        if application is None or _answers(application):
            return None
        config = application.get("deployed_app_config") or {}
        args = config.get("args", {})
        given_up = _given_up(application, args) if _has_policy(config) else None
        return given_up or _late(model, args, waited)
    except AWAY:
        return None


def _answers(application: dict[str, Any]) -> bool:
    deployments = answering(application["deployments"])
    return any(replica["state"] == "RUNNING" for deployment in deployments for replica in deployment["replicas"])


def _has_policy(config: dict[str, Any]) -> bool:
    """Whether the chart named ours; where KubeRay's autoscaler adds nodes, it comes to a model's aid."""
    return any("policy" in (one.get("autoscaling_config") or {}) for one in config.get("deployments", ()))


def _given_up(application: dict[str, Any], args: dict[str, Any]) -> ModelUnavailable | None:
    """Serve wants no replica, as no node has had the accelerator for long (serve/replicas.py)."""
    accelerator = args.get("placement", {}).get("accelerator")
    triggers = {deployment["status_trigger"] for deployment in answering(application["deployments"])}
    if application["status"] != "RUNNING" or not triggers & BROUGHT_TO_NONE or not accelerator or present(accelerator):
        return None
    said = f"model {args['model']!r}: no node has accelerator {accelerator!r}; the model starts when one joins"
    return ModelUnavailable(said, retry_after=RETRY_LATER)


def _said(args: dict[str, Any], field: str) -> Any:
    return args.get(to_camel(field), Served.model_fields[field].default)


def _late(model: str, args: dict[str, Any], waited: float) -> ModelStarting | None:
    bound = float(_said(args, "queue_timeout"))
    if waited < bound:
        return None
    said = f"model {model!r} has had no replica for {bound:g} seconds; send the request again later"
    return ModelStarting(said, retry_after=RETRY_AFTER)
