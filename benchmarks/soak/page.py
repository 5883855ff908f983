"""The page: what was seen goes in, Markdown comes out. It computes every figure on it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.markdown import table
from benchmarks.soak import WARM_UP
from benchmarks.soak.held import Held, ends
from benchmarks.soak.kills import Kill
from benchmarks.soak.verdict import Seen, fates, judged, rules
from serve.bench.ask import Answer

NOTE = """\
Written by the command above and by nothing else. One client for each model asks without a pause, by turns at the
model's path and by name at the gateway, while replicas are killed (SIGKILL) at times drawn with a fixed seed. A request
was in flight on one that was killed if it ended after the kill and began before the model answered again, as such
requests wait. Growth is of the medians of the first and of the last tenth of the looks, after a warm-up that a replica
in place of a killed one has anew; where it is not said, the process did not live long enough. Open files of Ray's
log_monitor.py are not judged, as it keeps the logs of each worker that ever was, of 200 at most."""


def page(seen: Seen, command: str, date: str, machine: Mapping[str, object]) -> str:
    """All of it."""
    length = f"**{seen.seconds / 60:.3g} minutes** of load, the first {seen.seconds * WARM_UP / 60:.2g} to warm up."
    parts = [
        "# Soak",
        f"    {command}",
        f"{date}. {length} {NOTE}",
        *("## Verdict", _verdict(seen)),
        *("## Requests", _requests(seen)),
        *("## Kills", _kills(seen)),
        *("## Processes", _processes(seen)),
        *("## Machine", table(["", ""], machine.items())),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(seen: Seen) -> str:
    rows = [[rule.what, rule.wanted, rule.measured, "holds" if rule.holds else "BROKEN"] for rule in rules(seen)]
    return table(["what", "wanted", "measured", ""], rows)


def _requests(seen: Seen) -> str:
    head = ["model", "answered", "failed in flight", "told to come later", "failed else", "p50 ms", "p99 ms"]
    return table(head, [_of_model(seen, model) for model in seen.answers])


def _of_model(seen: Seen, model: str) -> Sequence[object]:
    found = fates(seen, model)
    times = [1000 * (one.end - one.begin) for one in seen.answers[model] if not one.error]
    counts = [found[fate] for fate in ("well", "in flight", "later", "lost")]
    return [model, *counts, *(f"{np.percentile(times, p):.3g}" if times else "" for p in (50, 99))]


def _kills(seen: Seen) -> str:
    head = ["minute", "model", "answers again after, s", "failed in flight", "told to come later"]
    return table(head, [_of_kill(seen, kill) for kill in seen.kills]) if seen.kills else "None."


def _of_kill(seen: Seen, kill: Kill) -> Sequence[object]:
    met = [answer for answer in seen.answers[kill.model] if answer.error and kill.meets(answer)]
    later = sum(answer.retry_after for answer in met)
    away = f"{kill.answered - kill.at:.1f}" if kill.answered < math.inf else "never"
    return [f"{(kill.at - seen.begin) / 60:.1f}", kill.model, away, _causes(met), later]


def _causes(met: Sequence[Answer]) -> str:
    """How many failed without a word of when to come again, and how."""
    failed = [answer.error for answer in met if not answer.retry_after]
    return ", ".join(f"{failed.count(cause)} x {cause}" for cause in dict.fromkeys(failed)) or "0"


def _processes(seen: Seen) -> str:
    head = ["process", "of", "looks", "MB at first", "at last", "growth", "files at first", "at last"]
    grown = {held.name: held for held in judged(seen)}
    lived = [held for held in seen.held if held.times[-1] == max(one.times[-1] for one in seen.held)]
    ordered = sorted(lived, key=lambda held: (not held.serves, held.application, held.name))
    return table(head, [_of_process(held, grown.get(held.name)) for held in ordered])


def _of_process(held: Held, judged: Held | None) -> Sequence[object]:
    """Of what was judged, else of all looks."""
    of = judged or held
    memory = [f"{megabytes:.1f}" for megabytes in ends(of.megabytes)]
    growth = f"{judged.growth():+.1%}" if judged else ""
    return [held.name, held.application, len(of.times), *memory, growth, *(f"{few:.0f}" for few in ends(of.files))]
