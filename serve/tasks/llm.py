"""Chat and text: everything that vLLM's own OpenAI server answers goes in and comes out unchanged.

The engine brings its application, with streaming, tools, structured output and adapters; the task adds only the front
that all tasks share.
"""

from ray.serve import Application

from serve import engine
from serve.asgi import ASGI
from serve.engine import Adaptable, LanguageModel
from serve.errors import ConfigurationError
from serve.replica import Replica
from serve.routing.router import routed
from serve.values import ModelArgs, Routing


class Args(ModelArgs):
    """Arguments of a language model's application."""

    routing: Routing = "balanced"
    """Which of its replicas answers."""


class Llm(Replica):
    """Serves one language model."""

    task = "llm"
    protocol = LanguageModel
    engine: LanguageModel
    own: ASGI

    async def app(self) -> ASGI:
        self.own = await self.engine.app(self.served_names())
        return self.own

    async def load_adapter(self, id: str) -> ASGI:
        """The engine's application answers for adapters too, by their names."""
        await self._engine.add(self.adapter_name(id), await self.fetch_adapter(id))
        return self.own

    async def drop_adapter(self, id: str, app: ASGI) -> None:
        await self._engine.remove(self.adapter_name(id))

    @property
    def _engine(self) -> Adaptable:
        assert isinstance(self.engine, Adaptable)  # noqa: S101  # `prepared` has looked.
        return self.engine

    @classmethod
    def prepared(cls, args: ModelArgs) -> ModelArgs:
        """The engine has room for as many adapters as a replica may hold."""
        if args.adapters is None:
            return args
        if not issubclass(engine.module(args.engine).Engine, Adaptable):
            raise ConfigurationError(f"models.{args.model}.adapters: engine {args.engine!r} takes no adapters")
        room = {"maxLoras": args.adapters.max, **args.engine_config}
        return args.model_copy(update={"engine_config": room})

    async def check_health(self) -> None:
        if self.failure is None:
            await self.engine.check()
        await super().check_health()

    async def probe(self) -> None:
        await self.engine.probe()


def build(args: Args) -> Application:
    return routed(Llm.application(args), args, args.routing)
