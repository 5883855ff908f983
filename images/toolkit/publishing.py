"""A tested image goes in, its digest in the registry comes out; the credentials are those of `docker login`."""

import re
from dataclasses import dataclass

import docker
from docker.auth import resolve_repository_name
from docker.errors import APIError

from images.toolkit.engine import Refused, follow, reason
from images.toolkit.errors import PushFailed
from images.toolkit.plan import Image
from images.toolkit.report import Step

# What the Engine says, and the way out.
WAYS_OUT = {
    r"unauthorized|denied|authentication|no basic auth": "Log in as someone who may write there: docker login {}",
    r"status: 5\d\d|no space|unknown error": "{} failed by itself: look at its log and its disk, then push again.",
    r"": "See whether {} is up and can be reached from the Docker Engine, then push again.",
}


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where the image lies in the registry."""

    digest: str
    changed: bool


def tag(client: docker.DockerClient, image: Image, identity: str) -> None:
    client.api.tag(identity, image.repository, image.tag)


def push(client: docker.DockerClient, image: Image, identity: str, step: Step) -> Published:
    """Sends what the registry has not."""
    if digest := _there(client, image, identity):
        step.write(f"unchanged: {image.reference} is {digest} already\n")
        return Published(digest=digest, changed=False)
    try:
        entries = client.api.push(image.repository, tag=image.tag, stream=True, decode=True)
        return Published(digest=follow(entries, step)["Digest"], changed=True)
    except (Refused, APIError) as error:
        raise _failure(image, reason(error)) from error


def _there(client: docker.DockerClient, image: Image, identity: str) -> str | None:
    """The digest under the image's tag in the registry, if it is this image's."""
    try:
        digest = str(client.images.get_registry_data(image.reference).id)
    except APIError:  # There is none, or the registry does not answer, which the push will explain.
        return None
    known = client.images.get(identity).attrs["RepoDigests"] or []
    return digest if f"{image.repository}@{digest}" in known else None


def _failure(image: Image, said: str) -> PushFailed:
    host = resolve_repository_name(image.repository)[0]
    way_out = next(text for pattern, text in WAYS_OUT.items() if re.search(pattern, said, re.IGNORECASE))
    return PushFailed(
        f"{host} did not take {image.reference}: {said}\n{way_out.format(host)}\n"
        "The image is built and tested here; no digest was recorded."
    )
