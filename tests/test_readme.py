"""The README's commands, run as a newcomer runs them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from serve.cli import helm
from tests.up.running import READY, ROOT, Running

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
TARGETS = [line.partition("#")[0].split() for line in BLOCKS[0].splitlines()]
CURLS = BLOCKS[1].splitlines()


def test_the_readme_names_the_targets_of_the_makefile() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in TARGETS:
        assert f"make {target[1]} " in listed


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on PATH")
@pytest.mark.slow
def test_make_run_serves_five_models_that_answer_the_readmes_curls_until_ctrl_c() -> None:
    with Running(TARGETS[0]) as running:
        running.wait_for(READY)
        for task in ("llm", "stt", "tts", "embeddings", "rerank"):
            assert re.search(rf"{task} .* ok\b", running.output), running.output
        for curl in CURLS:
            command = curl.replace("http://127.0.0.1:8000", running.address) + " --fail-with-body --silent"
            answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
            assert (answer.returncode, answer.stdout[:1]) == (0, "{"), answer.stdout
        processes = running.descendants()
        running.interrupt()
    assert not [process for process in processes if process.is_running()]


def test_every_file_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:serve|charts|tests|values|templates)/[^`<*]*)`", (ROOT / "README.md").read_text()):
        found = [ROOT / path, ROOT / "charts" / "ai-inference" / path]
        assert any(place.exists() for place in found), path


def test_a_values_file_of_the_readme_is_one_that_the_chart_takes(tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    values = tmp_path / "values.yaml"
    values.write_text(block[1])
    assert helm.template([values])
