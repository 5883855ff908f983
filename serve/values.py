"""The values file as types: the chart's schema is generated from them, the builders validate with them.

`Model` is an entry of `models`; the chart turns it into the `ModelArgs` of its Serve application by replacing the name
of an accelerator (serve/accelerator.py) with a `Placement`, the share that it computed.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from serve.quantity import Quantity

MODEL_NAME = r"^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$"
Limit = Literal["mps", "hami"]
Task = Literal["llm", "stt", "tts", "embeddings", "rerank"]
Routing = Literal["balanced", "prefix", "session"]


class Closed(BaseModel):
    """Frozen, camelCase outside, and unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, use_attribute_docstrings=True
    )


class Source(Closed):
    """Where the weights come from: exactly one of the four places."""

    hub: str | None = None
    """Repository on the Hugging Face hub, `org/name`."""
    path: str | None = None
    """A folder that every node of the accelerator sees."""
    s3: str | None = None
    """`bucket/prefix` on S3 or anything that speaks it; credentials from the environment."""
    gs: str | None = None
    """`bucket/prefix` on Google Cloud Storage."""
    revision: str | None = None
    """Commit, tag or branch on the hub; elsewhere a name for this version of the files."""
    include: tuple[str, ...] = ()
    """Only files that match one of these patterns, such as `*.safetensors`; empty means all."""

    @model_validator(mode="after")
    def one_place(self) -> Self:
        places = [place for place in ("hub", "path", "s3", "gs") if getattr(self, place)]
        if len(places) != 1:
            raise ValueError(f"name exactly one of hub, path, s3, gs; found {', '.join(places) or 'none'}")
        return self


class Autoscaling(Closed):
    """Serve's own autoscaling for one model."""

    min: int = Field(1, ge=0, description="Replicas kept even when idle.")
    max: int = Field(ge=1, description="Replicas at most.")
    target_ongoing_requests: float = Field(8, gt=0, description="Requests at once that one replica should have.")
    upscale_delay: float = Field(10, ge=0, description="Seconds of load before a replica is added.")
    downscale_delay: float = Field(300, ge=0, description="Seconds of quiet before a replica is removed.")

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"replicas.min {self.min} is above replicas.max {self.max}")
        return self


class Adapters(Closed):
    """Adapters of a language model, or small models of one task, that clients name as `<key>:<id>`."""

    source: Source
    """The place that has each in a folder named by its id; on the hub the organisation whose repositories they are."""
    max: int = Field(4, ge=1)
    """How many one replica holds at once; the least recently used goes for another."""


class Limits(Closed):
    """What one key may use of one model, over all of its replicas; what is not said has no limit."""

    requests_per_minute: int | None = Field(default=None, ge=1)
    """Requests begun in any minute."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens, read and written, in any minute."""
    audio_seconds_per_minute: float | None = Field(default=None, gt=0)
    """Seconds of audio, heard or spoken, in any minute."""
    characters_per_minute: int | None = Field(default=None, ge=1)
    """Characters to speak in any minute."""
    requests_at_once: int | None = Field(default=None, ge=1)
    """Requests that are worked on or wait."""
    max_body: Quantity | None = None
    """Largest request body, where that is less than the model's own; more is answered 413."""
    max_audio: float | None = Field(default=None, gt=0)
    """Seconds of audio in one request, where that is less than the model's own; more is answered 413."""


class Served(Closed):
    """What the entry of a model and the arguments of its application share."""

    names: tuple[str, ...] = ()
    """Further names under which clients may ask for this model, such as `org/name`."""
    engine: str
    """The module of serve/engines that runs it."""
    engine_config: dict[str, Any] = {}
    """Options of the engine, typed by its Config."""
    source: Source
    """Where the weights come from."""
    max_ongoing_requests: int = Field(64, ge=1)
    """Requests at once that one replica is made for; the engine batches as many of them as it can."""
    max_queued_requests: int = Field(256, ge=0)
    """Requests that wait in one replica beyond those; one more is answered 429."""
    queue_timeout: float = Field(60, gt=0)
    """Seconds that a request waits for a replica, and in it to be begun, before it is answered 503."""
    request_timeout: float | None = Field(None, gt=0)
    """Seconds that an answer may take in all; then 504, or the stream breaks."""
    stall_timeout: float = Field(300, gt=0)
    """Seconds at one step after which the engine is taken to hang and its replica is replaced."""
    max_body: Quantity = "32Mi"
    """Largest request body; more is answered 413."""
    adapters: Adapters | None = None
    """Adapters, or further small models, that a replica loads when they are first asked for."""
    load_patience: float = Field(900, ge=0)
    """Seconds that it waits for others which load on its GPU, as they do so one after the other; then it loads too."""
    reference: Literal["compared", "required", "made"] = "compared"
    """Answers of a CPU that its own must match before it gets requests: compared where there are some, required, or
    made here where there are none."""
    fallback: Literal["none", "cpu"] = "none"
    """Where it runs when its GPU cannot load it or computes wrongly: nowhere, or on the CPU of the same pod."""


class Model(Served):
    """An entry of `models`."""

    enabled: bool = True
    """False leaves the entry out; an overlay can switch one model off."""
    task: Task
    """The module of serve/tasks that serves it."""
    accelerator: str
    """The key under `accelerators` where it runs."""
    gpu: float | None = Field(None, gt=0, le=1)
    """Share of one GPU; default: what `memory` is of it, else the whole GPU."""
    gpus: int | None = Field(None, ge=1)
    """Whole GPUs, instead of `gpu`: tensorParallel x pipelineParallel."""
    tensor_parallel: int = Field(1, ge=1)
    """GPUs that share each layer."""
    pipeline_parallel: int = Field(1, ge=1)
    """Groups of GPUs that share the layers."""
    span: bool = False
    """Whether its GPUs may be on several nodes."""
    memory: Quantity | None = None
    """Budget on each GPU it uses; default gpu x (memory - reserve)."""
    cpus: float = Field(1, gt=0)
    """CPU cores that Ray sets aside for one replica."""
    replicas: Annotated[int, Field(ge=1)] | Autoscaling = 1
    """How many copies, or bounds between which Serve scales; a change leaves the copies that stay alone."""
    routing: Routing = "balanced"
    """Which of a language model's replicas answers: whichever has least to do, the one that has had the beginning of
    the prompt, or the one that has had the session."""
    max_audio: float | None = Field(None, gt=0)
    """Seconds of audio in one request of task stt, of which more is answered 413; default 4 hours."""
    drain_timeout: float = Field(120, ge=0)
    """Seconds that a replica which ends goes on with what it has begun."""
    limits: Limits = Limits()
    """What each key may use of it, where the key does not say otherwise."""
    check: Literal["meaning", "numbers"] = "meaning"
    """What `helm test` looks at: also whether answers make sense, or, of a model that does not know English, only
    whether their numbers are sound."""


class Placement(Closed):
    """The share that the chart computed for one replica of a model."""

    accelerator: str
    """Ray custom resource that pins the replica to its worker group."""
    vendor: str
    """Decides the device: cuda and rocm are torch's `cuda`, xpu is `xpu`, cpu is `cpu`."""
    num_gpus: float = Field(0, ge=0)
    """Ray's logical GPUs: a share below 1, or whole GPUs."""
    tensor_parallel: int = 1
    """GPUs that share each layer."""
    pipeline_parallel: int = 1
    """Groups of GPUs that share the layers."""
    span: bool = False
    """Whether those GPUs may be on several nodes."""
    cpus: float = 1
    """CPU cores, which bound the engine's threads."""
    memory: int = Field(ge=0)
    """Budget in bytes on each GPU."""
    device_memory: int = Field(ge=0)
    """Bytes that one GPU has in all."""
    limit: Limit | None = None
    """What holds the process to its budget by force, beside its engine."""

    @property
    def spans(self) -> bool:
        """Whether its engine's workers are apart from the replica's own process."""
        return self.span and self.num_gpus > 1


class ModelArgs(Served):
    """Arguments of a model's Serve application; `serve/tasks/<task>.py` narrows them to its own engines."""

    model: str = Field(pattern=MODEL_NAME)
    """The key under `models`: application, route prefix, alias prefix and served name."""
    placement: Placement
    """Where it runs, and with what share."""
