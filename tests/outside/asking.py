"""What a port says to whoever has no key and no token: an address goes in, what was answered comes out.

It is also the program of a pod, so it stands alone: hosts go in, a line for each port of theirs that takes a connection
comes out, short enough for a log, which a kubelet cuts at 10 MiB.
"""

import base64
import contextlib
import http
import http.client
import json
import lzma
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

import grpc

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
UNKNOWN = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.NOT_FOUND)
SECONDS = 20


@dataclass
class Said:
    """By one port."""

    host: str
    port: int
    answers: dict[str, str] = field(default_factory=dict)
    """By path or method: what was answered, and not refused."""
    refused: list[str] = field(default_factory=list)
    """Methods that want the token, of a port that speaks gRPC."""
    unexpected: list[str] = field(default_factory=list)
    """Methods that failed in another way than for want of it."""
    speaks_http: bool = True

    def line(self) -> str:
        """Metrics are long, and answer any path."""
        return base64.b64encode(lzma.compress(json.dumps(asdict(self)).encode())).decode()

    @classmethod
    def of(cls, line: str) -> "Said":
        return cls(**json.loads(lzma.decompress(base64.b64decode(line))))


def asked(host: str, port: int, model: str) -> Said:
    """All of PATHS, with the name of one of its models, or where it does not speak HTTP all of METHODS."""
    said = Said(host, port)
    try:
        for path in PATHS:
            status, body = _get(host, port, path.replace("<model>", model))
            if status < http.HTTPStatus.BAD_REQUEST:
                said.answers[path] = body
    except (http.client.HTTPException, ConnectionError, TimeoutError):
        said.speaks_http = False
        _call(said)
    return said


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    """The path as it is written."""
    with contextlib.closing(http.client.HTTPConnection(host, port, timeout=SECONDS)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("latin-1")


def _call(said: Said) -> None:
    with grpc.insecure_channel(f"{said.host}:{said.port}") as channel:
        for method in METHODS:
            try:
                answer = channel.unary_unary(f"/{method}")(b"", timeout=SECONDS)
                said.answers[method.rpartition(".")[2]] = answer.decode("latin-1")
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAUTHENTICATED:
                    said.refused.append(method)
                elif error.code() not in UNKNOWN:
                    said.unexpected.append(f"{method}: {error.code()}")
                if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                    return  # It says nothing at all.


def listening(host: str) -> Iterator[int]:
    """Ports that take a connection."""

    def takes(port: int) -> bool:
        with socket.socket() as tried:
            tried.settimeout(5)
            return tried.connect_ex((host, port)) == 0

    ports = range(1, 2**16)
    with ThreadPoolExecutor(64) as threads:
        yield from (port for port, open_ in zip(ports, threads.map(takes, ports), strict=True) if open_)


def main(model: str, *hosts: str) -> None:
    for host in hosts:
        for port in listening(host):
            print(asked(host, port, model).line(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
