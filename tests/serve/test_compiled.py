"""What a library has compiled is found by the next process that loads the model."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serve import compiled

COMPILE = """
import torch
from serve import compiled
compiled.keep()
from torch._dynamo.utils import counters
torch.compile(lambda x: (x.sin() + x.cos()) * 2)(torch.ones(64))
print("hits", counters["inductor"]["fxgraph_cache_hit"])
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    for name in compiled.KEPT_BY:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for a CPU by g++, which is not here")
def test_the_next_process_compiles_nothing(cache: Path) -> None:
    said = [subprocess.check_output([sys.executable, "-c", COMPILE], text=True) for _ in range(2)]
    assert [line.split()[-2:] for line in said] == [["hits", "0"], ["hits", "1"]]


def test_it_is_kept_beside_the_models(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "TRITON_CACHE_DIR": "/elsewhere"})
    compiled.keep()
    assert os.environ["VLLM_CACHE_ROOT"] == str(cache / ".compiled" / "vllm")
    assert os.environ["TRITON_CACHE_DIR"] == "/elsewhere"


def test_a_cache_that_cannot_be_written_changes_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = cache / "file"
    file.touch()
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(file))
    compiled.keep()
    assert not compiled.KEPT_BY.keys() & os.environ.keys()
