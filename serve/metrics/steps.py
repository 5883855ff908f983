"""What vLLM's scheduler says of each of its steps: its statistics go in, our histograms and who waits come out."""

import time
from typing import Any

from serve.metrics.traffic import BATCH, QUEUE
from serve.pulse import Pulse


class Steps:
    """A stat logger of vLLM's, as a factory that makes itself; its length says how many wait."""

    def __init__(self) -> None:
        self._waiting = 0
        self.pulse = Pulse()

    def __call__(self, config: Any, engine_index: int = 0) -> "Steps":
        return self

    def __len__(self) -> int:
        return self._waiting

    def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
        self.pulse.ended = time.monotonic()
        self.pulse.rest()
        if scheduler_stats is not None:
            if scheduler_stats.num_running_reqs or scheduler_stats.num_waiting_reqs:
                self.pulse.begin()
            self._waiting = scheduler_stats.num_waiting_reqs
            if scheduler_stats.num_running_reqs:
                BATCH.observe(scheduler_stats.num_running_reqs)
        if iteration_stats is not None:
            for request in iteration_stats.finished_requests:
                QUEUE.observe(request.queued_time)

    def begin(self) -> None:
        """A request has come, and a step is due."""
        if self.pulse.since is None:
            self.pulse.begin()

    def log(self) -> None:
        """It logs nothing."""

    def log_engine_initialized(self) -> None:
        """Nor then."""

    def record_sleep_state(self, is_awake: int, level: int) -> None:
        """It never sleeps here."""
