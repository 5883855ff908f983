"""The one place that knows vendors: which device a placement means, and what a person reads when it is not there."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from serve import device
from serve.errors import ModelUnavailable
from serve.values import Placement


def placement(vendor: str, cpus: float = 1) -> Placement:
    return Placement(accelerator="card", vendor=vendor, num_gpus=0.5, cpus=cpus, memory=2**30, device_memory=2**33)


@pytest.mark.parametrize(("vendor", "word"), [("cuda", "cuda"), ("rocm", "cuda"), ("xpu", "xpu"), ("cpu", "cpu")])
def test_a_vendor_means_a_device_of_torch(vendor: str, word: str) -> None:
    assert device.word_for(vendor) == word


@pytest.mark.parametrize("vendor", ["cuda", "rocm", "xpu"])
def test_a_simulated_gpu_is_the_cpu(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_INFERENCE_SIMULATED", "1")
    assert device.torch_device(placement(vendor)) == "cpu"
    assert device.openvino_device(placement(vendor)) == "CPU"


def test_an_unknown_vendor_is_refused_with_those_there_are() -> None:
    with pytest.raises(ModelUnavailable, match="there is no vendor 'tpu'; vendors: cuda, rocm, xpu, cpu"):
        device.torch_device(placement("tpu"))


def test_a_missing_device_is_said_with_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    with pytest.raises(ModelUnavailable, match=r"accelerator 'card' has vendor 'xpu', but torch .* finds no 'xpu'"):
        device.torch_device(placement("xpu"))


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What torch is told to hold the process to, on a card that reports 7.5 GiB."""
    told: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=15 * 2**29))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", told.append)
    return told


def test_torch_is_held_to_the_budget_of_what_the_card_really_has(shares: list[float]) -> None:
    assert device.torch_device(placement("cuda")) == "cuda"
    assert shares == [1 / 7.5]


def test_a_card_that_has_less_than_the_budget_is_refused_with_the_numbers(shares: list[float]) -> None:
    place = placement("cuda").model_copy(update={"memory": 2**33 - 2**28})
    expected = (
        "the GPU of accelerator 'card' has 7680Mi, but its memory is given as 8192Mi, and the budget on it is 7936Mi: "
        "set accelerators.card.memory to 7680Mi or less"
    )
    with pytest.raises(ModelUnavailable) as refused:
        device.torch_device(place)
    assert (refused.value.message, shares) == (expected, [])


def test_an_apu_that_was_given_half_of_the_memory_is_refused_with_the_kernels_parameter(shares: list[float]) -> None:
    place = placement("rocm").model_copy(update={"device_memory": 2**34})
    with pytest.raises(ModelUnavailable, match=r"boot with ttm\.pages_limit=4194304 .*amdgpu\.gttsize=16384"):
        device.torch_device(place)
    assert shares == []


@pytest.mark.parametrize(("cpus", "threads"), [(3, 3), (0.5, 1)])
def test_cores_of_the_placement_bound_the_threads(cpus: float, threads: int) -> None:
    code = f"""if True:
        import torch
        from serve.device import torch_device
        from serve.values import Placement
        place = Placement(accelerator="a", vendor="cpu", num_gpus=0, cpus={cpus}, memory=1, device_memory=1)
        torch_device(place)
        print(torch.get_num_threads())
    """
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(found.stdout) == threads
