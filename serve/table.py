"""The gateway's table of models: a path and a name go in, or a Host header, the key of the model comes out."""

from typing import Literal

from serve.errors import BadRequest, UnknownModel
from serve.front.key import Key
from serve.ledger import Ledger
from serve.values import Closed, Task

ALIAS = "-predictor"  # As KServe names the Service of a model.
TASKS: dict[str, Task] = {  # By endpoint; every other path under /v1 is one of vLLM's server.
    "/tokenize": "llm", "/detokenize": "llm",
    "/v1/audio/transcriptions": "stt", "/v1/audio/translations": "stt",
    "/v1/audio/speech": "tts", "/v1/audio/voices": "tts",
    "/v1/embeddings": "embeddings", "/embed": "embeddings",
    "/v1/rerank": "rerank", "/v2/rerank": "rerank", "/rerank": "rerank", "/v1/score": "rerank",
}  # fmt: skip


def for_a_model(path: str) -> bool:
    """Whether a model answers `path`, and not the gateway itself."""
    return path in TASKS or (path.startswith("/v1/") and not path.startswith("/v1/models"))


class Entry(Closed):
    """What the gateway knows of a model."""

    task: Task
    """Decides which paths it answers."""
    names: tuple[str, ...] = ()
    """Further names."""
    engine: str
    """Shown with its state."""
    accelerator: str
    """Shown with its state."""
    queue_timeout: float = 60
    """Seconds that a request waits for a replica."""
    rests: Literal["replicas", "nodes"] | None = None
    """What it does not have while nobody asks for it: no replicas, or no node to have them on either."""


class Table(Closed):
    """The gateway's `user_config`."""

    models: dict[str, Entry] = {}
    """By their key in the values file."""
    address: str = "http://127.0.0.1:8000"
    """Serve's proxy, which leads to each model's path."""
    alias_prefix: str = ""
    """What the chart puts before `<model>-predictor`."""
    origins: tuple[str, ...] = ()
    """Whose pages may read answers in a browser."""
    ledger: Ledger = ()
    """Who takes what of each card, for the metrics."""

    def find(self, name: str) -> str | None:
        """The key of the model that is served under `name`; `<key>:<id>` is an adapter of it."""
        for key, entry in self.models.items():
            if name in (key, *entry.names):
                return key
        adapted = name.partition(":")[0]
        return adapted if adapted in self.models else None

    def known(self, name: str, key: Key) -> str:
        """The same for `key`. Raises UnknownModel, or Forbidden where the key is for others."""
        model = self.find(name)
        if model is None:
            served = ", ".join(filter(key.may_ask, self.models)) or "none"
            raise UnknownModel(f"the model {name!r} does not exist; models: {served}", param="model")
        key.must_be_for(model)
        return model

    def choose(self, name: str | None, path: str, key: Key) -> str:
        """The model that shall answer `path`. Raises as `known`, or BadRequest where the choice is not clear."""
        task = TASKS.get(path, "llm")
        fitting = [model for model, entry in self.models.items() if entry.task == task and key.may_ask(model)]
        if not name:
            if len(fitting) == 1:
                return fitting[0]
            raise BadRequest(f"model: name one for {path}: {', '.join(fitting) or 'none is served'}", param="model")
        model = self.known(name, key)
        if model not in fitting:
            does = self.models[model].task
            wants = f"{path} is for {task}: {', '.join(fitting) or 'none is served'}"
            raise BadRequest(f"model {name!r} does {does}, and {wants}", param="model")
        return model

    def aliased(self, host: str) -> str | None:
        """The model whose alias a Host header names, such as `whisper-predictor.ai-ml:8000`."""
        label = host.lower().partition(":")[0].partition(".")[0]
        return next((model for model in self.models if label == f"{self.alias_prefix}{model}{ALIAS}"), None)
