"""What processes hold: those that run go in at each look, memory and files of each over time come out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

import psutil

REPLICA = re.compile("ray::ServeReplica:([^:]+):")
PROXY = "haproxy -db"
PLACE = re.compile(r"/\S*/")
AVERAGED = 0.1
"""Of the looks, at either end: one more or less says nothing."""


@dataclass
class Held:
    """By one process over time."""

    name: str
    application: str = ""
    """Whose replica it is, or has been started by."""
    times: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    files: list[float] = field(default_factory=list)

    @property
    def serves(self) -> bool:
        """Whether requests pass through it; Ray's other processes do not."""
        return bool(self.application) or PROXY in self.name

    def after(self, moment: float) -> "Held":
        """What was seen from then on."""
        first = sum(time < moment for time in self.times)
        return Held(self.name, self.application, self.times[first:], self.megabytes[first:], self.files[first:])

    def growth(self) -> float:
        """Of memory, as a part of what there was; 1 where there was none."""
        begin, end = ends(self.megabytes)
        return end / begin - 1 if begin else float(end > 0)

    def more_megabytes(self) -> float:
        begin, end = ends(self.megabytes)
        return end - begin

    def more_files(self) -> float:
        begin, end = ends(self.files)
        return end - begin


def ends(values: list[float]) -> tuple[float, float]:
    """The medians of the first and of the last few: what a few requests held just then is no growth."""
    few = max(1, round(len(values) * AVERAGED))
    return median(values[:few]), median(values[-few:])


def look(held: dict[psutil.Process, Held], processes: Iterable[psutil.Process], now: float) -> None:
    """Adds what each has of its own: pages that are shared would be counted several times."""
    for process in processes:
        try:
            memory, files, of = process.memory_full_info().uss / 2**20, process.num_fds(), _of(process)
        except psutil.Error:
            continue
        found = held.setdefault(process, Held(""))
        found.name, found.application = name(process), of  # Ray gives both only as it hands out work.
        found.times.append(now)
        found.megabytes.append(memory)
        found.files.append(files)


def name(process: psutil.Process) -> str:
    return f"{_command(process)[:60]} ({process.pid})"


def application(process: psutil.Process) -> str:
    """Whose replica it is; empty for any other process."""
    found = REPLICA.match(_command(process))
    return found[1] if found else ""


def _command(process: psutil.Process) -> str:
    """Without the places of files; empty of one that is gone."""
    try:
        return PLACE.sub("", " ".join(process.cmdline())).strip() or process.name()
    except psutil.Error:
        return ""


def _of(process: psutil.Process) -> str:
    return next(filter(None, map(application, [process, *process.parents()])), "")
