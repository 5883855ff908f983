"""The naming equations of benchmarks/, and that a server which was measured leaves nothing behind."""

import importlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml

from benchmarks import peers, rounds, tasks
from benchmarks.environment import OURS
from benchmarks.peers import ours
from benchmarks.processes import started
from serve.bench import work
from serve.cli import helm
from serve.errors import ConfigurationError
from serve.local.nodes import free_port

CARD = """
from pathlib import Path
from types import SimpleNamespace
import yaml
from benchmarks import hardware, tasks
from benchmarks.peers import ours
hardware.card = lambda: SimpleNamespace(name="a card", total_memory=24 * 2**30)
print(yaml.safe_dump([ours.values(task, Path("/models")) for task in tasks.names()]))
"""
DAEMON = """
import http.server, subprocess, sys
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(sleeper.pid, file=open(sys.argv[1], "w"), flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


@pytest.mark.parametrize("name", peers.names())
def test_a_peer_serves_or_is_called_and_says_what_it_is(name: str) -> None:
    peer = peers.peer(name)
    assert (peer.serving is None) is not (peer.loaded is None)
    assert peer.tasks
    assert set(peer.tasks) <= set(tasks.names())
    assert peer.about
    if peer.environment.name:
        assert Path(str(peers.__file__)).with_name(f"{peer.environment.name}.txt").exists()


def test_a_task_is_measured_as_the_command_bench_asks_it() -> None:
    assert {tasks.work_of(name) for name in tasks.names()} == set(work.tasks())


@pytest.mark.parametrize("task", tasks.names())
def test_a_task_has_ours_and_another_to_compare(task: str) -> None:
    assert rounds.OURS in rounds.participants(task, [])
    assert len(rounds.participants(task, [])) > 1


def test_in_the_environment_of_a_gpu_each_task_is_a_service_on_that_gpu(tmp_path: Path) -> None:
    """In a process of its own, as an environment is of one vendor; without a GPU, which is as torch would say it."""
    env = {**os.environ, "AI_INFERENCE_VENDOR": "cuda"}
    said = subprocess.run([OURS.python(), "-c", CARD], capture_output=True, text=True, check=True, env=env)
    for values in yaml.safe_load(said.stdout):
        (machine,) = values["accelerators"].values()
        assert (machine["vendor"], machine["memory"]) == ("cuda", "24576Mi")
        assert values["models"]["model"]["engineConfig"].get("dtype") != "float32"
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump(values))
        (service,) = (found for found in helm.template([file]) if found["kind"] == "RayService")
        assert "nvidia.com/gpu" in str(service)


@pytest.mark.parametrize("task", tasks.names())
def test_an_answer_agrees_with_itself_and_not_with_another(task: str) -> None:
    said: dict[str, tuple[Any, Any]] = {
        "llm": ("a", "b"), "embeddings": ([[1.0, 0.0]], [[0.0, 1.0]]), "rerank": ([0.1, 0.9], [0.9, 0.1]),
        "stt": ("a", "b"), "tts": (1.0, 2.0),
    }  # fmt: skip
    one, other = said[tasks.work_of(task)]
    module = importlib.import_module(f"benchmarks.tasks.{task}")
    assert module.agreement([one, one], [one, one]).same
    assert not module.agreement([one, one], [one, other]).same


def test_an_answer_that_streams_is_the_words_of_all_its_events() -> None:
    said: list[dict[str, Any]] = [{"role": "assistant"}, {"content": "The "}, {"content": "sea"}]
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": delta}]} for delta in said] + [{"choices": [], "usage": {}}]
    events = [*map(json.dumps, chunks), "[DONE]"]
    body = "".join(f"data: {event}\n\n" for event in events)
    assert tasks.task("llm").read(body.encode()) == "The sea"


def test_each_round_begins_with_another_peer() -> None:
    assert [rounds.order(["a", "b", "c"], number) for number in range(4)] == [
        ["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"],
    ]  # fmt: skip


def test_a_server_is_ended_with_what_left_its_session(tmp_path: Path) -> None:
    file, port = tmp_path / "pid", free_port()
    script = tmp_path / "daemon.py"
    script.write_text(DAEMON)
    with started([OURS.python(), script, file, str(port)], {}) as server:
        server.wait(f"http://127.0.0.1:{port}/")
        sleeper = int(file.read_text())
        assert psutil.pid_exists(sleeper)
    assert not psutil.pid_exists(sleeper)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=5)


def test_a_server_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    script = tmp_path / "ends.py"
    script.write_text("raise SystemExit('no such weights')")
    with (
        started([OURS.python(), script], {}) as server,
        pytest.raises(ConfigurationError, match="no such weights"),
    ):
        server.wait(f"http://127.0.0.1:{free_port()}/")


@pytest.mark.slow
def test_ours_leaves_no_process_of_ray_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the fake engine: what is measured is that everything ends."""
    real = ours.values
    fake = {"engine": "fake", "engineConfig": {}}

    def values(task: str, folder: Path) -> dict[str, Any]:
        return real(task, folder, **fake)

    monkeypatch.setattr(ours, "values", values)
    before = set(psutil.Process().children(recursive=True))
    with ours.serving("embeddings", tmp_path, free_port()) as server:
        began = [process for process in psutil.Process().children(recursive=True) if process not in before]
        assert any("raylet" in process.name() for process in began)
        body = {"model": server.model, "input": ["one"]}
        answered = requests.post(f"{server.address}/v1/embeddings", json=body, timeout=60)
        assert len(tasks.task("embeddings").read(answered.content)) == 1
    assert [process for process in began if process.is_running()] == []
    assert set(psutil.Process().children(recursive=True)) <= before
