"""kubectl: its arguments go in, what it prints or the object comes out; an error is the test's failure."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

DEADLINE = "180s"
OPERATOR = "--selector=app.kubernetes.io/name=kuberay-operator"


def run(*arguments: str, text: str | None = None) -> str:
    done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True, check=False)
    assert not done.returncode, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def get(*what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("get", *what, "--output=json"))
    return found


def items(*what: str) -> list[dict[str, Any]]:
    return list(get(*what)["items"])


def apply(thing: Mapping[str, Any]) -> None:
    """Server-side, as KubeRay's definitions are too large for the other way."""
    run("apply", "--server-side", "--filename=-", text=json.dumps(thing))


def patch_status(kind: str, name: str, status: Mapping[str, Any], *arguments: str) -> None:
    patch = json.dumps({"status": status})
    run("patch", kind, name, "--subresource=status", "--type=merge", f"--patch={patch}", *arguments)


def wait(thing: str, condition: str, *arguments: str) -> None:
    """Until `thing` is so, told by a watch."""
    run("wait", thing, f"--for={condition}", f"--timeout={DEADLINE}", *arguments)


@contextmanager
def watching(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A watch that prints a line for each change, until the end of the block."""
    with subprocess.Popen(["kubectl", "get", "--watch", *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def proxied() -> Iterator[str]:
    """Where this machine reaches the API server without credentials of its own, until the end of the block."""
    with subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]  # Starting to serve on 127.0.0.1:40123
        finally:
            process.terminate()
