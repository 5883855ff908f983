"""A limit that another than the engine holds: what the values select reaches the process before its engine is made."""

import os
from pathlib import Path
from typing import Any

import pytest

from serve import engine, limit
from serve.values import ModelArgs, Placement


def placement(**more: Any) -> Placement:
    place = {"accelerator": "a", "vendor": "cuda", "num_gpus": 0.5, "memory": 3500 * 2**20, "device_memory": 2**33}
    return Placement.model_validate({**place, "limit": "mps", **more})


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Two GPUs' device files, beside which NVIDIA's driver has others."""
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    return tmp_path


def test_mps_gets_the_budget_of_each_gpu_and_the_share_of_its_threads(node: Path) -> None:
    assert limit.environment(placement(), node) == {
        "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT": "0=3500M,1=3500M",
        "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE": "50",
    }


def test_whole_gpus_have_all_threads(node: Path) -> None:
    assert limit.environment(placement(num_gpus=2), node)["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] == "100"


@pytest.mark.parametrize("other", [{"limit": None}, {"limit": "hami"}, {"vendor": "rocm"}, {"vendor": "cpu"}])
def test_others_are_left_alone(other: dict[str, Any], node: Path) -> None:
    assert limit.environment(placement(**other), node) == {}


def test_it_is_in_the_environment_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in limit.environment(placement()):
        monkeypatch.setenv(name, "")  # So that it is as before afterwards.
    args = ModelArgs.model_validate({"model": "m", "engine": "fake", "source": {"path": "/"}, "placement": placement()})
    engine.load(args, Path("/"))
    assert os.environ["CUDA_MPS_PINNED_DEVICE_MEM_LIMIT"] == "0=3500M"
