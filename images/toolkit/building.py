"""A planned image and the context go in, the id of a built one comes out; it gets a name when it passed its contract.

The SDK drives the Engine's classic builder only (https://github.com/docker/docker-py/issues/2230), so the Dockerfiles
keep to what that knows.
"""

from typing import IO

import docker
from docker.errors import APIError

from images.toolkit.engine import Refused, follow, reason
from images.toolkit.errors import BaseUnresolved, BuildFailed, ImageError
from images.toolkit.plan import Image
from images.toolkit.report import Step

LAST_LINES = 15


def build(client: docker.DockerClient, image: Image, context: IO[bytes], cache: bool, step: Step) -> str:
    """The image's id."""
    context.seek(0)
    try:
        entries = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=image.dockerfile,
            buildargs=dict(image.arguments),
            platform=image.platform,
            nocache=not cache,
            rm=True,
            forcerm=True,
            decode=True,
        )
        return str(follow(entries, step)["ID"])
    except (Refused, APIError) as error:
        raise _failure(image, reason(error), step.lines) from error


def _failure(image: Image, said: str, lines: list[str]) -> ImageError:
    begun = [number for number, line in enumerate(lines) if line.startswith("Step ")]
    if not begun:
        return BuildFailed(f"the Docker Engine does not accept {image.dockerfile}: {said}")
    step = lines[begun[-1]]
    if step.partition(" : ")[2].upper().startswith("FROM "):
        return BaseUnresolved(
            f"there is no base {image.base} to be had: {said}\n"
            f"Correct ARG BASE in {image.dockerfile}, or give another with --base."
        )
    last = "\n".join(f"  {line}" for line in lines[begun[-1] + 1 :][-LAST_LINES:])
    return BuildFailed(f"{image.dockerfile} failed in {step}\n{last}\n{said}\nCorrect that line or what it installs.")
