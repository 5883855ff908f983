"""What the five tasks share: a `ModelArgs` goes in, a Serve application of one deployment comes out.

A replica fetches and loads its model in the constructor, so that Serve sends it requests only when it can answer. A
model that cannot be loaded must not withhold the others (KubeRay makes the Service only when every application is
RUNNING), so the replica stays, answers 503 with the reason, and says so at `/health`.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from fastapi import APIRouter
from ray.serve import Application

from serve import engine, trim
from serve.adapters import Adapted, Loader
from serve.api import api, model_card
from serve.asgi import ASGI
from serve.card import cards
from serve.deployment import deployed
from serve.errors import ModelUnavailable, UnknownModel
from serve.front.access import Access
from serve.front.front import Front
from serve.front.keys import Keys
from serve.front.limiter import Limiter
from serve.front.log import RequestLog
from serve.front.trace import Trace
from serve.health import Health
from serve.metrics import library, models, series, traffic, use
from serve.pulse import Checkup
from serve.quantity import in_bytes
from serve.quotas.leases import Leases
from serve.report import report
from serve.small import SmallModels
from serve.start import load, start
from serve.store import Store
from serve.use import Meter
from serve.values import ModelArgs, Task


class Replica:
    """One copy of a model. A task sets `protocol` and gives `routes`."""

    task: ClassVar[Task]
    protocol: ClassVar[type]

    async def __init__(self, args: ModelArgs) -> None:  # type: ignore[misc]  # Serve awaits it
        self.args = args
        self.keys = Keys.of_environment()
        self.access = Access()
        self.limiter = Limiter(args.model, Leases())
        self.front: Front | None = None
        self.engine: Any = None
        self.adapted: Adapted | None = None
        self.small: dict[ASGI, Replica] = {}
        self.checkup: Checkup | None = None
        self.failure: ModelUnavailable | None = None
        self.refused: ModelUnavailable | None = None
        with self._failing_alone():
            started = await start(self.task, args, self._load)
            self.engine, self.args, self.refused = started.engine, started.args, started.refused

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Serve calls this with the `user_config`, and again when it changes, while requests go on."""
        self.access = Access.model_validate(config)
        self.limiter.limits = self.access.limits
        if self.front is not None:
            self.front.allow(self.access.origins)

    @contextmanager
    def _failing_alone(self) -> Iterator[None]:
        """Keeps what went wrong as the reason for being unavailable; a replica that died would be started anew."""
        try:
            yield
        except ModelUnavailable as error:
            self.failure = error
        except Exception as error:
            self.failure = ModelUnavailable(f"model {self.args.model!r}: {type(error).__name__}: {error}")
        if self.failure is not None:
            report("%s", self.failure, level=logging.ERROR)

    def _load(self, args: ModelArgs) -> Any:
        """A task adds whether the model is one of its own."""
        return load(args)

    def routes(self) -> APIRouter:
        """The task's endpoints, where the engine does not bring its own application."""
        return APIRouter()

    async def app(self) -> ASGI:
        """The task's application; a task whose engine brings its own returns that."""
        app = api(self.args.model)
        app.include_router(self.routes())
        app.get("/v1/models")(self.models)
        return app

    async def answering(self) -> ASGI:
        """The same, from when on its engine is looked after."""
        app = await self.app()
        pulse = next(part.pulse for part in self._parts() if hasattr(part, "pulse"))
        self.checkup = Checkup(pulse, self.probe, self.args.stall_timeout)
        return app

    async def models(self) -> dict[str, Any]:
        return {"object": "list", "data": [model_card(name) for name in self.served_names()]}

    async def __serve_build_asgi_app__(self) -> Front:
        app: ASGI = self._refuse
        if self.failure is None:
            with self._failing_alone():
                app = await self._with_adapters(await self.answering())
        most = self.args.max_ongoing_requests + self.args.max_queued_requests
        self.front = Front(
            Health(app, self.args.model, self.state),
            self.keys,
            model=self.args.model,
            limiter=self.limiter,
            max_body=in_bytes(self.args.max_body),
            max_requests=most,
            queue_timeout=self.args.queue_timeout,
            request_timeout=self.args.request_timeout,
            trace=Trace(self.args.model),
            watches=[traffic.watch, RequestLog(self.args.model)],
        )
        meter = Meter(self.args.placement, cards(self.args.placement))
        self._repeated = (
            asyncio.create_task(series.repeat(self._say)),
            asyncio.create_task(use.repeat(self.args.model, meter)),
            asyncio.create_task(trim.repeat()),
        )
        self.front.allow(self.access.origins)
        return self.front

    async def _with_adapters(self, app: ASGI) -> ASGI:
        if self.args.adapters is None:
            return app
        most = self.args.adapters.max
        store = Store(self.args.model, self.args.adapters.source)
        loader = self.loader(store)
        self.adapted = Adapted(app, self.served_names(), most, store, loader, known=self.keys, limiter=self.limiter)
        return self.adapted

    def loader(self, store: Store) -> Loader:
        """What answers for `<key>:<id>`: a small model of this task by this engine, with a part of the memory."""
        task = next(cls for cls in type(self).__mro__ if "task" in vars(cls))  # Serve's own wrapping is not wanted.

        async def make(args: ModelArgs) -> Replica:
            small: Replica = object.__new__(task)
            await Replica.__init__(small, args)
            return small

        return SmallModels(self.args, store, self.small, make)

    def _say(self) -> None:
        trouble = self.failure or self.refused
        cause = trouble.cause if trouble else "ok"
        models.AVAILABLE.say({(self.args.model, cause): float(self.failure is None)})
        traffic.say(self.args.model, self.task, self.front.requests if self.front else 0, self.waiting())
        library.say(self.args.engine)

    def _parts(self) -> tuple[Any, ...]:
        """The engine and what leads to it."""
        return (getattr(self, "batcher", None), getattr(self, "device", None), self.engine)

    def waiting(self) -> int:
        """Requests that wait for the device, where the engine or what leads to it can tell."""
        here = sum(len(getattr(part, "waits", ())) for part in self._parts())
        return here + sum(small.waiting() for small in self.small.values())

    async def _refuse(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and self.failure is not None:
            raise self.failure

    def state(self) -> dict[str, Any]:
        """What `/health` tells who brings a key; raises ModelUnavailable where the model could not be loaded."""
        if self.failure is not None:
            raise self.failure
        known = {"status": "ok", "model": self.args.model, "task": self.task, "engine": self.args.engine}
        if self.refused is not None:
            known |= {"device": "cpu", "reason": self.refused.message}
        return known if self.adapted is None else {**known, "adapters": self.adapted.state()}

    async def probe(self) -> None:
        """The smallest request that shows whether the engine computes."""
        raise NotImplementedError

    async def check_health(self) -> None:
        """Serve asks this every ten seconds. One that could not be loaded stays: another start changes nothing."""
        if self.checkup is not None:
            self.checkup.check()
        for small in self.small.values():
            await small.check_health()

    def __del__(self) -> None:
        """Serve calls this when it stops the replica."""
        self.close()

    def close(self) -> None:
        """Ends what outlives this object: a batcher's thread, and an engine's own processes."""
        for part in (getattr(self, "batcher", None), self.engine):
            close = getattr(part, "close", None)
            if close is not None:
                close()

    def served_names(self) -> list[str]:
        return [self.args.model, *self.args.names]

    def must_serve(self, name: str | None) -> None:
        """Raises UnknownModel unless `name` is one of this model's, or absent."""
        if name and name not in self.served_names():
            raise UnknownModel(
                f"model {name!r} is not served here; this is {', '.join(self.served_names())}", param="model"
            )

    @classmethod
    def prepared(cls, args: ModelArgs) -> ModelArgs:
        """The same with what adapters ask of the engine."""
        return args

    @classmethod
    def application(cls, args: ModelArgs) -> Application:
        """The deployment with the placement and the bounds that the entry asks for."""
        engine.must_do(cls.task, cls.protocol, args.engine, f"models.{args.model}")
        args = cls.prepared(args)
        engine.config(args)
        return deployed(cls, args)
