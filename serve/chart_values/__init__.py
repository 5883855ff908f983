"""The chart's values as a type: what serve/values.py says about models and accelerators, and what only the chart reads.

`python -m serve.schema` turns `Values` into charts/ai-inference/values.schema.json. Rules across keys are not here: the
chart itself says them, with the entry and the way out (templates/_validate*.tpl).
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from serve import accelerator
from serve.accelerator import Accelerator
from serve.chart_values.access import Aliases, Auth, Dashboard, HuggingFace
from serve.chart_values.monitoring import Monitoring
from serve.chart_values.network import Ingress, Network, Route
from serve.chart_values.pods import Head, Image, Redis, ServiceAccount, Tests, Upgrade
from serve.job import Job
from serve.values import MODEL_NAME, Closed, Model

CHART = Path(__file__).parents[2] / "charts" / "ai-inference"
AcceleratorName = Annotated[str, Field(pattern=accelerator.NAME)]


class Values(Closed):
    """Everything that `helm install -f` may say."""

    accelerators: dict[AcceleratorName, Accelerator] = {}
    """The GPUs there are, by a name of your choice."""
    models: dict[Annotated[str, Field(pattern=MODEL_NAME)], Model] = {}
    """What they serve, by the name under which clients ask for it."""
    jobs: dict[Annotated[str, Field(pattern=MODEL_NAME)], Job] = {}
    """What they work through beside that, by a name of your choice."""
    image: Image
    """Where the images come from."""
    ray_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
    """Ray in the images; the operator decides by it."""
    head: Head
    """Ray's control plane and the gateway."""
    redis: Redis
    """What outlives the head."""
    upgrade: Upgrade
    """What a change of pods does."""
    aliases: Aliases
    """Names as KServe gave them."""
    auth: Auth
    """Who may ask."""
    dashboard: Dashboard
    """Ray's dashboard."""
    network: Network
    """Who reaches the pods."""
    ingress: Ingress
    """A way in by an ingress controller."""
    route: Route
    """A way in by a Gateway."""
    monitoring: Monitoring
    """What Prometheus and Grafana are given."""
    hugging_face: HuggingFace
    """Access to the hub."""
    tests: Tests
    """What `helm test` runs."""
    service_account: ServiceAccount
    """Under which the pods run."""
    global_: Annotated[dict[str, Any], Field(alias="global")] = {}
    """Helm's own: a parent chart sets it."""
