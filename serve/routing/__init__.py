"""Which replica of a language model answers: a request's beginning or session goes in, the name of a replica comes out.

HAProxy asks `router` before each POST, by a Lua action of Ray's, and then goes to that replica itself, so that an
answer takes no further step. `key` reads what a request is routed by, `seen` knows who has had which beginning, `loads`
how much each has to do, both in a `table` that the routers of a node share, and `choice` decides.
"""

from collections.abc import Mapping
from typing import TypeVar

Deployment = TypeVar("Deployment")
ROUTER = "Router"


def answering(deployments: Mapping[str, Deployment]) -> list[Deployment]:
    """Those of an application, by name, that answer its clients: all but the router."""
    return [deployment for name, deployment in deployments.items() if name != ROUTER]
