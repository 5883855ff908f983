"""The page of results from recorded figures: medians, ratios, what was reached and what is missing."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import results, template
from benchmarks.__main__ import write
from benchmarks.goals import GOALS
from benchmarks.runs import Runs, joined, read, written

THROUGHPUT, _, FIRST, FASTEST = GOALS[:4]
PERCENTILES = {"p50": 10.0, "p95": 20.0, "p99": 30.0}


def level(clients: int, rate: float, first: float = 10) -> dict[str, Any]:
    return {
        "level": str(clients), "requests": 8, "errors": {}, "seconds": 1.0, "requests_per_second": rate,
        "tokens_per_second": rate * 32, "units_per_second": 0.0, "first": PERCENTILES | {"p50": first},
        "per_token": PERCENTILES, "latency": PERCENTILES,
    }  # fmt: skip


def run(
    rates: dict[str, list[float]], firsts: dict[str, float] | None = None, task: str = "llm", date: str = "2026-01-01"
) -> dict[str, Any]:
    """Of language models that were measured at 1 and at 32 at once."""
    rounds = [
        {"task": task, "round": number, "peer": peer, "ceilings": {"streamed": 900 + number},
         "loads": {"streamed": [level(1, 5, (firsts or {}).get(peer, 10)), level(32, rate)]}}
        for peer, several in rates.items() for number, rate in enumerate(several)
    ]  # fmt: skip
    return {
        "command": "python -m benchmarks", "date": date, "commit": "abc", "machine": {"cores": 2}, "settings": "Alike.",
        "about": dict.fromkeys(rates, "A server."), "versions": {"ours": {"ray": "2.60.0"}}, "rounds": rounds,
        "agreements": [{"task": task, "peer": "vllm", "same": False, "words": "3 of 4 equal"}],
        "failures": {task: {"ray_serve_llm": "could not be installed: no network"}},
    }  # fmt: skip


def runs(*of: Any) -> Runs:
    return [run(*of)]


def row(page: str, *cells: str) -> list[str]:
    """The cells of the row that begins so."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    return next(found for found in rows if found[: len(cells)] == list(cells))


def test_a_figure_is_the_median_of_the_rounds_and_a_ratio_the_mean_of_theirs() -> None:
    page = results.page(runs({"ours": [150, 90, 120], "vllm": [100, 90, 60]}))
    assert row(page, "32", "ours")[2:6] == ["120", "90 to 150", "", ""]
    assert row(page, "32", "vllm")[2:6] == ["90", "60 to 100", "1.44", "0.61 to 3.43"]


@pytest.mark.parametrize(("ours", "verdict"), [(100, "aim reached"), (90, "met"), (50, "not met")])
def test_a_goal_is_met_or_not_by_what_was_measured(ours: float, verdict: str) -> None:
    page = results.page(runs({THROUGHPUT.ours: [ours], "vllm": [100]}))
    assert row(page, THROUGHPUT.what, "vllm")[4:] == [f"{ours / 100:.2f}x", "", verdict]


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [([100, 99], "met"), ([110, 111], "aim reached"), ([90, 84], "probably met"), ([86, 80], "probably not met"),
     ([50, 51], "not met")],
)  # fmt: skip
def test_a_goal_is_met_for_sure_where_all_of_the_interval_is(ours: list[float], verdict: str) -> None:
    page = results.page(runs({THROUGHPUT.ours: ours, "vllm": [100, 100]}))
    assert row(page, THROUGHPUT.what, "vllm")[6:] == [verdict]


@pytest.mark.parametrize(("first", "verdict"), [(9, "aim reached"), (13, "met"), (17, "not met")])
def test_a_time_is_met_by_how_much_later_it_is(first: float, verdict: str) -> None:
    page = results.page(runs({"ours": [100], "vllm": [100]}, {"ours": first, "vllm": 10}))
    assert row(page, FIRST.what, "vllm")[4:] == [f"{first - 10:+.1f} ms", "", verdict]


def test_what_was_not_measured_has_no_figure_but_its_reason() -> None:
    page = results.page(runs({"ours": [100], "vllm": [100]}))
    assert row(page, FASTEST.what, FASTEST.against)[4:] == ["", "", "not measured"]
    assert "ray_serve_llm was not measured: `could not be installed: no network`" in page


def test_answers_that_differ_are_said() -> None:
    assert row(results.page(runs({"ours": [1], "vllm": [1]})), "vllm", "NO") == ["vllm", "NO", "3 of 4 equal"]


def test_the_page_the_record_and_the_plots_are_written(tmp_path: Path) -> None:
    write(runs({"ours": [120, 110], "vllm": [100, 90]}), tmp_path / "RESULTS.md")
    page = (tmp_path / "RESULTS.md").read_text()
    assert "(plots/llm-streamed.svg)" in page
    assert (tmp_path / "plots" / "llm-streamed.svg").read_text().count("<path") > 10
    assert (tmp_path / "results.json").read_text().startswith("{")


def test_the_page_here_is_made_of_the_record_beside_it() -> None:
    folder = Path(results.__file__).parent
    assert (folder / "RESULTS.md").read_text() == results.page(read(folder / "results.json"))


def test_a_task_that_is_measured_again_takes_its_place_and_the_others_stay(tmp_path: Path) -> None:
    both = run({"ours": [100], "vllm": [50]})
    both["rounds"] += run({"ours": [7], "infinity": [7]}, task="rerank")["rounds"]
    again = joined([both], run({"ours": [200], "vllm": [50]}, date="2026-02-02"))
    (tmp_path / "results.json").write_text(written(again))
    page = results.page(read(tmp_path / "results.json"))
    assert row(page, "32", "ours")[2] == "200"
    sections = {part.split("\n")[0]: part for part in page.split("\n## ")}
    assert "[2026-02-02](#run-of-2026-02-02)" in sections["llm"]
    assert "[2026-01-01](#run-of-2026-01-01)" in sections["rerank"]
    assert "| infinity |" in sections["rerank"] and "vllm" not in sections["Run of 2026-01-01"]


def test_a_load_says_what_the_client_could_do() -> None:
    assert "The client could do 901 requests/s with such answers" in results.page(runs({"ours": [1, 2, 3]}))


@pytest.mark.parametrize(("seconds", "verdict"), [(0.4, "aim reached"), (1.5, "met"), (2.5, "not met")])
def test_the_time_to_render_the_chart_is_the_last_that_was_taken(seconds: float, verdict: str) -> None:
    taken = {**run({"ours": [1]}, task="rerank"), "template": seconds}
    page = results.page([{**run({"ours": [1]}), "template": 9.0}, taken, run({"ours": [1]}, task="stt")])
    assert row(page, template.WHAT)[4:] == [f"{seconds:.2f} s", "", verdict]


def test_a_run_of_which_all_was_measured_again_is_gone() -> None:
    old, new = run({"ours": [1]}), run({"ours": [2]})
    assert joined([old], new) == [new]


def test_what_ours_adds_to_an_engine_is_told_beside_uvicorn_alone() -> None:
    said = results.page([run({"ours": [80, 90], "uvicorn": [100, 100]}, {"ours": 12, "uvicorn": 10}, task="simulated")])
    assert row(said, "1", "2.00")[3:] == ["0.00", "0.00 to 0.00", "0.00", "0.00 to 0.00"]
    assert row(said, "32", "0.00")[5] == "15.00"
    assert "uvicorn alone" not in results.page(runs({"ours": [80], "vllm": [100]}))
