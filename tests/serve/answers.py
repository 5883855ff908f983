"""A server that answers as it is told: a test's function of the body goes in, what a model would have said comes out.

The functions below make such answers, one per task, sound or not.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np

from serve.audio import SPOKEN_RATE, encoded

Body = dict[str, Any]
Answer = Callable[[Body], Any]
GOOD_TOKEN: Body = {
    "text": " Paris",
    "logprobs": {"token_logprobs": [-0.1], "top_logprobs": [{" Paris": -0.1, " a": -3}]},
}


def vectors(*rows: Any) -> Answer:
    """The first rows, for as many texts as are asked."""
    return lambda body: {"data": [{"embedding": list(row)} for row in rows[: len(body["input"])]]}


def relevances(*scores: float) -> Answer:
    def answer(body: Body) -> Any:
        found = scores if len(body["documents"]) > 1 else scores[1:2]
        results = [{"index": index, "relevance_score": score} for index, score in enumerate(found)]
        return {"results": sorted(results, key=lambda item: -item["relevance_score"])}

    return answer


def token(**changes: Any) -> Answer:
    logprobs = {**GOOD_TOKEN["logprobs"], **{key: value for key, value in changes.items() if key != "text"}}
    return lambda _: {"choices": [{"text": changes.get("text", " Paris"), "logprobs": logprobs}]}


def heard(text: str, **changes: Any) -> Answer:
    segment = {"start": 0, "end": 3.6, "avg_logprob": -0.2, **changes}
    return lambda _: {"text": text, "duration": 3.65, "segments": [segment]}


def sound(samples: Any) -> Answer:
    return lambda _: encoded(np.asarray(samples, np.float32), "pcm", SPOKEN_RATE)


class Server(ThreadingHTTPServer):
    """Answers every request by `answer`: bytes as they are, anything else as JSON, an integer as a status."""

    answer: Answer
    asked: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"] or 0)) if self.headers["content-length"] else b""
        if not data:  # A form comes in chunks.
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        self.server.asked.append(f"{self.headers['host']}{self.path}")
        answer = self.server.answer(json.loads(data) if data[:1] == b"{" else {})
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "audio/pcm" if isinstance(content, bytes) else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def answering() -> Iterator[Server]:
    """At a free port, until the end of the block."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
