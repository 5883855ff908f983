"""Which ways lead in and out: values of the policies, the Ingress and the route, typed."""

from typing import Annotated, Any

from pydantic import Field

from serve.values import Closed


class Peer(Closed):
    """Pods or addresses, as a NetworkPolicy names them."""

    pod_selector: dict[str, Any] | None = None
    """Labels of pods; without a namespace selector those of the release's namespace."""
    namespace_selector: dict[str, Any] | None = None
    """Labels of their namespaces; {} is every one."""
    ip_block: dict[str, Any] | None = None
    """Addresses: cidr, and except."""


class Egress(Closed):
    """What the pods may connect to."""

    limited: bool = False
    """True: beside each other, names and Redis only what the rules say."""
    rules: tuple[dict[str, Any], ...]
    """As a NetworkPolicy has them under `egress`."""


class Network(Closed):
    """Who reaches the pods."""

    policies: bool = True
    """False makes no NetworkPolicy."""
    clients: tuple[Peer, ...]
    """Who may send requests."""
    operator: tuple[Peer, ...]
    """KubeRay's operator."""
    prometheus: tuple[Peer, ...]
    """Who reads metrics."""
    egress: Egress
    """What they reach."""


class Ingress(Closed):
    """A way in by an ingress controller."""

    enabled: bool = False
    """True makes an Ingress."""
    class_name: str = ""
    """Which controller; none: the cluster's default."""
    hosts: tuple[str, ...] = ()
    """Names that lead here; none: any."""
    tls_secret: str = ""
    """Secret with their certificate; none: no TLS."""
    annotations: dict[str, str] = {}
    """What the controller reads."""


class Route(Closed):
    """A way in by a Gateway."""

    enabled: bool = False
    """True makes an HTTPRoute."""
    parent_refs: tuple[dict[str, Any], ...] = ()
    """Gateways, as an HTTPRoute names them."""
    hostnames: tuple[str, ...] = ()
    """Names that lead here; none: those of the listener."""
    timeout: Annotated[str, Field(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$")] = "1h"
    """How long an answer may take; 0s: for ever."""
    annotations: dict[str, str] = {}
    """What the controller reads."""
