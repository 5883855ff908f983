"""The page of starts from recorded figures, and that each case is a values file that the chart takes."""

import json
from pathlib import Path

import pytest
import yaml

from benchmarks.startup.__main__ import write
from benchmarks.startup.cases import LLM, cases, named
from benchmarks.startup.measure import GATEWAY
from serve.bench import work
from serve.cli import helm
from tests.benchmarks.test_results import row

CASES = {case.name: case for case in cases() if "1.5 GB" not in case.name and "streamed" not in case.name}


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_a_service_with_a_model_for_each_of_its_tasks(name: str, tmp_path: Path) -> None:
    values = CASES[name].values()
    assert list(values["models"]) == [named(task) for task in CASES[name].tasks]
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    assert "RayService" in {document["kind"] for document in helm.template([file])}


def test_every_task_is_started_alone_and_with_the_others() -> None:
    started = [list(case.tasks) for case in cases()]
    assert all([task] in started for task in work.tasks())
    assert work.tasks() in started


def test_a_line_has_the_median_of_the_starts_and_each_of_them(tmp_path: Path) -> None:
    starts = [{GATEWAY: at, LLM: at + 10} for at in (5.0, 9.0, 6.0)]
    record = {
        "command": "python -m benchmarks.startup", "date": "2026-01-01", "commit": "abc", "machine": {"cores": 2},
        "cases": [{"name": "llm alone", "starts": starts}], "failures": {"all five": "no room"},
    }  # fmt: skip
    write(record, tmp_path / "RESULTS.md")
    page = (tmp_path / "RESULTS.md").read_text()
    assert row(page, "llm alone", GATEWAY)[2:] == ["6.0", "5.0 9.0 6.0"]
    assert row(page, "llm alone", LLM)[2:] == ["16.0", "15.0 19.0 16.0"]
    assert "all five was not measured: no room" in page
    assert json.loads((tmp_path / "results.json").read_text()) == record
