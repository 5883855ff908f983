"""Every port of a running service, asked by a client without a key or a token: docs/security.md says what answers."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psutil
import pytest
import requests

from serve.local.nodes import free_port
from serve.local.service import Service
from tests.outside.asking import Said, asked
from tests.outside.table import Row, beyond, documented, row
from tests.serve.conftest import application, gateway, laptop

MODELS: dict[str, dict[str, Any]] = {"a-chat": {"task": "llm"}, "a-vector": {"task": "embeddings"}}
KEY = "k" * 32
SERVES = {"8404": "HAPROXY_STATS", "9101": "HAPROXY_METRICS", "8500": "FALLBACK_PROXY_HTTP"}
"""Ports in a pod, and what Serve calls them."""
DIRECT = range(32_000, 32_200)
FIXED = {"10001", "44217", "44227", "52365"}
"""Ray's, which are the same here as in a pod; where another Ray on this machine has them, this one goes without."""
pytestmark = pytest.mark.slow
Eventually = Callable[[Callable[[], bool]], None]


@dataclass(frozen=True)
class Port:
    """What a process of the service listens at; `row` is what it is in a pod, as the table has it."""

    row: str
    address: str
    number: int


@dataclass(frozen=True)
class Asked:
    """A port, and what it said."""

    port: Port
    said: Said

    def row(self) -> Row:
        return row(self.said, MODELS, loopback=self.port.address in ("127.0.0.1", "::1"))


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
def all_asked(outside: Outside) -> list[Asked]:
    ports = sorted(outside.ports(), key=lambda port: (port.row, port.number))
    return [Asked(port, asked(_reached(port), port.number, "a-chat")) for port in ports]


def _reached(port: Port) -> str:
    return "127.0.0.1" if port.address in ("0.0.0.0", "::") else port.address


def test_each_port_answers_what_the_table_says_and_no_other_is_there(all_asked: list[Asked]) -> None:
    found: dict[str, Row] = defaultdict(Row)
    for one in all_asked:
        found[one.port.row] |= one.row()
    expected = {port: row for port, row in documented().items() if port in found or port not in FIXED}
    assert beyond(found, expected) == {}
    silent = {port: replace(row, naming=frozenset()) for port, row in expected.items()}  # Metrics come by and by.
    assert beyond(silent, found) == {}


def test_what_speaks_grpc_asks_for_the_token_in_each_of_its_services(all_asked: list[Asked]) -> None:
    assert [one.port for one in all_asked if not one.said.speaks_http and not one.said.refused] == []
    assert [one.said.unexpected for one in all_asked if one.said.unexpected] == []


def test_no_answer_has_a_key_or_the_token(all_asked: list[Asked], outside: Outside) -> None:
    secrets = (KEY, outside.service.nodes.token["RAY_AUTH_TOKEN"])
    bodies = [(one.port, path, body) for one in all_asked for path, body in one.said.answers.items()]
    assert [(port, path) for port, path, body in bodies for secret in secrets if secret in body] == []


def test_no_job_is_taken_and_no_configuration_without_the_token(all_asked: list[Asked], outside: Outside) -> None:
    dashboard, job = outside.service.nodes.dashboard, {"entrypoint": "true"}
    agents = [f"http://{one.port.address}:{one.port.number}" for one in all_asked if one.port.row == "52365"]
    posted = [f"{dashboard}/api/jobs/", *(f"{agent}/api/job_agent/jobs/" for agent in agents)]
    assert {requests.post(url, json=job, timeout=60).status_code for url in posted} == {401}
    applied = requests.put(f"{dashboard}/api/serve/applications/", json={"applications": []}, timeout=60)
    assert applied.status_code == 401
    known = requests.get(f"{dashboard}/api/version", headers=outside.service.nodes.headers, timeout=60)
    assert known.status_code == 200
