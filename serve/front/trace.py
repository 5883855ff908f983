"""Traces: each exchange becomes a span of OpenTelemetry, the child of the client's and the parent of what answers it.

They are sent where OTEL_EXPORTER_OTLP_ENDPOINT says, by HTTP; without it nothing is made. Attributes have the names of
OpenTelemetry's conventions for HTTP and for generative AI (opentelemetry.io/docs/specs/semconv).
"""

import os
import time
from functools import cache
from typing import Any

from serve.asgi import Scope
from serve.front.exchange import Exchange

VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
CARRIED = (b"traceparent", b"tracestate")  # www.w3.org/TR/trace-context
NANO = 10**9


class Trace:
    """Of one application; `model` is None for the gateway."""

    def __init__(self, model: str | None) -> None:
        self.model = model
        self._tracer = _tracer() if os.environ.get(VARIABLE) else None

    def begin(self, scope: Scope, exchange: Exchange) -> None:
        """From here on the request carries the exchange's own span."""
        if self._tracer is None:
            return
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        text = TraceContextTextMapPropagator()
        came = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in CARRIED}
        named = f"{exchange.method} {self.model or 'gateway'}"
        exchange.span = self._tracer.start_span(named, text.extract(came), kind=trace.SpanKind.SERVER)
        onward = dict[str, str]()
        text.inject(onward, trace.set_span_in_context(exchange.span))
        kept = [pair for pair in scope["headers"] if pair[0] not in CARRIED]
        scope["headers"] = [*kept, *((name.encode(), value.encode()) for name, value in onward.items())]

    def __call__(self, exchange: Exchange) -> None:
        """Ends the span with what is known then."""
        span = exchange.span
        if span is None:
            return
        for name, value in self._known(exchange).items():
            if value is not None:
                span.set_attribute(name, value)
        if exchange.first is not None:
            ago = exchange.closed - exchange.first
            span.add_event("first byte", timestamp=time.time_ns() - int(ago * NANO))
        span.end()

    def _known(self, exchange: Exchange) -> dict[str, Any]:
        usage = exchange.usage
        return {
            "http.request.method": exchange.method,
            "url.path": exchange.path,
            "http.response.status_code": exchange.status,
            "error.type": exchange.error,
            "gen_ai.request.model": self.model,
            "gen_ai.usage.input_tokens": usage.input_tokens or None,
            "gen_ai.usage.output_tokens": usage.output_tokens or None,
            "ai_inference.request": exchange.request_id,
            "ai_inference.key": exchange.key_name,
            "ai_inference.queue_seconds": usage.queue_seconds or None,
        }


def service() -> str:
    """Whose spans they are said to be."""
    return os.environ.get("OTEL_SERVICE_NAME", "ai-inference")


@cache
def _tracer() -> Any:
    """Of this process; it sends spans from a thread of its own."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service()}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer("ai-inference")
