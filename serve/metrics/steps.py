"""What vLLM's scheduler says of each of its steps: its statistics go in, our histograms and who waits come out."""

from typing import Any

from serve.metrics.traffic import BATCH, QUEUE


class Steps:
    """A stat logger of vLLM's, as a factory that makes itself; its length says how many wait."""

    def __init__(self) -> None:
        self._waiting = 0

    def __call__(self, config: Any, engine_index: int = 0) -> "Steps":
        return self

    def __len__(self) -> int:
        return self._waiting

    def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
        if scheduler_stats is not None:
            self._waiting = scheduler_stats.num_waiting_reqs
            if scheduler_stats.num_running_reqs:
                BATCH.observe(scheduler_stats.num_running_reqs)
        if iteration_stats is not None:
            for request in iteration_stats.finished_requests:
                QUEUE.observe(request.queued_time)

    def log(self) -> None:
        """It logs nothing."""

    def log_engine_initialized(self) -> None:
        """Nor then."""

    def record_sleep_state(self, is_awake: int, level: int) -> None:
        """It never sleeps here."""
