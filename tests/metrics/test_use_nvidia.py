"""NVIDIA's GPUs by a library that answers as its own would, as no machine of the tests has one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ADDRESS = "0000:01:00.0"
ASK = """
import dataclasses, json, os, sys
from serve.use import read
from serve.values import Placement
os.environ["PIDS"] = os.environ["PIDS"].replace("ours", str(os.getpid()))
place = Placement(accelerator="mine", vendor="cuda", num_gpus=1, memory=2**30, device_memory=2**33)
print(json.dumps({name: dataclasses.asdict(gpu) for name, gpu in read(place, sys.argv[1:]).items()}))
"""


def read(library: Path, *names: str, **env: str) -> dict[str, Any]:
    """In a process of its own, as a library is loaded once."""
    env = {**os.environ, "LD_LIBRARY_PATH": str(library), "PIDS": "", **env}
    done = subprocess.run([sys.executable, "-c", ASK, *names], env=env, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_its_memory_and_work_are_what_the_driver_says_and_ours_what_our_processes_have(library: Path) -> None:
    gpu = read(library, ADDRESS, PIDS="ours 1 2")[ADDRESS]
    assert (gpu["own"], gpu["used"], gpu["memory"], gpu["busy"]) == (2**30, 3 * 2**30, 8 * 2**30, 0.25)
    assert gpu["present"]


def test_where_processes_have_other_numbers_in_the_pod_nothing_is_said_of_ours(library: Path) -> None:
    gpu = read(library, ADDRESS, PIDS="1 2")[ADDRESS]
    assert (gpu["own"], gpu["used"]) == (None, 3 * 2**30)


@pytest.mark.parametrize("env", [{"FAIL": "15"}, {"FAIL": "6"}, {"FAIL_INIT": "9"}])
def test_a_gpu_that_is_lost_or_has_no_driver_any_more_is_gone(library: Path, env: dict[str, str]) -> None:
    assert not read(library, ADDRESS, **env)[ADDRESS]["present"]


@pytest.mark.parametrize("env", [{"FAIL": "4"}, {"FAIL_INIT": "4"}])
def test_of_one_that_may_not_be_asked_nothing_is_said(library: Path, env: dict[str, str]) -> None:
    assert read(library, ADDRESS, **env) == {}


def test_a_name_that_is_no_address_is_not_looked_for(library: Path) -> None:
    assert read(library, "mine-0") == {}
