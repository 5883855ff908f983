"""Whether a served model computes what it should: a way to it goes in, a remark on its answer comes out, or Wrong.

Naming equation: `checks/<task>.py` has `check(way, meaning)`, which sends a real request or two. It looks at numbers,
which are sound whatever the weights, and with `meaning` at what only a trained model gets right: nonsense from a broken
accelerator can have sound numbers.
"""

import asyncio
import importlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import aiohttp

from serve.values import Closed, Task

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 120.0  # The first request of a replica may compile kernels.


class Checked(Closed):
    """A model that shall be checked."""

    task: Task
    """Decides the requests."""
    check: Literal["meaning", "numbers"] = "meaning"
    """As the entry of the values file says it."""
    alias: str | None = None
    """Host and port of its alias, where it has one."""


class Wrong(Exception):
    """What is wrong with an answer, or that there is none."""


@dataclass(frozen=True)
class Finding:
    """What came of one model."""

    model: str
    well: bool
    remark: str


def must(holds: Any, otherwise: str) -> None:
    """Raises Wrong with `otherwise` unless it `holds`."""
    if not holds:
        raise Wrong(otherwise)


@dataclass(frozen=True)
class Way:
    """One address of a model, asked until `deadline` for as long as the model is only starting."""

    session: aiohttp.ClientSession
    address: str
    model: str
    deadline: float

    async def post(self, path: str, *, form: Mapping[str, Any] | None = None, **fields: Any) -> bytes:
        """The answer to a body of `fields`, or to a form, with the model's name in it."""
        while True:
            data = None if form is None else _form({"model": self.model, **form})
            body = {"model": self.model, **fields} if form is None else None
            try:
                async with self.session.post(self.address + path, json=body, data=data) as answer:
                    content = await answer.read()
                    if answer.status == HTTPStatus.OK:
                        return content
                    refusal, passing = _refusal(answer, content), _passes(answer)
            except (aiohttp.ClientError, TimeoutError) as error:
                refusal, passing = f"no answer: {str(error) or type(error).__name__}", True
            must(passing and time.monotonic() < self.deadline, refusal)
            await asyncio.sleep(LOOK_SECONDS)

    async def ask(self, path: str, *, form: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """The same, read as a JSON object that names no other model."""
        found: dict[str, Any] = json.loads(await self.post(path, form=form, **fields))
        must(found.get("model", self.model) == self.model, f"another model answers: {found.get('model')}")
        return found


def _form(fields: Mapping[str, Any]) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value, filename=name if isinstance(value, bytes) else None)
    return form


def _refusal(answer: aiohttp.ClientResponse, content: bytes) -> str:
    """Status and reason, from OpenAI's error object where there is one."""
    try:
        return f"{answer.status}: {json.loads(content)['error']['message']}"
    except (ValueError, LookupError, TypeError):
        return f"{answer.status}: {content[:200].decode(errors='replace')}"


def _passes(answer: aiohttp.ClientResponse) -> bool:
    """Whether it may answer otherwise soon: a change of values is in the proxy and the gateway some seconds later."""
    shaped = answer.content_type == "application/json"
    return "retry-after" in answer.headers or answer.status == HTTPStatus.NOT_FOUND or not shaped


async def check(
    address: str, models: Mapping[str, Checked], patience: float, headers: Mapping[str, str]
) -> AsyncIterator[Finding]:
    """One finding per model, each by itself: at its own path, by its name, and at its alias where it has one.

    `headers` go with each request: the key, where one is needed.
    """
    deadline = time.monotonic() + patience
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        for name, entry in models.items():
            addresses = [f"{address}/{name}", address, *([f"http://{entry.alias}"] if entry.alias else [])]
            ways = [Way(session, found, name, deadline) for found in addresses]
            yield await _found(ways, entry)


async def _found(ways: Sequence[Way], entry: Checked) -> Finding:
    """What the first way says, when all are well."""
    task = importlib.import_module(f"serve.checks.{entry.task}")
    remarks = []
    for way in ways:
        try:
            remarks.append(await task.check(way, entry.check == "meaning"))
        except Wrong as wrong:
            return Finding(way.model, False, f"{way.address}: {wrong}")
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # Not of the shape that clients expect.
            return Finding(way.model, False, f"{way.address}: an answer of another shape: {error!r}")
    return Finding(ways[0].model, True, remarks[0])
