"""How long the chart takes to render: what everybody who syncs it waits for, in seconds."""

import subprocess
import time
from statistics import median

from benchmarks.environment import ROOT
from serve.chart_values import CHART
from serve.cli import helm

WHAT = "`helm template` of values/homelab.yaml"
LEAST, AIM = 2.0, 0.5
TIMES = 5


def seconds() -> float:
    """The median of a few, by helm alone."""
    command = [str(helm.find()), "template", "ai-inference", str(CHART), f"--values={ROOT / 'values' / 'homelab.yaml'}"]

    def once() -> float:
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        return time.perf_counter() - begin

    return median(once() for _ in range(TIMES))


def row(found: float | None) -> list[str]:
    """Of the table of goals."""
    wanted = [WHAT, "", f"{LEAST:g} s", f"{AIM:g} s"]
    if found is None:
        return [*wanted, "", "", "not measured"]
    verdict = "aim reached" if found <= AIM else "met" if found <= LEAST else "not met"
    return [*wanted, f"{found:.2f} s", "", verdict]
