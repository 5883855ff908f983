"""Chat and text: everything that vLLM's own OpenAI server answers goes in and comes out unchanged.

The engine brings its application, with streaming, tools, structured output and adapters; the task adds only the front
that all tasks share.
"""

from ray.serve import Application

from serve import engine
from serve.adapters import Loader
from serve.asgi import ASGI
from serve.engine import Adaptable, LanguageModel
from serve.errors import ConfigurationError
from serve.replica import Replica
from serve.routing.router import routed
from serve.store import Store
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

    def loader(self, store: Store) -> Loader:
        assert isinstance(self.engine, Adaptable)  # noqa: S101  # `prepared` has looked.
        return Beside(self.engine, self.own, store)

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


class Beside:
    """Loads adapters into an engine, whose application answers for them too, by their names."""

    def __init__(self, engine: Adaptable, app: ASGI, store: Store) -> None:
        self._engine = engine
        self._app = app
        self._store = store

    async def load(self, id: str) -> ASGI:
        await self._engine.add(self._store.name(id), await self._store.folder(id))
        return self._app

    async def drop(self, id: str, app: ASGI) -> None:
        await self._engine.remove(self._store.name(id))


def build(args: Args) -> Application:
    return routed(Llm.application(args), args, args.routing)
