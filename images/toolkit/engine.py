"""The Docker Engine as the toolkit meets it: a client, what it streams while it works, a container that never stays."""

import signal
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from images.toolkit.errors import NoEngine, Stopped
from images.toolkit.report import Step

# Nobody hears from the Engine while it compresses a layer or waits for a registry; its death ends the wait earlier.
SILENCE_SECONDS = 3600
# Said of every layer before anything happens to it.
NOISE = {"Preparing", "Waiting"}


class Refused(Exception):
    """The Engine ended a stream with an error."""


def reason(error: Refused | APIError) -> str:
    """The Engine's own words, without the address that they came from."""
    return str(getattr(error, "explanation", None) or error).strip()


@contextmanager
def connected() -> Iterator[docker.DockerClient]:
    """The Engine that DOCKER_HOST names, or this machine's; a NoEngine if it is not there, or goes away meanwhile."""
    try:
        client = docker.from_env(timeout=SILENCE_SECONDS)
        client.ping()
    except (DockerException, RequestException) as error:
        raise NoEngine(f"no Docker Engine answers; start one, or name one by DOCKER_HOST ({error})") from error
    try:
        yield client
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise NoEngine(f"the Docker Engine failed or went away: see its log, then run this again ({error})") from error
    finally:
        client.close()


def follow(entries: Iterable[Mapping[str, Any]], step: Step) -> dict[str, Any]:
    """Shows what the Engine says while it builds or pushes; returns the results that it put between."""
    results: dict[str, Any] = {}
    said: dict[str, str] = {}
    for entry in entries:
        if "error" in entry:
            step.end()
            raise Refused(entry["error"])
        results |= entry.get("aux") or {}
        step.write(entry.get("stream") or _status(entry, said))
    step.end()
    return results


def _status(entry: Mapping[str, Any], said: dict[str, str]) -> str:
    """A layer's status once, instead of a line for each percent."""
    layer, status = entry.get("id", ""), entry.get("status", "")
    if not status or status in NOISE or said.get(layer) == status:
        return ""
    said[layer] = status
    return f"{layer}: {status}\n" if layer else f"{status}\n"


@contextmanager
def container(client: docker.DockerClient, image: str, command: Sequence[str], **how: Any) -> Iterator[Container]:
    """A container of the image, not started; removed whatever happens."""
    name = f"ai-inference-contract-{uuid.uuid4().hex[:12]}"
    try:
        with _held():
            made = client.containers.create(image, list(command[1:]), entrypoint=[command[0]], name=name, **how)
        yield made
    finally:
        with _held(), suppress(NotFound):
            client.api.remove_container(name, force=True, v=True)


@contextmanager
def _held() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: between the Engine's deed and its answer it would leave a container."""
    pressed: list[Any] = []
    kept = {number: signal.signal(number, lambda *_: pressed.append(_)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if pressed:
            raise Stopped
