"""A dashboard for each task: what all have, and what it is measured in."""

from collections.abc import Sequence

from serve.dashboards.grafana import Dashboard, Panel
from serve.dashboards.queries import SERVICE, mean, now, quantile, rate

TITLES = {
    "llm": "Language models",
    "stt": "Speech to text",
    "tts": "Text to speech",
    "embeddings": "Embeddings",
    "rerank": "Reranking",
}


def _shared(one: str) -> Sequence[Panel]:
    def quantiles(name: str) -> dict[str, str]:
        return {f"{{{{model}}}} p{part * 100:g}": quantile(part, name, "model", one) for part in (0.5, 0.99)}

    return (
        Panel("Requests", "By status.", "reqps", {"{{model}} {{status}}": rate("requests", "model, status", one)}),
        Panel("Duration", "To the answer's end.", "s", quantiles("request_seconds")),
        Panel("First byte", "Until the answer began.", "s", quantiles("first_byte_seconds")),
        Panel("Time in queue", "How long requests waited for the device.", "s", quantiles("queue_seconds")),
        Panel(
            "In flight and waiting",
            "Requests now.",
            "short",
            {
                "{{model}} in flight": now("sum", "requests_in_flight", "model", one),
                "{{model}} waiting": now("sum", "requests_waiting", "model", one),
            },
        ),
    )


def _amount(title: str, description: str, names: Sequence[str], one: str) -> Panel:
    queries = {f"{{{{model}}}} {{{{key}}}} {name.replace('_', ' ')}": rate(name, "model, key", one) for name in names}
    return Panel(title, description, "short", queries)


def _batches(one: str) -> Panel:
    return Panel("Batch size", "Mean of what is computed in one step.", "short",
                 {"{{model}}": mean("batch_size", "model", one)})  # fmt: skip


def _vllm() -> Sequence[Panel]:
    return (
        Panel(
            "vLLM: KV cache in use",
            "Near 1 it makes requests wait, and begins anew with some.",
            "percentunit",
            {"{{model_name}}": f"max by (model_name) (ray_vllm_kv_cache_usage_perc{{{SERVICE}}})"},
        ),
        Panel(
            "vLLM: requests begun anew",
            "For want of KV cache: give the model more memory, or a shorter context.",
            "reqps",
            {
                "{{model_name}}": "sum by (model_name) "
                f"(rate(ray_vllm_num_preemptions_total{{{SERVICE}}}[$__rate_interval]))"
            },
        ),
    )


def _own(task: str, one: str) -> Sequence[Panel]:
    match task:
        case "llm":
            tokens = _amount("Tokens", "Each second.", ("input_tokens", "output_tokens"), one)
            return (tokens, _batches(one), *_vllm())
        case "stt":
            return (_amount("Audio heard", "Seconds of it, each second.", ("audio_seconds",), one),)
        case "tts":
            names = ("characters", "audio_seconds")
            return (_amount("Speech", "Characters, and seconds of audio, each second.", names, one),)
        case _:
            return (_amount("Tokens", "Each second.", ("input_tokens",), one), _batches(one))


def _dashboard(task: str) -> Dashboard:
    one = f',task="{task}"'
    return Dashboard(TITLES[task], (*_shared(one), *_own(task, one)))


DASHBOARDS = {task: _dashboard(task) for task in TITLES}
