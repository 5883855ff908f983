"""The chart's values as a type: what serve/values.py says about models and accelerators, and what only the chart reads.

`python -m serve.schema` turns `Values` into charts/ai-inference/values.schema.json. Rules across keys are not here: the
chart itself says them, with the entry and the way out (templates/_validate*.tpl).
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from serve import accelerator
from serve.accelerator import Accelerator
from serve.job import Job
from serve.values import MODEL_NAME, Closed, Model, Quantity

CHART = Path(__file__).parents[1] / "charts" / "ai-inference"
AcceleratorName = Annotated[str, Field(pattern=accelerator.NAME)]
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


class Aliases(Closed):
    """A Service <prefix><model>-predictor for each model."""

    enabled: bool = True
    """False makes none."""
    type: Literal["ExternalName", "Service"] = "ExternalName"
    """ExternalName keeps port 8000; Service answers at port 80."""
    namespace: str = ""
    """Default: the release's."""
    prefix: Annotated[str, Field(pattern=r"^([a-z][-a-z0-9]*)?$")] = ""
    """Before each name, such as `staging-`."""
    cluster_domain: str = "cluster.local"
    """The cluster's DNS domain."""


class Auth(Closed):
    """Who may ask."""

    enabled: bool = True
    """False: whoever reaches the service."""
    existing_secret: str = ""
    """Secret in which each entry is a key, by its name; default: <release>-keys."""
    origins: tuple[str, ...] = ()
    """Whose pages may read answers in a browser, such as https://chat.example.com."""


class Dashboard(Closed):
    """Ray's dashboard and the job interface behind it."""

    auth: Literal["disabled", "token"] = "token"
    """Whether Ray asks for a token."""
    existing_secret: str = ""
    """Secret with the token under auth_token; none: a hook makes one that stays."""


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


class PodMonitor(Closed):
    """Where the Prometheus operator finds the metrics."""

    enabled: bool = False
    """True makes a PodMonitor."""
    labels: dict[str, str] = {}
    """By which the operator's Prometheus selects it."""
    interval: Annotated[str, Field(pattern=r"^([0-9]+(ms|[smh]))+$")] = "15s"
    """Between two readings."""


class Objectives(Closed):
    """Seconds that a hundredth of the requests may take or exceed, by task."""

    llm: float = Field(default=60, gt=0)
    """Language models."""
    stt: float = Field(default=60, gt=0)
    """Speech to text."""
    tts: float = Field(default=30, gt=0)
    """Text to speech."""
    embeddings: float = Field(default=5, gt=0)
    """Embeddings."""
    rerank: float = Field(default=5, gt=0)
    """Reranking."""


class Rules(Closed):
    """Alerts, and from when on they fire."""

    enabled: bool = False
    """True makes a PrometheusRule."""
    labels: dict[str, str] = {}
    """By which the operator's Prometheus selects it."""
    p99: Objectives = Objectives()
    """How slow models may be."""
    errors: float = Field(default=0.05, gt=0, le=1)
    """Part of a model's requests that are answered by a 5xx."""
    waiting: int = Field(default=20, ge=1)
    """Requests that wait for one model."""
    days: int = Field(default=7, ge=1)
    """Days before the end of a key or a certificate."""


class Dashboards(Closed):
    """What Grafana shows."""

    enabled: bool = False
    """True makes a ConfigMap for each."""
    labels: dict[str, str] = {}
    """By which Grafana's sidecar finds it."""
    annotations: dict[str, str] = {}
    """Such as the folder that the sidecar puts it in."""
    namespace: str = ""
    """Default: the release's."""


class Traces(Closed):
    """Spans of requests."""

    endpoint: str = ""
    """Of a collector that speaks OTLP over HTTP; none: no spans are made."""


class Monitoring(Closed):
    """What Prometheus and Grafana are given."""

    pod_monitor: PodMonitor = PodMonitor()
    """Where the metrics are."""
    rules: Rules = Rules()
    """Alerts."""
    dashboards: Dashboards = Dashboards()
    """Pictures."""
    traces: Traces = Traces()
    """Spans of requests."""


class HuggingFace(Closed):
    """Access to the hub."""

    existing_secret: str = ""
    """Secret that holds a token; none: only public repositories."""
    key: str = "token"
    """Its key."""


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
