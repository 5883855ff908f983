"""What the pods are: values of the images, the head, Redis, upgrades and the account go in, typed."""

from typing import Annotated, Any, Literal

from pydantic import Field

from serve.quantity import Quantity
from serve.values import Closed

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Image(Closed):
    """Where the images come from."""

    repository: str
    """Registry and path, without tag and vendor."""
    tag: str = ""
    """Default: the chart's appVersion. The vendor follows it: repository:tag-vendor."""
    digests: dict[str, Digest] = {}
    """Per vendor; a digest wins over the tag."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When a node pulls."""
    pull_secrets: tuple[str, ...] = ()
    """Secrets that hold the registry's credentials."""
    user: int = Field(1000, ge=1)
    """User and group id that the images run as; a hostPath cache must belong to it."""
    read_only: tuple[str, ...] = ()
    """Vendors whose pods cannot write into their image."""


class Head(Closed):
    """The pod of Ray's control plane and of the gateway. It takes no model."""

    vendor: str = "cpu"
    """The folder of images/ that it runs."""
    cpus: float = Field(2, gt=0)
    """CPU cores of the pod."""
    ram: Quantity = "4Gi"
    """RAM of the pod."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes that may have it."""
    tolerations: tuple[dict[str, Any], ...] = ()
    """Taints of those nodes that it may ignore."""
    env: dict[str, str] = {}
    """Environment."""


class Redis(Closed):
    """Where Ray's control plane keeps what it knows."""

    address: Annotated[str, Field(pattern=r"^((rediss?://)?[^/@]+:[0-9]+)?$")] = ""
    """host:port, or rediss://host:port for TLS; none: in the head's memory."""
    existing_secret: str = ""
    """Secret that holds the password; none: it asks for none."""
    key: str = "password"
    """Its key."""


class Upgrade(Closed):
    """What a change of pods does to the running cluster."""

    strategy: str
    """recreate or newCluster."""
    patience: int = Field(240, ge=1)
    """Seconds that the hook of recreate waits until the new cluster serves."""
    drain_timeout: int = Field(30, ge=0)
    """Seconds that a pod which ends goes on with what it has begun."""


class Tests(Closed):
    """The pod of `helm test`, which sends each model requests and looks at the answers."""

    enabled: bool = True
    """False makes none."""
    patience: int = Field(120, ge=0)
    """Seconds that models may take until they are there."""


class ServiceAccount(Closed):
    """Under which the pods run."""

    create: bool = True
    """False: it exists."""
    name: str = ""
    """Default: the release's name."""
    annotations: dict[str, str] = {}
    """Such as a cloud's workload identity."""
