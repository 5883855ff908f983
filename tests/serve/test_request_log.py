"""What is written down of a request and sent to a collector of traces: who asked, what it took, and no content."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from serve import standins
from serve.local.service import Service
from tests.serve.conftest import Line, application, gateway, laptop, lines

pytestmark = pytest.mark.slow
Eventually = Callable[[Callable[[], bool]], None]
KEY = "k" * 32
SECRET = "nobody-shall-read-this"  # noqa: S105
EAGER = {"dtype": "float32", "maxModelLen": 64, "enforceEager": True}
MODELS: dict[str, dict[str, Any]] = {
    "chat": {"task": "llm"},
    "failing": {"task": "embeddings", "engineConfig": {"error": SECRET}},
}


@dataclass
class Collector:
    """OpenTelemetry's receiver, as far as spans."""

    spans: list[Span] = field(default_factory=list)
    address: str = ""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    found = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found.spans += [span for scope in resource.scope_spans for span in scope.spans]
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.address = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()


@pytest.fixture(scope="module")
def service(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "alice").write_text(KEY)
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    llama = standins.make("llm", "vllm", tmp_path_factory.mktemp("weights") / "llm")
    models = {
        **MODELS,
        "llama": {"task": "llm", "engine": "vllm", "source": {"path": str(llama)}, "engineConfig": EAGER},
    }
    with laptop(tmp_path_factory.mktemp("models"), folder, **traced) as service:
        service.apply({"applications": [gateway(models), *(application(*model) for model in models.items())]})
        service.wait()
        yield service


def ask(service: Service, id: str, key: str = KEY, path: str = "/chat/v1/chat/completions", **headers: str) -> int:
    body = {"messages": [{"role": "user", "content": SECRET}], "model": path.split("/")[1], "input": SECRET}
    if path.startswith("/v1"):
        body["model"] = "chat"
    sent = {"api-key": key, "x-request-id": id, **headers}
    return requests.post(service.address + path, json=body, headers=sent, timeout=60).status_code


def test_an_answered_request_is_one_line_that_says_who_asked_what_and_what_it_took(
    service: Service, line: Line
) -> None:
    assert ask(service, "first") == 200
    said = line("chat", "first")
    assert (said["key"], said["model"], said["status"], said["method"]) == ("alice", "chat", 200, "POST")
    assert said["path"] == "/v1/chat/completions"
    assert (said["input_tokens"], said["output_tokens"]) == (1, 1)
    assert 0 <= said["first"] <= said["seconds"]
    assert said["received"] > 0 and said["sent"] > 0


def test_a_request_by_name_has_the_same_id_in_the_gateways_log_and_the_models(service: Service, line: Line) -> None:
    assert ask(service, "by-name", path="/v1/chat/completions") == 200
    assert line("gateway", "by-name")["status"] == line("chat", "by-name")["status"] == 200


@pytest.mark.parametrize(
    ("id", "key", "path", "status", "error"),
    [
        ("unknown", "w" * 32, "/chat/v1/chat/completions", 401, "invalid_api_key"),
        ("broken", KEY, "/failing/v1/embeddings", 500, "internal_error"),
    ],
)
def test_a_request_that_fails_is_a_line_with_the_code_of_its_error(
    service: Service, line: Line, id: str, key: str, path: str, status: int, error: str
) -> None:
    assert ask(service, id, key, path) == status
    said = line(path.split("/")[1], id)
    assert (said["status"], said["error"]) == (status, error)
    assert said.get("key") == ("alice" if key == KEY else None)


def test_no_log_has_what_was_asked_or_a_key(service: Service) -> None:
    assert ask(service, "secret") == 200
    for name in ("chat", "gateway", "failing"):
        text = json.dumps(lines(service, name))
        assert SECRET not in text and KEY not in text and "w" * 32 not in text


def test_no_file_or_environment_of_the_service_has_what_was_asked_or_a_key(service: Service, line: Line) -> None:
    asked = "nobody-shall-hear-this"
    body = {"messages": [{"role": "user", "content": asked}], "model": "chat"}
    for key, path in ((KEY, "/v1/chat/completions"), (KEY, "/chat/v1/chat/completions"), ("w" * 32, "/v1/models")):
        sent = {"authorization": f"Bearer {key}", "x-request-id": f"heard{path.count('/')}"}
        requests.post(service.address + path, json=body, headers=sent, timeout=60)
    line("gateway", "heard3")
    secret = [text.encode() for text in (asked, KEY, "w" * 32)]
    files = [path for path in service.nodes.folder.rglob("*") if path.is_file()]
    assert any("haproxy" in path.name for path in files) and any(path.parent.name == "serve" for path in files)
    assert [(str(path), word) for path in files for word in secret if word in path.read_bytes()] == []
    processes = psutil.Process().children(recursive=True)
    environments = {one.pid: str(one.environ()) for one in processes if one.status() != psutil.STATUS_ZOMBIE}
    assert len(environments) > 10
    assert [pid for pid, text in environments.items() if KEY in text] == []


def test_a_trace_leads_from_the_client_through_the_gateway_to_the_model(
    service: Service, collector: Collector, eventually: Eventually
) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    assert ask(service, "traced", path="/v1/chat/completions", traceparent=f"00-{trace}-{parent}-01") == 200

    def ours() -> dict[str, Span]:
        return {span.name: span for span in collector.spans if span.trace_id.hex() == trace}

    eventually(lambda: len(ours()) == 2)
    by_name, by_model = ours()["POST gateway"], ours()["POST chat"]
    assert by_name.parent_span_id.hex() == parent
    assert by_model.parent_span_id == by_name.span_id
    known = {one.key: one.value for one in by_model.attributes}
    assert known["ai_inference.request"].string_value == "traced"
    assert known["gen_ai.usage.output_tokens"].int_value == 1
    assert known["http.response.status_code"].int_value == 200
    assert SECRET not in str(collector.spans)


def test_vllms_own_span_is_a_child_of_its_models_and_says_what_the_time_went_into(
    service: Service, collector: Collector, eventually: Eventually
) -> None:
    trace = "1af7651916cd43dd8448eb211c80319c"
    path = "/llama/v1/chat/completions"
    assert ask(service, "through", path=path, traceparent=f"00-{trace}-b7ad6b7169203331-01") == 200

    def ours() -> dict[str, Span]:
        return {span.name: span for span in collector.spans if span.trace_id.hex() == trace}

    eventually(lambda: len(ours()) == 2)
    by_model, by_vllm = ours()["POST llama"], ours()["llm_request"]
    assert by_vllm.parent_span_id == by_model.span_id
    said = {one.key for one in by_vllm.attributes}
    assert {f"gen_ai.latency.time_in_{part}" for part in ("queue", "model_prefill", "model_decode")} <= said
    assert SECRET not in str(collector.spans)
