"""The soak's verdict on samples that are made up: what a kill explains, what grows, what is told. A kill is real."""

import asyncio
import math
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.soak import WARM_UP
from benchmarks.soak.held import Held, look
from benchmarks.soak.kills import Kill, kill, replica, schedule
from benchmarks.soak.page import page
from benchmarks.soak.verdict import Seen, fate, judged, rules
from serve.bench.ask import Answer

SECONDS = 100
WARM = SECONDS * WARM_UP
KILL = Kill("llm", 20, answered=30)
LLM, RANKS, PROXY, RAY = "ray::ServeReplica:llm: (1)", "ray::ServeReplica:ranks: (2)", "haproxy -db (3)", "raylet (4)"


def answer(begin: float, end: float, error: str = "500", **more: Any) -> Answer:
    return Answer(begin, end=end, error=error, **more)


def held(name: str, megabytes: Sequence[float], begin: float = 0, files: float = 0) -> Held:
    """Looks from `begin` to the end; `files` more at each."""
    times = [begin + (SECONDS - begin) * number / (len(megabytes) - 1) for number in range(len(megabytes))]
    application = name.split(":")[3] if "Replica" in name else ""
    return Held(name, application, times, [*megabytes], [10 + files * number for number in range(len(megabytes))])


def seen(*processes: Held, answers: Sequence[Answer] = (), kills: Sequence[Kill] = (), due: int | None = None) -> Seen:
    """Two models, both of which have answered."""
    said = {"llm": [answer(1, 2, ""), *answers], "ranks": [answer(1, 2, "")]}
    steady = [held(PROXY, [100] * 11), *processes]
    return Seen(0, SECONDS, said, len(kills) if due is None else due, kills, steady)


def broken(of: Seen) -> list[str]:
    return [f"{rule.what}: {rule.measured}" for rule in rules(of) if not rule.holds]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (answer(1, 2), "lost"), (answer(19, 21), "in flight"), (answer(19, 29), "in flight"),
        (answer(25, 26), "in flight"), (answer(25, 45), "in flight"), (answer(31, 32), "lost"),
        (answer(19, 21, ""), "well"), (answer(25, 26, "503", retry_after=True), "later"),
        (answer(31, 32, "503", retry_after=True), "lost"),
    ],
)  # fmt: skip
def test_only_a_request_in_flight_on_a_killed_replica_may_fail(asked: Answer, expected: str) -> None:
    assert fate(asked, [KILL]) == expected


def test_a_kill_excuses_no_request_to_another_model() -> None:
    of = seen(answers=[answer(19, 21)], kills=[Kill("ranks", 20, answered=30)])
    assert broken(of) == ["requests that failed, and were in flight on no replica that was killed: 1: 1 x llm 500"]


def test_nothing_is_broken_where_all_is_well() -> None:
    assert broken(seen(answers=[answer(19, 21)], kills=[KILL])) == []


def test_a_process_that_holds_nothing_of_its_own_is_on_the_page_too() -> None:
    of = seen(held("defunct (9)", [0] * 11))
    assert broken(of) == []
    assert "| defunct (9) |" in page(of, "make soak", "2026-01-01", {})


def test_what_was_seen_is_judged_again_from_its_file(tmp_path: Path) -> None:
    kept, written = tmp_path / "seen.pickle", tmp_path / "soak.md"
    kept.write_bytes(pickle.dumps((seen(kills=[Kill("llm", 20)]), "make soak", "2026-01-01", {"cores": 2})))
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", f"--seen={kept}", f"--write={written}"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert "| models that did not answer again | 0 | 1: 1 x llm | BROKEN |" in written.read_text()


def test_a_model_that_does_not_answer_again_is_named() -> None:
    assert broken(seen(kills=[Kill("llm", 20)])) == ["models that did not answer again: 1: 1 x llm"]


def test_a_model_that_answers_nothing_is_named() -> None:
    of = Seen(0, SECONDS, {"llm": []}, 0, [], [held(PROXY, [100, 100, 100])])
    assert broken(of) == ["models that answered nothing: 1: 1 x llm"]


def test_a_kill_that_did_not_happen_is_told() -> None:
    assert broken(seen(due=1)) == ["replicas killed: 0"]


def test_what_a_killed_replica_leaves_behind_is_named() -> None:
    of = seen(kills=[Kill("llm", 20, answered=30, left=["engine (7)"])])
    assert broken(of) == ["processes that a killed replica left behind: 1: 1 x engine (7)"]


def test_a_process_that_requests_pass_through_may_grow_by_the_limit_and_no_more() -> None:
    assert broken(seen(held(LLM, [100, 100, 101.9]))) == []
    (said,) = broken(seen(held(LLM, [100, 100, 102.1])))
    assert said.endswith(f"of 2 such: +2.1% ({LLM})")
    assert broken(seen(held(RAY, [100, 100, 200]))) == []


def test_growth_while_it_warms_up_counts_for_nothing() -> None:
    assert broken(seen(held(LLM, [10, 50, *[100] * 9]))) == []


def test_a_replica_in_place_of_a_killed_one_warms_up_from_its_first_answer() -> None:
    """Seen first at 22 while it loads, it answers at 30 and is warm at 45."""
    loading = held(LLM, [10 if second < 45 else 100 for second in range(22, 101)], begin=22)
    (proxy, after) = judged(seen(loading, kills=[KILL]))
    assert (proxy.times[0], after.times[0]) == (20, 30 + WARM)
    assert broken(seen(loading, kills=[KILL])) == []
    assert broken(seen(loading))


def test_a_process_that_ended_or_came_late_is_not_judged() -> None:
    ended = Held(LLM, "llm", [0, 50, 60], [100, 100, 500], [10, 10, 500])
    late = held(RANKS, [100, 200, 300], begin=SECONDS - WARM)
    assert [one.name for one in judged(seen(ended, late))] == [PROXY]


def test_open_files_may_grow_in_no_process() -> None:
    assert broken(seen(held(RAY, [100] * 11, files=0.4))) == []
    assert broken(seen(held(RAY, [100] * 11, files=1))) == [f"growth of open files of a process, of 2: +8 ({RAY})"]


def test_growth_is_of_the_medians_at_either_end_so_that_a_large_request_is_none() -> None:
    assert held(LLM, [*[100] * 57, 180, 100, 100]).growth() == 0
    assert held(LLM, [*[100] * 10, *[110] * 10]).growth() == pytest.approx(0.1)


def test_kills_are_drawn_alike_after_the_warm_up_and_early_enough_to_be_judged() -> None:
    due = schedule(["llm", "ranks"], 50, SECONDS)
    assert due == schedule(["llm", "ranks"], 50, SECONDS) == sorted(due)
    assert {model for _, model in due} == {"llm", "ranks"}
    assert all(WARM <= second <= SECONDS - 2 * WARM for second, _ in due)


def test_the_page_tells_the_time_the_kills_and_the_verdict() -> None:
    grown = held(LLM, [100, 100, 150])
    said = page(seen(grown, answers=[answer(19, 21)], kills=[KILL]), "python -m benchmarks.soak", "today", {"cores": 2})
    assert "    python -m benchmarks.soak\n\ntoday. **1.67 minutes** of load" in said
    assert "| 0.3 | llm | 10.0 | 1 x 500 | 0 |" in said
    assert f"| at most 2% | +50.0% ({LLM}) | BROKEN |" in said
    assert f"| {RANKS}" not in said


def test_a_process_is_looked_at_while_it_lives_and_one_that_ended_does_no_harm() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    gone = psutil.Process(ended.pid)
    ended.wait()
    found: dict[psutil.Process, Held] = {}
    look(found, [gone, psutil.Process()], 1)
    ((process, of),) = found.items()
    assert process.pid == os.getpid()
    assert (of.serves, of.times, len(of.files)) == (False, [1], 1)
    assert of.megabytes[0] > 1


@pytest.fixture
def pretended() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is named as Ray names a replica, with a child."""
    script = "exec -a ray::ServeReplica:one:Model bash -c 'sleep 600 & wait'"
    with subprocess.Popen(["bash", "-c", script]) as process:
        yield process
        process.kill()


def test_a_replica_is_killed_and_its_child_that_stays_is_named(
    pretended: subprocess.Popen[bytes], eventually: Callable[[Callable[[], bool]], None]
) -> None:
    eventually(lambda: len(psutil.Process(pretended.pid).children()) == 1)
    (child,) = psutil.Process(pretended.pid).children()
    answers = {"one": [answer(0, 1, "")]}

    async def killed() -> Kill:
        kills, said = list[Kill](), list[str]()
        killing = asyncio.create_task(kill([(0, "one")], time.perf_counter(), answers, kills, said.append))
        await asyncio.to_thread(pretended.wait)
        assert kills[0].answered == math.inf
        now = time.perf_counter()
        answers["one"] += [answer(0, now, ""), answer(now, now + 1), answer(now, now + 2, "")]
        await killing
        assert said == ["one is killed", f"one answers again after {kills[0].answered - kills[0].at:.1f} s"]
        assert kills[0].answered == now + 2
        return kills[0]

    assert replica("one").pid == pretended.pid
    assert [f"({child.pid})" in name for name in asyncio.run(killed()).left] == [True]
    child.kill()
