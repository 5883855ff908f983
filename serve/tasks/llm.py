"""Chat and text: everything that vLLM's own OpenAI server answers goes in and comes out unchanged.

The engine brings its application, with streaming, tools, structured output and adapters; the task adds only the front
that all tasks share.
"""

from ray.serve import Application

from serve.engine import LanguageModel
from serve.front import ASGI
from serve.replica import Replica
from serve.values import ModelArgs


class Args(ModelArgs):
    """Arguments of a language model's application."""


class Llm(Replica):
    """Serves one language model."""

    task = "llm"
    protocol = LanguageModel
    engine: LanguageModel

    async def app(self) -> ASGI:
        app: ASGI = await self.engine.app(self.served_names())
        return app

    async def check_health(self) -> None:
        if self.failure is None:
            await self.engine.check()


def build(args: Args) -> Application:
    return Llm.application(args)
