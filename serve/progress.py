"""How far a job is: parts as they are done go in, a line now and then comes out in the job's log."""

import time

SECONDS = 10.0


class Progress:
    """Counts from `all` parts and those of them that are `missing`."""

    def __init__(self, job: str, all: int, missing: int) -> None:
        self.job, self.all, self.done = job, all, all - missing
        self.rows = self.errors = 0
        self.began = self.said = time.monotonic()
        earlier = f", {self.done} written before" if self.done else ""
        print(f"{job}: {all} parts{earlier}", flush=True)

    def add(self, rows: int, errors: int) -> None:
        """A part with so many rows is written, so many of them without an answer."""
        self.done += 1
        self.rows += rows
        self.errors += errors
        if time.monotonic() - self.said >= SECONDS:
            self._say()

    def end(self) -> None:
        self._say()
        print(f"{self.job}: all rows are written", flush=True)

    def _say(self) -> None:
        self.said = time.monotonic()
        rate = self.rows / max(self.said - self.began, 1e-9)
        lacking = f", {self.errors:,} of them with an error" if self.errors else ""
        counted = f"{self.rows:,} rows{lacking}, {rate:,.0f} rows/s"
        print(f"{self.job}: {self.done} of {self.all} parts, {counted}", flush=True)
