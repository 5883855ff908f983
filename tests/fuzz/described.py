"""Schemathesis against the service's own OpenAPI: each document that it gives goes in, what was answered comes out.

Every operation gets a few requests in turn that fit its schema, and a few that do not, until the time is over.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from tests.fuzz import BOUND_SECONDS, EVERY_SECONDS
from tests.fuzz.client import Answer, Ask, fault
from tests.fuzz.service import Target

EACH = 5
"""Requests to an operation at once, before it is the next one's turn."""
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
GATEWAY = ""
BY_DESIGN: Mapping[str, str] = {}
"""Of vLLM's operations those that answer 5xx as it means them to, with the reason."""
load_all_checks()
PROMISED: list[Any] = [CHECKS.get_one("response_schema_conformance")]
"""What answers must be, where the document is ours."""
FEW = settings(
    max_examples=EACH, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def described(target: Target, seconds: float, seed: int, look: Callable[[], None]) -> Iterator[Answer]:
    """Answers as they come, for so many seconds; `look` is called now and then."""
    operations = [(model, one) for model in (GATEWAY, *target.models) for one in _operations(target, model)]
    until, due = time.monotonic() + seconds, 0.0
    with ThreadPoolExecutor(EACH) as pool:
        for turn, (model, operation) in ((turn, one) for turn in count() for one in operations):
            cases = _cases(operation, MODES[turn % len(MODES)], seed + turn)
            yield from pool.map(lambda case, of=model: _answer(target, of, case), cases)
            if time.monotonic() > due:
                look()
                due = time.monotonic() + EVERY_SECONDS
            if time.monotonic() > until:
                return


def _operations(target: Target, model: str) -> list[Any]:
    """Of the document of a model, or of the gateway."""
    base = f"{target.address}/{model}".rstrip("/")
    document = requests.get(f"{base}/openapi.json", headers=target.headers, timeout=BOUND_SECONDS)
    if document.status_code != 200:  # The verdict names a model that is not well.
        return []
    schema = schemathesis.openapi.from_dict(document.json())
    schema.config.update(base_url=base)
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def _cases(operation: Any, mode: GenerationMode, seed: int) -> list[Case[Any]]:
    """A few, always the same for a seed; none where nothing can be wrong with a request that has nothing in it."""
    found = []

    @hypothesis.seed(seed)
    @FEW
    @given(operation.as_strategy(generation_mode=mode))
    def draw(case: Case[Any]) -> None:
        found.append(case)

    with suppress(Unsatisfiable):
        draw()
    return found


def _answer(target: Target, model: str, case: Case[Any]) -> Answer:
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
        case.body = {**case.body, "model": model}  # By chance none is ever named that is there.
    name = f"{case.method} {case.path}"
    ask = Ask(f"OpenAPI of {model or 'the gateway'}", name, None, repr(case.body).encode("utf-8", "replace"))
    began = time.monotonic()
    try:
        response = case.call(headers=target.headers, timeout=BOUND_SECONDS)
    except (requests.RequestException, ValueError) as error:
        return Answer(ask, 0, time.monotonic() - began, f"no answer: {type(error).__name__}")
    said = fault(response.status_code, b"", response.content, case.path)
    if f"{target.models.get(model)} {name}" in BY_DESIGN and response.status_code >= 500:
        said = ""
    if not said and target.models.get(model) != "llm":
        try:
            case.validate_response(response, checks=PROMISED)
        except FailureGroup as group:
            said = "; ".join(failure.title for failure in group.exceptions)
    return Answer(ask, response.status_code, time.monotonic() - began, said, response.content[:1000])
