"""What Prometheus, Grafana and a collector of traces are given: values of each, typed."""

from typing import Annotated

from pydantic import Field

from serve.values import Closed


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
    runbook: Annotated[str, Field(pattern=r"^https?://")] = (
        "https://github.com/ai-inference/ai-inference/blob/main/docs/monitoring.md"
    )
    """The page of which each alert names its own part."""


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
