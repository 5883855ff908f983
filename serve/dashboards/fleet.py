"""The front: the four panels that are looked at first, and what tells why they look as they do."""

from serve.dashboards.grafana import Dashboard, Panel
from serve.dashboards.queries import MODELS, now, quantile, rate

FRONT = (
    Panel(
        "p99 latency",
        "From a request's beginning to its answer's end; a hundredth took longer.",
        "s",
        {"{{model}}": quantile(0.99, "request_seconds", "model", MODELS)},
    ),
    Panel("Throughput", "Requests that ended.", "reqps", {"{{model}}": rate("requests", "model", MODELS)}),
    Panel(
        "GPU utilisation",
        "Part of the time that each works, as its driver says.",
        "percentunit",
        {"{{accelerator}} {{gpu}}": now("max", "gpu_busy_ratio", "accelerator, gpu")},
    ),
    Panel(
        "Queue depth",
        "Requests that wait for a device.",
        "short",
        {"{{model}}": now("sum", "requests_waiting", "model", MODELS)},
    ),
)
MORE = (
    Panel(
        "Models that answer",
        "Replicas that answer; none where a model is down, and /health tells why.",
        "short",
        {"{{model}}": now("sum", "model_available", "model")},
        kind="stat",
    ),
    Panel(
        "Errors",
        "Requests that failed, by the code that the client got.",
        "reqps",
        {"{{model}} {{error}}": rate("errors", "model, error")},
    ),
    Panel(
        "Requests in flight",
        "Worked on or waiting.",
        "short",
        {"{{model}}": now("sum", "requests_in_flight", "model", MODELS)},
    ),
    Panel(
        "Time to the first byte, p99",
        "How long a hundredth of the clients waited at least until something came.",
        "s",
        {"{{model}}": quantile(0.99, "first_byte_seconds", "model", MODELS)},
    ),
    Panel("Requests by key", "Who asks.", "reqps", {"{{key}}": rate("requests", "key", MODELS)}),
    Panel(
        "The gateway's answers",
        "Requests by a model's name or by an alias, which are the models' too, and the list of models.",
        "reqps",
        {"{{status}}": rate("requests", "status", ',task="gateway"')},
    ),
    Panel(
        "Models that the gateway spares",
        "1 where the last requests by name were not answered, so that the next are refused at once for a while.",
        "short",
        {"{{model}}": now("max", "circuit_open", "model")},
    ),
    Panel(
        "Keys that end",
        "How long each is still valid; those without an end are not here.",
        "s",
        {"{{key}}": f"{now('min', 'key_expires_seconds', 'key')} - time()"},
        kind="stat",
    ),
)
DASHBOARDS = {"fleet": Dashboard("Fleet", (*FRONT, *MORE))}
