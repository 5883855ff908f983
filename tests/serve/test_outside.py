"""Every port of a running service, asked by a client without a key or a token: docs/security.md says what answers."""

import contextlib
import http
import http.client
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
import requests

from serve.local.nodes import free_port
from serve.local.service import Service
from tests.serve.conftest import application, gateway, laptop

DOCS = Path(__file__).parents[2] / "docs" / "security.md"
HEAD = "| port | "
MODELS: dict[str, dict[str, Any]] = {"a-chat": {"task": "llm"}, "a-vector": {"task": "embeddings"}}
KEY = "k" * 32
SERVES = {"8404": "HAPROXY_STATS", "9101": "HAPROXY_METRICS", "8500": "FALLBACK_PROXY_HTTP"}
"""Ports in a pod, and what Serve calls them."""
DIRECT = range(32_000, 32_200)
FIXED = {"10001", "44217", "44227", "52365"}
"""Ray's, which are the same here as in a pod; where another Ray on this machine has them, this one goes without."""
PATHS = [
    "/", "/page/app.js", "/health", "/healthz", "/v1/models", "/v2/health/live", "/v2/health/ready", "/docs",
    "/openapi.json", "/metrics", "/stats", "/stats;csv", "/-/healthz", "/-/routes", "/favicon.ico", "/cluster_id",
    "/timezone", "/nodes?view=summary", "/logs/", "/events", "/usage_stats_enabled", "/test/dump",
    "/static/../api/version", "/static/%2e%2e/api/version", "//api/version", "/get_or_create_runtime_env",
    *(f"/<model>{path}" for path in ("", "/health", "/v1/models", "/v1/embeddings", "/docs", "/metrics")),
    *(f"/api/{path}" for path in (
        "version", "ray/version", "jobs/", "cluster_status", "serve/applications/", "v0/actors", "v0/logs", "healthz",
        "gcs_healthz", "local_raylet_healthz", "authentication_mode", "prometheus/sd", "prometheus_health",
        "grafana_health", "component_activities", "profiling_enabled", "packages/gcs/x")),
]  # fmt: skip
METHODS = [
    "grpc.health.v1.Health/Check", "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "ray.rpc.NodeInfoGcsService/GetAllNodeInfo", "ray.rpc.InternalKVGcsService/InternalKVKeys",
    "ray.rpc.JobInfoGcsService/GetAllJobInfo", "ray.rpc.NodeManagerService/GetNodeStats",
    "ray.rpc.ObjectManagerService/Pull", "ray.rpc.CoreWorkerService/GetCoreWorkerStats",
    "ray.rpc.ReporterService/GetTraceback", "ray.rpc.LogService/ListLogs", "ray.rpc.RayletDriver/ClusterInfo",
    "ray.serve.ASGIService/HandleRequest",
]  # fmt: skip
"""Of each of Ray's services over gRPC one or two: a port has some of them."""
pytestmark = pytest.mark.slow
REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND)
Eventually = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True)
class Row:
    """Of the table."""

    answers: frozenset[str] = frozenset()
    """Paths, or methods of gRPC."""
    naming: frozenset[str] = frozenset()
    """Those that name models."""
    loopback: bool = True
    """Whether `ai-inference up` has it for this machine alone."""

    def __or__(self, other: "Row") -> "Row":
        return Row(self.answers | other.answers, self.naming | other.naming, self.loopback and other.loopback)

    def facts(self) -> set[str]:
        said = {f"{path} answers" for path in self.answers} | {f"{path} names models" for path in self.naming}
        return {*said, "at loopback" if self.loopback else "everywhere"}


@dataclass(frozen=True)
class Port:
    """What a process of the service listens at; `row` is what it is in a pod, as the table has it."""

    row: str
    address: str
    number: int


@dataclass
class Asked:
    """A port, and what it said."""

    port: Port
    said: dict[str, bytes] = field(default_factory=dict)
    """To whoever had no key and no token, by path or method."""
    refused: set[str] = field(default_factory=set)
    """Methods that want the token, of a port that speaks gRPC."""
    speaks_http: bool = True

    def row(self) -> Row:
        naming = {path for path, body in self.said.items() if any(model.encode() in body for model in MODELS)}
        if set(self.said) == set(PATHS):
            return Row(frozenset({"any path"}), frozenset({"any path"} if naming else ()), self.loopback)
        return Row(frozenset(self.said), frozenset(naming), self.loopback)

    @property
    def loopback(self) -> bool:
        return self.port.address in ("127.0.0.1", "::1")


def documented() -> dict[str, Row]:
    """The table's rows by port."""
    lines = itertools.dropwhile(lambda line: not line.startswith(HEAD), DOCS.read_text().splitlines())
    rows = [line.strip("| ").split(" | ") for line in itertools.takewhile(lambda line: line.startswith("|"), lines)]
    return {port: _said(answers, at) for port, _, _, answers, at, _ in rows[2:]}


def _said(answers: str, at: str) -> Row:
    plain, _, naming = answers.partition("names of models:")
    every, named = (frozenset(re.findall("`([^`]+)`", part)) for part in (plain, naming))
    return Row(every | named, named, at == "loopback")


@dataclass(frozen=True)
class Outside:
    """A service, and the rows of those ports that can be told by their number."""

    service: Service
    others: set[psutil.Process]
    rows: dict[str, str]

    def ports(self) -> set[Port]:
        """All at which its processes listen."""
        found = set()
        for process in set(psutil.Process().children(recursive=True)) - self.others:
            with contextlib.suppress(psutil.Error):
                for one in process.net_connections("tcp"):
                    if one.status == psutil.CONN_LISTEN and one.laddr:
                        number = one.laddr.port
                        row = self.rows.get(str(number), "others, chosen by Ray")
                        found.add(Port(row, one.laddr.ip.removeprefix("::ffff:"), number))
        return found


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory, eventually: Eventually) -> Iterator[Outside]:
    (keys := tmp_path_factory.mktemp("keys")).joinpath("me").write_text(KEY)
    serves = {port: str(free_port()) for port in SERVES}
    named = {f"RAY_SERVE_{name}_PORT": serves[port] for port, name in SERVES.items()}
    named |= {"RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(DIRECT.start)}
    named |= {"RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(DIRECT.stop - 1)}
    others = set(psutil.Process().children(recursive=True))
    with laptop(tmp_path_factory.mktemp("models"), keys, **named) as service:
        service.apply({"applications": [gateway(MODELS), *(application(*model) for model in MODELS.items())]})
        service.wait()
        outside = Outside(service, others, _rows(service, serves))
        wanted = {"8000", "30000 to 31000", *SERVES}  # HAProxy may be changing places with its successor.
        eventually(lambda: wanted <= {port.row for port in outside.ports()})
        yield outside


def _rows(service: Service, serves: Mapping[str, str]) -> dict[str, str]:
    discovery = json.loads((service.nodes.folder / "ray" / "prom_metrics_service_discovery.json").read_text())
    metrics = {target.rpartition(":")[2] for group in discovery for target in group["targets"]} - FIXED
    addresses = {"8000": service.address, "8265": service.nodes.dashboard, "6379": service.nodes.gcs}
    return {
        **dict.fromkeys(metrics, "8080"),
        **dict.fromkeys(map(str, DIRECT), "30000 to 31000"),
        **{number: port for port, number in serves.items()},
        **{address.rpartition(":")[2]: port for port, address in addresses.items()},
        **{port: port for port in FIXED},
    }


@pytest.fixture(scope="module")
def asked(outside: Outside) -> list[Asked]:
    return [_asked(port) for port in sorted(outside.ports(), key=lambda port: (port.row, port.number))]


def _asked(port: Port) -> Asked:
    found = Asked(port)
    try:
        for path in PATHS:
            status, body = _get(port, path.replace("<model>", "a-chat"))
            if status < http.HTTPStatus.BAD_REQUEST:
                found.said[path] = body
    except http.client.HTTPException:
        found.speaks_http = False
        _call(port, found)
    return found


def _get(port: Port, path: str) -> tuple[int, bytes]:
    """The path as it is written."""
    with contextlib.closing(http.client.HTTPConnection(_reached(port), port.number, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def _call(port: Port, found: Asked) -> None:
    with grpc.insecure_channel(f"{_reached(port)}:{port.number}") as channel:
        for method in METHODS:
            try:
                found.said[method.rpartition(".")[2]] = channel.unary_unary(f"/{method}")(b"", timeout=60)
            except grpc.RpcError as error:
                assert error.code() in REFUSALS, (method, error)
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    found.refused.add(method)


def _reached(port: Port) -> str:
    return "127.0.0.1" if port.address in ("0.0.0.0", "::") else port.address


def test_each_port_answers_what_the_table_says_and_no_other_is_there(asked: list[Asked]) -> None:
    found: dict[str, Row] = defaultdict(Row)
    for one in asked:
        found[one.port.row] |= one.row()
    expected = {port: row for port, row in documented().items() if port in found or port not in FIXED}
    assert _beyond(found, expected) == {}
    silent = {port: replace(row, naming=frozenset()) for port, row in expected.items()}  # Metrics come by and by.
    assert _beyond(silent, found) == {}


def _beyond(some: Mapping[str, Row], others: Mapping[str, Row]) -> dict[str, list[str]]:
    """By port, what only the first say."""
    beyond = {port: row.facts() - others[port].facts() if port in others else row.facts() for port, row in some.items()}
    return {port: sorted(facts) for port, facts in beyond.items() if facts}


def test_what_speaks_grpc_asks_for_the_token_in_each_of_its_services(asked: list[Asked]) -> None:
    assert [one.port for one in asked if not one.speaks_http and not one.refused] == []


def test_no_answer_has_a_key_or_the_token(asked: list[Asked], outside: Outside) -> None:
    secrets = (KEY.encode(), outside.service.nodes.token["RAY_AUTH_TOKEN"].encode())
    bodies = [(one.port, path, body) for one in asked for path, body in one.said.items()]
    assert [(port, path) for port, path, body in bodies for secret in secrets if secret in body] == []


def test_no_job_is_taken_and_no_configuration_without_the_token(asked: list[Asked], outside: Outside) -> None:
    dashboard, job = outside.service.nodes.dashboard, {"entrypoint": "true"}
    agents = [f"http://{one.port.address}:{one.port.number}" for one in asked if one.port.row == "52365"]
    posted = [f"{dashboard}/api/jobs/", *(f"{agent}/api/job_agent/jobs/" for agent in agents)]
    assert {requests.post(url, json=job, timeout=60).status_code for url in posted} == {401}
    applied = requests.put(f"{dashboard}/api/serve/applications/", json={"applications": []}, timeout=60)
    assert applied.status_code == 401
    known = requests.get(f"{dashboard}/api/version", headers=outside.service.nodes.headers, timeout=60)
    assert known.status_code == 200
