"""The id of a built image goes in; it comes back only if the image does what every image must.

/opt/ai-inference/contract.py says what that is, and it runs inside: as the image's own user, without network and
capabilities, on a root that cannot be written. It prints `ok ...` and `FAILED ...` lines.
"""

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import Any

import docker
from docker.errors import APIError

from images.toolkit.engine import container, reason
from images.toolkit.errors import ContractBroken
from images.toolkit.plan import Image
from images.toolkit.report import Step

PROGRAM = ("python", "/opt/ai-inference/contract.py")
CONFINED = {
    "read_only": True,
    "tmpfs": {"/tmp": "rw,exec,mode=1777"},  # noqa: S108
    "shm_size": "1g",  # Ray's object store.
    "network_mode": "none",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
LAST_LINES = 15


def hold(client: docker.DockerClient, image: Image, identity: str, step: Step) -> None:
    """Runs the contract; a ContractBroken with its FAILED lines if there are any."""
    if status := _run(client, image, identity, step):
        lines = list(_failed(step.lines)) or [
            f"contract.py ended with status {status} after:",
            *step.lines[-LAST_LINES:],
        ]
        raise _broken(identity, "\n".join(f"  {line}" for line in lines))


def _failed(lines: Iterable[str]) -> Iterator[str]:
    """What failed; some reasons have several lines."""
    failed = False
    for line in lines:
        failed = line.startswith("FAILED") or (failed and not line.startswith("ok "))
        if failed:
            yield line.removeprefix("FAILED").strip()


def inventory(client: docker.DockerClient, image: Image, identity: str, step: Step) -> dict[str, Any]:
    """What is installed in the image, by its own account."""
    status = _run(client, image, identity, quiet := Step(), "--inventory")
    try:
        listed: dict[str, Any] = json.loads("\n".join(quiet.lines))
    except ValueError as error:
        raise _broken(identity, f"  contract.py --inventory printed no JSON (status {status})") from error
    step.write(f"{len(listed['python'])} Python packages, {len(listed['system'])} of the distribution\n")
    return listed


def _run(client: docker.DockerClient, image: Image, identity: str, step: Step, *arguments: str) -> int:
    command = (*PROGRAM, *arguments)
    try:
        with container(client, identity, command, environment=dict(image.expected), **CONFINED) as running:
            # Attached before the start: the log of one that ends at once may come back empty.
            output = running.attach(stream=True, stderr=not arguments)
            running.start()
            for text in codecs.iterdecode(output, "utf-8", errors="replace"):
                step.write(text)
            step.end()
            return int(running.wait()["StatusCode"])
    except APIError as error:
        raise _broken(identity, f"  {' '.join(command)} does not start: {reason(error)}") from error


def _broken(identity: str, reasons: str) -> ContractBroken:
    return ContractBroken(
        f"the image does not keep its contract, so it was neither tagged nor pushed:\n{reasons}\n"
        f"Look into it: docker run --rm -it --entrypoint sh {identity}"
    )
