"""Dockerfiles go in; their ARG BASE lines then name the digest that the registry has today for the same tag."""

import docker
from docker.errors import APIError

from images.toolkit import atomic
from images.toolkit.engine import reason
from images.toolkit.errors import BaseUnresolved
from images.toolkit.vendors import BASE_LINE, Vendor


def pin(client: docker.DockerClient, vendor: Vendor) -> str:
    """The base with today's digest, which the Dockerfile then has."""
    tagged = vendor.base.partition("@")[0]
    try:
        digest = client.images.get_registry_data(tagged).id
    except APIError as error:
        raise BaseUnresolved(
            f"the registry has no {tagged}: {reason(error)}\n"
            f"Correct ARG BASE in {vendor.context_path}, or log in: docker login"
        ) from error
    pinned = f"{tagged}@{digest}"
    text = BASE_LINE.sub(lambda _: f"ARG BASE={pinned}", vendor.dockerfile.read_text(), count=1)
    atomic.write(vendor.dockerfile, text)
    return pinned
