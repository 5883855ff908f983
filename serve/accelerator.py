"""An entry of `accelerators` as a type: which GPUs its nodes have, and the pods that run there.

The chart turns it into a worker group; a `Placement` (serve/values.py) is all that a model learns of it.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from serve.quantity import Quantity
from serve.values import Closed, Limit

NAME = r"^[a-z]([-a-z0-9]{0,29}[a-z0-9])?$"
DNS_NAME = r"^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"


class Cache(Closed):
    """Where an accelerator keeps fetched models: one of three, else an emptyDir that a restart empties."""

    host_path: str | None = None
    """A folder on the node."""
    claim: dict[str, Any] | None = None
    """A PersistentVolumeClaim spec; the chart makes the claim and keeps it on uninstall."""
    existing_claim: str | None = None
    """The name of a claim that exists."""
    prefetch: bool = False
    """Whether a Job fetches the models there before a replica asks for them."""


class Scaling(Closed):
    """Bounds between which KubeRay's autoscaler keeps the nodes of a group."""

    min: int = Field(0, ge=0, description="Nodes at least.")
    max: int = Field(ge=1, description="Nodes at most.")


class Claim(Closed):
    """Devices by Dynamic Resource Allocation: of a device class, or as a template that exists asks for them."""

    device_class: str | None = Field(None, pattern=DNS_NAME)
    """The DeviceClass, such as gpu.nvidia.com; `count` of its devices are claimed for each node."""
    selectors: tuple[str, ...] = ()
    """CEL expressions that a device must meet, such as `device.attributes["gpu.nvidia.com"].type == "gpu"`."""
    sharing: Literal["timeSlicing", "spacePartitioning"] | None = None
    """How the driver shares a device among processes; none leaves it as it is."""
    parameters: dict[str, Any] = {}
    """The driver's own object, with apiVersion and kind, instead of `sharing`."""
    driver: str | None = Field(None, pattern=DNS_NAME)
    """Who reads them; default: the device class's name."""
    shared: Annotated[str, Field(pattern=NAME)] | None = None
    """One device for all nodes of all accelerators that name it so, which are then pods of one node."""
    template: str | None = Field(None, pattern=DNS_NAME)
    """A ResourceClaimTemplate that exists, instead of all else."""


class Accelerator(Closed):
    """An entry of `accelerators`: one kind of GPU, one worker group, one Ray custom resource."""

    vendor: str
    """The folder of images/ that its pods run: cpu, cuda, rocm or xpu."""
    resource: str | None = None
    """The resource that the device plugin offers, such as nvidia.com/gpu; none for vendor cpu."""
    claim: Claim | None = None
    """Devices by Dynamic Resource Allocation, instead of `resource`."""
    count: int = Field(1, ge=1)
    """GPUs per node."""
    memory: Quantity
    """Memory per GPU; for vendor cpu the RAM that models may take."""
    reserve: Quantity = "0"
    """Kept free on each GPU for driver and context."""
    limit: Limit | None = None
    """What holds models to their budgets by force, beside their engines: NVIDIA's MPS each of them, HAMi the pod."""
    nodes: Annotated[int, Field(ge=1)] | Scaling = 1
    """How many such nodes, or bounds for the autoscaler."""
    patience: int = Field(300, ge=0)
    """Seconds that a cluster which starts waits for such a node, before it serves the other models without it."""
    order: int = Field(ge=0)
    """Unique position of the worker group; a new one takes the highest, so that it is appended and not inserted."""
    cpus: float = Field(4, gt=0)
    """CPU cores of the pod."""
    ram: Quantity = "16Gi"
    """RAM of the pod."""
    cache: Cache = Cache()
    """Where fetched models are kept."""
    node_selector: dict[str, str] = {}
    """Labels of the nodes that have it."""
    tolerations: tuple[dict[str, Any], ...] = ()
    """Taints of those nodes that its pods may ignore."""
    groups: tuple[int, ...] = ()
    """Group ids of the nodes that own the GPU's device files, such as render; the pods run without root."""
    runtime_class_name: str | None = None
    """Container runtime, such as nvidia."""
    env: dict[str, str] = {}
    """Environment of its pods, such as HSA_OVERRIDE_GFX_VERSION."""
