"""vLLM's client as one that says what each request takes: what vLLM itself counts is read when the answer has ended.

So who leaves early has used what was computed for it, and an answer of many tokens costs no more to count than of few.
A request that its scheduler has not begun with when its deadline comes is refused.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from serve.front.deadline import deadline
from serve.front.usage import Usage, usage
from serve.metrics.steps import Steps


def metered(client: type[Any], steps: Steps) -> type[Any]:
    """The class `client`, an AsyncLLM, whose requests are counted; `steps` is told of its scheduler's."""

    class Metered(client):  # type: ignore[misc]  # vLLM is imported by who calls this.
        async def _add_request(self, request: Any, prompt: Any, parent: Any, index: int, queue: Any) -> None:
            """One of the answers to a prompt, which is read once for all."""
            steps.begin()
            await super()._add_request(request, prompt, parent, index, queue)
            states = self.output_processor.request_states
            state = states.get(request.request_id)
            if state is None:
                return
            used, due = usage(), deadline()
            used.later(partial(_count, state, first=index == 0))
            if due and (alarm := due.watch(lambda: _waits(state, states, len(steps)))):
                used.later(lambda _: alarm.cancel())

    return Metered


def _waits(state: Any, states: Mapping[str, Any], waiting: int) -> bool:
    """Whether it is one of those that the scheduler lets wait, which are the last that came and have no token yet."""
    if not state.is_prefilling:
        return False
    new = [id for id, one in states.items() if one.is_prefilling]
    return state.request_id in new[len(new) - min(waiting, len(new)) :]


def _count(state: Any, used: Usage, *, first: bool) -> None:
    used.input_tokens += state.prompt_len if first else 0
    used.output_tokens += state.detokenizer.num_output_tokens() if state.detokenizer else 0
