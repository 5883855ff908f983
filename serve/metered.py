"""vLLM's client as one that says what each request takes: what vLLM itself counts is read when the answer has ended.

So who leaves early has used what was computed for it, and an answer of many tokens costs no more to count than of few.
"""

from functools import partial
from typing import Any

from serve.front.usage import Usage, usage


def metered(client: type[Any]) -> type[Any]:
    """The class `client`, an AsyncLLM, whose requests are counted."""

    class Metered(client):  # type: ignore[misc]  # vLLM is imported by who calls this.
        async def _add_request(self, request: Any, prompt: Any, parent: Any, index: int, queue: Any) -> None:
            """One of the answers to a prompt, which is read once for all."""
            await super()._add_request(request, prompt, parent, index, queue)
            state = self.output_processor.request_states.get(request.request_id)
            if state is not None:
                usage().later(partial(_count, state, first=index == 0))

    return Metered


def _count(state: Any, used: Usage, *, first: bool) -> None:
    used.input_tokens += state.prompt_len if first else 0
    used.output_tokens += state.detokenizer.num_output_tokens() if state.detokenizer else 0
