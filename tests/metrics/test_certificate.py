"""A certificate that ends soon, as cert-manager says it to a real Prometheus; there is no cert-manager here."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from serve.cli import helm
from tests.prometheus import monitored, reading

Eventually = Callable[[Callable[[], bool]], None]
DAY = 86_400.0


@contextmanager
def saying(ends: dict[str, float]) -> Iterator[str]:
    """Where it is said when each certificate ends (cert-manager.io/docs/devops-tips/prometheus-metrics)."""
    labels = f'namespace="{helm.NAMESPACE}",issuer_name="ca",issuer_kind="Issuer",issuer_group="cert-manager.io"'

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            for name, moment in ends.items():
                line = f'certmanager_certificate_expiration_timestamp_seconds{{name="{name}",{labels}}} {moment}\n'
                self.wfile.write(line.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_alert_fires_when_a_certificate_was_not_renewed_in_time(tmp_path: Path, eventually: Eventually) -> None:
    now = time.time()
    # By its chart Prometheus scrapes cert-manager's pod: what the metric says of a namespace gets another name then.
    where = {"target_label": "namespace", "replacement": "cert-manager"}
    with saying({"renewed": now + 60 * DAY, "forgotten": now + 3 * DAY}) as address:
        scrape = {"job_name": "cert-manager", "static_configs": [{"targets": [address]}], "relabel_configs": [where]}
        with reading(monitored(), tmp_path, scrape) as prometheus:
            eventually(prometheus.answers)
            eventually(lambda: "CertificateExpires" in prometheus.firing())
            found = prometheus.ask('ALERTS{alertname="CertificateExpires"}')
    assert [one["metric"]["name"] for one in found] == ["forgotten"]
