"""The page of curves from recorded figures, and the curves themselves."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import growth, tasks
from benchmarks.growth.__main__ import main, read, write
from benchmarks.growth.curves import CURVES, Curve
from benchmarks.growth.measure import Found
from benchmarks.growth.page import page
from serve.bench import work
from serve.bench.figures import Figures
from serve.bench.work import Shape
from tests.benchmarks.test_results import level, row


def recorded(task: str, along: str, *points: tuple[int, float], date: str = "2026-01-01") -> dict[str, Any]:
    """A curve with so many requests/s at each point, half of whose requests failed."""
    found = [
        {"figures": level(at, rate) | {"units_per_second": 4 * rate, "errors": {"503": 4}}, "prompt_tokens": 10 * at}
        for at, rate in points
    ]
    run = {"command": "python -m benchmarks.growth", "date": date, "commit": "abc", "machine": {"cores": 2}}
    return {"name": f"{task}, {along}", "task": task, "along": along, "run": run, "points": found}


def test_a_row_has_the_rate_of_its_point_in_requests_and_in_what_the_task_counts_and_what_failed() -> None:
    said = page([recorded("embeddings", "sentences in a request", (64, 3), (1024, 0.25))])
    assert row(said, "64")[1:] == ["3", "12", "10", "20", "10", "10", "30", "4 x 503"]
    assert row(said, "1024")[1:3] == ["0.25", "1"]


def test_where_a_task_counts_nothing_else_a_row_says_how_many_tokens_a_request_had() -> None:
    said = page([recorded("llm", "words of input", (4, 30), (3072, 2))])
    assert row(said, "words of input")[2] == "tokens read"
    assert row(said, "3072")[1:3] == ["2", "30720"]


def test_each_curve_is_drawn_where_the_page_looks_for_it(tmp_path: Path) -> None:
    write([recorded("stt", "seconds of audio", (5, 1), (30, 0.5))], tmp_path / "RESULTS.md")
    assert "(plots/stt-seconds-of-audio.svg)" in (tmp_path / "RESULTS.md").read_text()
    assert "seconds of audio" in (tmp_path / "plots" / "stt-seconds-of-audio.svg").read_text()


def test_a_curve_that_is_measured_again_takes_its_place_and_the_others_stay_with_their_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "RESULTS.md"
    write([recorded("llm", "at once", (1, 9)), recorded("stt", "seconds of audio", (5, 3))], out)
    monkeypatch.setattr("benchmarks.growth.__main__.measured", lambda _: [Found(Figures(**level(1, 7)), 0)])
    main(["llm, at once"], out)
    said = out.read_text()
    assert row(said, "1")[1] == "7"
    assert row(said, "5")[1] == "3"
    assert said.count("## Run of ") == 2
    assert said.count("Run of 2026-01-01.\n") == 1


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_a_curve_only_rises_and_each_of_its_points_is_a_load_that_can_be_made(curve: Curve) -> None:
    ats = [point.at for point in curve.points]
    assert ats == sorted(set(ats))
    for point in curve.points:
        assert point.requests >= point.clients
        if point.shape.get("seconds", 0) <= 30:
            assert len(list(work.asks(tasks.work_of(curve.task), Shape("model", **point.shape), 0, 1))) == 1


def test_the_page_here_is_made_of_the_record_beside_it() -> None:
    folder = Path(growth.__file__).parent
    assert (folder / "RESULTS.md").read_text() == page(list(read(folder / "results.json").values()))
