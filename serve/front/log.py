"""The log of requests: each finished exchange goes in, a line of JSON comes out, and never what was asked or answered.

It is a file beside Serve's own logs, `requests_<application>_<replica>.log`, which rotates; or what AI_INFERENCE_LOG
names, such as a pod's own output (/proc/1/fd/1), where whatever gathers the logs of pods finds it.
"""

import json
import logging
import os
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from ray import serve as ray_serve
from ray.serve._private.logging_utils import get_serve_logs_dir

from serve.front.exchange import Exchange

VARIABLE = "AI_INFERENCE_LOG"
MOST_BYTES = 100 * 2**20
LONGEST = 128  # Characters of a path, which is as a client writes it.
logger = logging.getLogger("ray.serve")
USED = ("input_tokens", "output_tokens", "audio_seconds", "characters")


class RequestLog:
    """Of the replica that makes it; `model` is None for the gateway."""

    def __init__(self, model: str | None) -> None:
        self.model = model
        self._lines = logging.Logger("ai_inference.requests")  # Not one of the tree, whose handlers would write it too.
        self._lines.addHandler(_handler())

    def __call__(self, exchange: Exchange) -> None:
        if exchange.asks_health and exchange.status == 200:
            return
        self._lines.info(json.dumps(self._line(exchange), separators=(",", ":")))

    def _line(self, exchange: Exchange) -> dict[str, Any]:
        took = exchange.closed - exchange.began
        first = None if exchange.first is None else exchange.first - exchange.began
        used = {name: amount for name in USED if (amount := getattr(exchange.usage, name))}
        known = {
            "request": exchange.request_id,
            "key": exchange.key_name,
            "passed": (exchange.key is not None and exchange.key.passed) or None,
            "model": self.model,
            "error": exchange.error,
            "seconds": round(took, 4),
            "first": None if first is None else round(first, 4),
            "queued": round(exchange.usage.queue_seconds, 4) or None,
        }
        said = {name: value for name, value in known.items() if value is not None}
        asked = {"method": exchange.method, "path": exchange.path[:LONGEST], "status": exchange.status}
        sizes = {"received": exchange.received, "sent": exchange.sent}
        return {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **said, **asked, **sizes, **used}


def _handler() -> logging.Handler:
    if place := os.environ.get(VARIABLE):
        try:
            return logging.FileHandler(place)
        except OSError as error:
            logger.warning("requests are logged beside Serve's own logs, as %s cannot be written: %s", place, error)
    replica = ray_serve.get_replica_context()
    name = f"requests_{replica.app_name}_{replica.replica_id.unique_id}.log"
    return RotatingFileHandler(Path(get_serve_logs_dir()) / name, maxBytes=MOST_BYTES, backupCount=1)
