"""An entry of `jobs` as a type, and what its RayJob is started with.

A job names its engine and source itself, so that a change of a served model starts no job anew. The chart turns a `Job`
into the `JobArgs` of its entrypoint by replacing the accelerator's name with a `Placement`: one GPU with all its
memory, as the pods of a job are its own.
"""

from typing import Any, Literal

from pydantic import Field

from serve.quantity import Quantity
from serve.values import MODEL_NAME, Closed, Placement, Source


class Work(Closed):
    """What the entry of a job and the arguments of its entrypoint share: what the rows become."""

    task: Literal["embeddings"]
    """The module of serve/batch that does it."""
    engine: str
    """The module of serve/engines that runs it."""
    engine_config: dict[str, Any] = {}
    """Options of the engine, typed by its Config."""
    source: Source
    """Where the weights come from."""
    input: str = Field(min_length=1)
    """A file, a folder or a pattern, on a path below /models or by a URL such as s3://bucket/texts/*.jsonl: .jsonl,
    .parquet, or .txt with a text to a line."""
    output: str = Field(min_length=1)
    """A folder that gets the rows as parquet, on a path below /models or by a URL."""
    column: str = "text"
    """Which key or column of the input holds the text."""
    id: str | None = None
    """Which one names the row; default: its file, and where in the file it begins."""
    truncate: bool = False
    """Cut texts that the model takes no more of, instead of leaving them without an answer."""
    part: Quantity = "1Mi"
    """How much of a file is worked on, written and, after a break, begun anew at a time."""


class Job(Work):
    """An entry of `jobs`: one RayJob with a Ray cluster of its own."""

    enabled: bool = True
    """False leaves the entry out; an overlay can switch one job off."""
    accelerator: str
    """The key under `accelerators` whose pods it runs in, beside those of the service."""
    workers: int = Field(1, ge=1)
    """How many such pods; each GPU in them has a copy of the model."""
    queue: str = Field("", pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")
    """The scheduler's queue in which it waits for room; none: it starts at once."""
    scheduler: Literal["kueue", "volcano", "yunikorn"] = "kueue"
    """Whose queue that is."""
    suspend: bool = False
    """Give its pods back and wait, where no queue decides that."""
    retries: int = Field(2, ge=0)
    """How often it begins anew with a new cluster when it fails; what is written stays."""
    deadline: int | None = Field(None, ge=1)
    """Seconds after which it has failed, retries and all."""
    ttl: int = Field(300, ge=0)
    """Seconds that its cluster, and with it the log, stays when it has ended."""


class JobArgs(Work):
    """Arguments of `ai-inference batch`."""

    job: str = Field(pattern=MODEL_NAME)
    """The key under `jobs`."""
    placement: Placement
    """Where each copy of the model runs, and with what."""
    copies: int = Field(1, ge=1)
    """How many there are."""
