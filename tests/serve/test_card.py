"""A GPU has one name on its node, whoever asks: the address on the bus, read from what the kernel and drivers show."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from serve import card
from serve.values import Placement


def placement(vendor: str, gpus: float = 0.5) -> Placement:
    return Placement(accelerator="mine", vendor=vendor, num_gpus=gpus, memory=2**30, device_memory=2**33)


def nvidia(root: Path, address: str, minor: int, seen: bool = True) -> None:
    """What NVIDIA's driver says of a GPU; its device file is in the pod where that is given it."""
    file = root / "proc/driver/nvidia/gpus" / address / "information"
    file.parent.mkdir(parents=True)
    file.write_text(
        f"Model: \t\t NVIDIA L4\nGPU UUID: \t GPU-{minor}\nBus Location: \t {address}\nDevice Minor: \t {minor}\n"
    )
    (root / "dev").mkdir(exist_ok=True)
    if seen:
        (root / f"dev/nvidia{minor}").touch()


def rendering(root: Path, address: str, number: int, maker: str, seen: bool = True) -> None:
    """The same of a GPU whose driver is the kernel's."""
    device = root / "sys/devices" / address
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{maker}\n")
    node = root / f"sys/class/drm/renderD{number}"
    node.mkdir(parents=True)
    (node / "device").symlink_to(device)
    (root / "dev/dri").mkdir(parents=True, exist_ok=True)
    if seen:
        (root / f"dev/dri/renderD{number}").touch()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Ray says that the replica has."""
    ids: list[str] = []
    monkeypatch.setattr(card, "_given", lambda: ids)
    return ids


def test_a_pods_only_gpu_is_named_by_its_address_whatever_ray_calls_it(tmp_path: Path, given: list[str]) -> None:
    nvidia(tmp_path, "0000:01:00.0", 0, seen=False)
    nvidia(tmp_path, "0000:02:00.0", 1)
    for ids in (["0"], ["MIG-7"], []):
        given[:] = ids
        assert card.cards(placement("cuda"), tmp_path) == ("0000:02:00.0",)


@pytest.mark.parametrize(("vendor", "address"), [("rocm", "0000:c5:00.0"), ("xpu", "0000:03:00.0")])
def test_a_vendor_has_its_own_among_those_that_render(
    vendor: str, address: str, tmp_path: Path, given: list[str]
) -> None:
    rendering(tmp_path, "0000:03:00.0", 129, "0x8086")
    rendering(tmp_path, "0000:c5:00.0", 128, "0x1002")
    rendering(tmp_path, "0000:c6:00.0", 130, "0x1002", seen=False)
    given.append("0")
    assert card.cards(placement(vendor), tmp_path) == (address,)


@pytest.mark.parametrize("ids", [["1", "0"], ["GPU-5", "GPU-3"]])
def test_several_are_those_that_ray_gives_in_the_order_of_the_bus(
    ids: Sequence[str], tmp_path: Path, given: list[str]
) -> None:
    for minor, address in ((5, "0000:21:00.0"), (3, "0000:11:00.0"), (4, "0000:31:00.0")):
        nvidia(tmp_path, address, minor)
    given.extend(ids)
    assert card.cards(placement("cuda", 2), tmp_path) == ("0000:11:00.0", "0000:21:00.0")


def test_what_cannot_be_told_apart_is_named_by_the_accelerator(tmp_path: Path, given: list[str]) -> None:
    given.extend(["1", "0"])
    assert card.cards(placement("xpu", 2), tmp_path) == ("mine-0", "mine-1")
    for minor in (0, 1):
        nvidia(tmp_path, f"0000:{minor}1:00.0", minor)
    given[:] = ["MIG-7"]
    assert card.cards(placement("cuda"), tmp_path) == ("mine-MIG-7",)


def test_without_ray_they_are_all_that_there_are(tmp_path: Path, given: list[str]) -> None:
    for minor in (0, 1):
        nvidia(tmp_path, f"0000:{minor}1:00.0", minor)
    assert card.cards(placement("cuda", 2), tmp_path) == ("0000:01:00.0", "0000:11:00.0")
    assert given == []


def test_a_simulated_gpu_is_none_of_the_real_ones(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_INFERENCE_SIMULATED", "1")
    nvidia(tmp_path, "0000:01:00.0", 0)
    given.append("0")
    assert card.cards(placement("cuda"), tmp_path) == ("mine-0",)
    assert card.cards(placement("cpu", 0), tmp_path) == ()


def test_inside_ray_they_are_those_of_the_actor() -> None:
    code = """if True:
        import ray
        from serve import card
        from serve.values import Placement

        named = ray.remote(num_cpus=0)(card.cards)
        with ray.init(address="local", num_cpus=1, num_gpus=2, include_dashboard=False, log_to_driver=False):
            for gpus in (2, 0.5):
                place = Placement(accelerator="a", vendor="cuda", num_gpus=gpus, memory=1, device_memory=1)
                print(*ray.get(named.options(num_gpus=gpus).remote(place)))
    """
    env = {**os.environ, "AI_INFERENCE_SIMULATED": "1"}
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
    assert found.stdout.splitlines() == ["a-0 a-1", "a-0"]
