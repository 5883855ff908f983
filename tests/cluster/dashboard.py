"""In place of Ray's dashboard: the configurations that the operator sends come in, and are kept by RayCluster.

Every application that was sent runs at once, but for clusters that are held back. The operator names the RayCluster by
the Service that it asks, in the host or, through the API server's proxy, in the path.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

PORT = 8265
PATIENCE = 180
DIRECT = r"^(?P<cluster>[a-z0-9-]+)-head-svc\.(?P<namespace>[a-z0-9-]+)\.svc"
PROXIED = r"/namespaces/(?P<namespace>[a-z0-9-]+)/services/(?:https?:)?(?P<cluster>[a-z0-9-]+)-head-svc[:/]"


class Dashboard:
    """What was sent, by namespace and RayCluster."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.tokens: dict[tuple[str, str], set[str]] = {}
        self._changed = threading.Condition()
        self._held: set[str] = set()

    def hold(self, namespace: str) -> None:
        """Applications on clusters that the namespace gets from now on do not come to run."""
        self._held.add(namespace)
        self._first = {key for key in self.sent if key[0] == namespace}

    def release(self, namespace: str) -> None:
        self._held.discard(namespace)

    def wait_for(self, namespace: str, model: str, key: str, value: Any) -> None:
        """Until some cluster of the namespace has been sent the model with this placement."""
        with self._changed:
            done = self._changed.wait_for(lambda: value in self._placements(namespace, model, key), PATIENCE)
        assert done, f"the operator sent {model} with {key} {value} to no cluster: {self.of(namespace)}"

    def wait_for_another(self, namespace: str, cluster: str) -> str:
        """Until a RayCluster other than this has been sent a configuration: its name."""
        with self._changed:
            done = self._changed.wait_for(lambda: set(self.of(namespace)) - {cluster}, PATIENCE)
        assert done, f"the operator has sent nothing to another cluster than {cluster}"
        return next(iter(done))

    def of(self, namespace: str) -> dict[str, list[dict[str, Any]]]:
        """Configurations in the order of their arrival, by RayCluster."""
        return {cluster: configs for (space, cluster), configs in self.sent.items() if space == namespace}

    def count(self, namespace: str, cluster: str) -> int:
        """How often the operator has sent a configuration to the RayCluster."""
        return len(self.of(namespace).get(cluster, []))

    def put(self, key: tuple[str, str], config: dict[str, Any], token: str) -> None:
        with self._changed:
            self.tokens.setdefault(key, set()).add(token)
            self.sent.setdefault(key, []).append(config)
            self._changed.notify_all()

    def applications(self, key: tuple[str, str]) -> dict[str, Any]:
        """As Serve's REST API lists them."""
        held = key[0] in self._held and key not in self._first
        status = "DEPLOYING" if held else "RUNNING"
        sent = self.sent.get(key, [{}])[-1].get("applications", [])
        return {one["name"]: {"name": one["name"], "status": status, "message": "", "deployments": {}} for one in sent}

    def _placements(self, namespace: str, model: str, key: str) -> list[Any]:
        configs = [config for found in self.of(namespace).values() for config in found]
        sent = [one["args"] for config in configs for one in config["applications"] if one["name"] == model]
        return [one["placement"][key] for one in sent]


@contextmanager
def serving(address: str) -> Iterator[Dashboard]:
    """Answers at `address` until the end of the block."""
    dashboard = Dashboard()
    handler = type("Handler", (_Handler,), {"dashboard": dashboard})
    try:
        server = ThreadingHTTPServer((address, PORT), handler)
    except OSError as error:
        pytest.fail(
            f"{address}:{PORT}, where the operator looks for Ray: {error}; CLUSTER_TEST_ADDRESS can name another"
        )
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield dashboard
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    dashboard: Dashboard

    def do_GET(self) -> None:
        self._answer({"applications": self.dashboard.applications(self._key())})

    def do_PUT(self) -> None:
        length = int(self.headers["content-length"])
        token = self.headers.get("x-ray-authorization", "")
        self.dashboard.put(self._key(), json.loads(self.rfile.read(length)), token)
        self._answer({})

    def _key(self) -> tuple[str, str]:
        asked = f"{self.headers['host']} {self.headers.get('x-forwarded-uri', '')}"
        found = re.search(DIRECT, asked) or re.search(PROXIED, asked)
        assert found, asked
        return found["namespace"], found["cluster"]

    def _answer(self, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: the tests print what matters."""
