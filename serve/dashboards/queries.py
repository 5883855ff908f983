"""The questions that panels ask: names of our metrics go in, PromQL comes out, of one service by the variables."""

SERVICE = 'namespace="$namespace",ai_inference_release="$release"'
PREFIX = "ray_ai_inference_"  # Ray's, then ours.
MODELS = ',task!="gateway"'


def of(name: str, more: str = "") -> str:
    """The series of one of our metrics; `more` begins with a comma."""
    return f"{PREFIX}{name}{{{SERVICE}{more}}}"


def rate(name: str, by: str, more: str = "") -> str:
    """A total's growth each second."""
    return f"sum by ({by}) (rate({of(f'{name}_total', more)}[$__rate_interval]))"


def quantile(part: float, name: str, by: str, more: str = "") -> str:
    """That of a histogram."""
    buckets = of(f"{name}_bucket", more)
    return f"histogram_quantile({part}, sum by ({by}, le) (rate({buckets}[$__rate_interval])))"


def mean(name: str, by: str, more: str = "") -> str:
    """That of a histogram."""
    parts = (f"sum by ({by}) (rate({of(f'{name}_{kind}', more)}[$__rate_interval]))" for kind in ("sum", "count"))
    return " / ".join(parts)


def now(function: str, name: str, by: str, more: str = "") -> str:
    """A gauge, by `sum` over replicas or by `max` where they say the same."""
    return f"{function} by ({by}) ({of(name, more)})"
