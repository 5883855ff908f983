"""`ai-inference up`: what a person at a terminal gets from a values file, before, while and after it runs."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml

from tests.up.running import READY, ROOT, Running

UP = [str(Path(sys.executable).parent / "ai-inference"), "up"]
VALUES: dict[str, Any] = {
    "auth": {"enabled": False},
    "accelerators": {"laptop": {"vendor": "cpu", "memory": "8Gi", "order": 1}},
    "models": {
        "vectors": {
            "task": "embeddings",
            "engine": "fake",
            "source": {"path": "/"},
            "accelerator": "laptop",
            "memory": "1Gi",
        },
        "ranks": {
            "task": "rerank",
            "engine": "fake",
            "source": {"path": "/"},
            "accelerator": "laptop",
            "memory": "1Gi",
        },
    },
}


def written(folder: Path, values: dict[str, Any]) -> Path:
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope="module")
def homelab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """values/homelab.yaml with the fake engine."""
    fleet = yaml.safe_load((ROOT / "values" / "homelab.yaml").read_text())
    for model in fleet["models"].values():
        model |= {"engine": "fake", "engineConfig": {}, "source": {"path": "/"}}
    return written(tmp_path_factory.mktemp("homelab"), fleet)


def refused(*options: str) -> str:
    """What `up` says when it starts nothing."""
    done = subprocess.run([*UP, *options], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


def test_gpus_that_this_machine_lacks_are_named_before_anything_starts(homelab: Path) -> None:
    said = refused("-f", str(homelab))
    for name, vendor in (("strix-halo", "rocm"), ("rtx-2070", "cuda"), ("radeon-680m", "rocm"), ("arc", "xpu")):
        assert f"accelerator '{name}' wants 1 GPU of vendor '{vendor}', and this machine has 0" in said
    assert "--simulate" in said


def test_a_model_whose_accelerator_is_missing_is_refused_before_anything_starts(tmp_path: Path) -> None:
    misplaced = {**VALUES["models"]["ranks"], "accelerator": "desktop"}
    values = {**VALUES, "models": {**VALUES["models"], "ranks": misplaced}}
    assert "desktop" in refused("-f", str(written(tmp_path, values)))


def test_a_misspelt_option_of_an_engine_is_refused_before_anything_starts(tmp_path: Path) -> None:
    misspelt = {**VALUES["models"]["ranks"], "engineConfig": {"loadDelai": 1}}
    values = {**VALUES, "models": {**VALUES["models"], "ranks": misspelt}}
    assert "loadDelai" in refused("-f", str(written(tmp_path, values)))


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("values"), VALUES)


@pytest.fixture(scope="module")
def running(values: Path) -> Iterator[Running]:
    with Running([*UP, "-f", str(values)]) as running:
        running.wait_for(READY)
        yield running


def test_the_table_names_every_endpoint_with_a_curl_that_works(running: Running) -> None:
    curls = [line.strip() for line in running.output.splitlines() if line.strip().startswith("curl ")]
    assert len(curls) == 2
    for curl in curls:
        done = subprocess.run(f"{curl} --fail --silent", shell=True, capture_output=True, text=True, check=True)  # noqa: S602
        assert done.stdout.startswith("{")


def test_a_saved_change_of_one_model_is_applied_and_the_other_sees_nothing(running: Running, values: Path) -> None:
    done = threading.Event()
    statuses = []

    def call() -> None:
        while not done.is_set():
            body = {"query": "a", "documents": ["b"]}
            statuses.append(requests.post(f"{running.address}/ranks/v1/rerank", json=body, timeout=60).status_code)

    caller = threading.Thread(target=call)
    caller.start()
    shorter = {**VALUES["models"]["vectors"], "engineConfig": {"maxTokens": 2}}
    values.write_text(yaml.safe_dump({**VALUES, "models": {**VALUES["models"], "vectors": shorter}}))
    running.wait_for(READY, times=2)
    done.set()
    caller.join()
    assert set(statuses) == {200}
    answer = requests.post(f"{running.address}/vectors/v1/embeddings", json={"input": "one two three"}, timeout=60)
    assert answer.json()["error"]["code"] == "context_length_exceeded"


def test_a_saved_mistake_is_named_and_what_runs_runs_on(running: Running, values: Path) -> None:
    values.write_text(yaml.safe_dump({**VALUES, "modles": {}}))
    running.wait_for("not applied: ")
    assert "modles" in running.output
    assert requests.get(f"{running.address}/health", timeout=60).json()["status"] == "ok"


def test_a_saved_change_of_the_accelerators_asks_for_a_new_start(running: Running, values: Path) -> None:
    more = {**VALUES["accelerators"], "desktop": {"vendor": "cpu", "memory": "8Gi", "order": 2}}
    values.write_text(yaml.safe_dump({**VALUES, "accelerators": more}))
    running.wait_for("the accelerators have changed")


def test_ctrl_c_leaves_no_process_behind(running: Running) -> None:
    processes = running.descendants()
    names = {process.name() for process in processes}
    assert {"raylet", "gcs_server", "haproxy"} <= names
    assert running.interrupt() == 0
    gone, alive = psutil.wait_procs(processes, 30)
    assert not alive
    assert gone
    with pytest.raises(requests.ConnectionError):
        requests.get(running.address, timeout=10)
