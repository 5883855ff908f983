"""Work in a process of its own: JSON goes in, JSON comes out, and all memory of the host and of the card is given back.

`call` starts `python -m <module>`, whose last line is `answer(work)`. What crashes there, crashes there alone.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serve.errors import InferenceError, ModelUnavailable

LINES = 3  # Of what it said last: where it crashed by itself, nothing else tells why.


def call(module: str, asked: Any, *, python: Path = Path(sys.executable), seconds: float | None = None) -> Any:
    """What `work` returned, or ModelUnavailable with what it raised, or how its process ended."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.json"
        command = [str(python), "-m", module, str(file)]
        try:
            done = subprocess.run(  # noqa: S603
                command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired as error:
            raise ModelUnavailable(f"there was no result within {seconds:g} seconds") from error
        if not file.exists():
            said = " | ".join(done.stderr.strip().splitlines()[-LINES:])
            raise ModelUnavailable(f"the process ended with status {done.returncode}: {said}")
        answered = json.loads(file.read_text(encoding="utf-8"))
    if "error" in answered:
        raise ModelUnavailable(answered["error"])
    return answered["result"]


def answer(work: Callable[[Any], Any]) -> None:
    """The other side."""
    try:
        answered = {"result": work(json.load(sys.stdin))}
    except InferenceError as error:
        answered = {"error": error.message}
    Path(sys.argv[1]).write_text(json.dumps(answered), encoding="utf-8")
