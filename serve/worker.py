"""What batch tasks share: a `JobArgs` goes in, every row of its input is written once below its output.

Ray Data hands parts to workers, one for each GPU; a worker reads a part, computes and writes it, and only then does it
count. So a worker that dies, with its pod or alone, costs the parts that it was at, which the next one begins anew, and
a job that is started again does what is missing. What looks at input and output runs where the workers do: the head,
where the job's own process is, has no model cache.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from io import BytesIO
from threading import Thread
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from ray import data as ray_data

from serve import engine, parts, sources
from serve.card import cards
from serve.deployment import PIN
from serve.errors import InferenceError
from serve.job import JobArgs
from serve.metrics import series, traffic, use
from serve.parts import place
from serve.parts.part import Part
from serve.parts.rows import Row, rows
from serve.progress import Progress
from serve.turn import turn
from serve.use import Meter
from serve.values import ModelArgs

TASK = "batch"  # As the metrics call it: what is served has the tasks' own names.
AT_ONCE = 2  # Parts in one worker: one is read or written while the other is computed.


class Worker:
    """One copy of a model. A task sets `protocol` and gives `table`."""

    protocol: ClassVar[type]

    def __init__(self, args: JobArgs) -> None:
        self.args = args
        self.input, _ = place.inputs(args.input)
        self.output = place.folder(args.output)
        folder = sources.fetch(args.source, args.job)
        loaded = args.model_dump(include={"engine", "engine_config", "source", "placement"})
        model = ModelArgs(model=args.job, **loaded)
        with turn(model):
            self.engine = engine.load(model, folder)
        meter = Meter(model.placement, cards(model.placement))
        Thread(target=lambda: asyncio.run(self._say(meter)), name="metrics", daemon=True).start()

    async def _say(self, meter: Meter) -> None:
        """The sizes of batches, and what the GPU is used for, for as long as the process lives."""
        of = (self.args.job, TASK)
        await asyncio.gather(series.repeat(lambda: traffic.BATCH.say(of)), use.repeat(self.args.job, meter))

    def table(self, rows: Sequence[Row]) -> pa.Table:
        """What is written of them, a row for each, with the reason in `error` where it has no answer."""
        raise NotImplementedError

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        part = Part(**row)
        table = self.table(rows(self.input, part, self.args))
        written = BytesIO()
        pq.write_table(table, written)
        self.output.write(part.name, written.getvalue())
        return {"rows": len(table), "errors": len(table) - table["error"].null_count}


def work(args: JobArgs, worker: type[Worker]) -> None:
    """Does what is missing, and says in the log how far it is."""
    engine.must_do(args.task, worker.protocol, args.engine, f"jobs.{args.job}")
    engine.options(args.engine, args.engine_config, f"jobs.{args.job}")
    found, missing = _look(args)
    progress = Progress(args.job, len(found), len(missing))
    if missing:
        for done in _results(args, worker, missing):
            progress.add(done["rows"], done["errors"])
    _, missing = _look(args)
    if missing:
        raise InferenceError(
            f"jobs.{args.job}: {len(missing)} parts were computed and are not there, {missing[0].name}"
        )
    progress.end()


def _look(args: JobArgs) -> tuple[list[Part], list[Part]]:
    """All parts and the missing ones, as a pod of the accelerator sees them."""
    look = ray.remote(num_cpus=0, resources={args.placement.accelerator: PIN})(parts.all_and_missing)
    seen: tuple[list[Part], list[Part]] = ray.get(look.remote(args))
    return seen


def _results(args: JobArgs, worker: type[Worker], missing: Sequence[Part]) -> Any:
    """What workers return of each part, as they finish."""
    context = ray_data.DataContext.get_current()
    context.enable_progress_bars = False  # The log of a job is no terminal, and its readers do not tune Ray Data.
    context.issue_detectors_config.detectors = []
    pool = ray_data.ActorPoolStrategy(
        size=args.copies, max_concurrent_calls_per_actor=AT_ONCE, enable_true_multi_threading=True
    )
    items = [asdict(part) for part in missing]
    results = ray_data.from_items(items, override_num_blocks=len(items)).map(
        worker,
        fn_constructor_args=[args],
        compute=pool,
        num_cpus=args.placement.cpus,
        num_gpus=args.placement.num_gpus,
        resources={args.placement.accelerator: PIN},
    )
    return results.iter_rows()
