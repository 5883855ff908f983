"""The soak's verdict: what grows after the warm-up or fails is named, and nothing else."""

import os
import subprocess
import sys
from collections import defaultdict

import psutil
import pytest

from benchmarks.soak import Held, failing, sample


def held(*megabytes: float) -> Held:
    return Held([*megabytes], [10] * len(megabytes))


def test_a_serving_process_that_grows_by_more_than_the_limit_is_named() -> None:
    found = {"ray::ServeReplica:llm:Model (7)": held(100, 100, 103), "haproxy -db (8)": held(10, 12, 10.1)}
    assert failing(found, {}) == ["ray::ServeReplica:llm:Model (7) has grown by 3.0%"]


def test_rays_own_processes_are_shown_only() -> None:
    assert failing({"gcs_server (9)": held(100, 200)}, {}) == []


def test_each_cause_of_errors_is_named() -> None:
    assert failing({}, {"llm 503": 2}) == ["2 requests failed: llm 503"]


def test_growth_is_of_the_means_at_either_end() -> None:
    assert held(*[100] * 10, *[110] * 10).growth() == pytest.approx(0.1)


def test_a_process_is_sampled_while_it_lives_and_one_that_ended_does_no_harm() -> None:
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    gone = psutil.Process(ended.pid)
    ended.wait()
    found: dict[str, Held] = defaultdict(Held)
    sample(found, [gone, psutil.Process(os.getpid())])
    (name,) = found
    assert str(os.getpid()) in name
    assert found[name].megabytes[0] > 1
