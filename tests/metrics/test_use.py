"""What GPUs are used for, read from trees of files as kernels and drivers show them, and from this machine's own."""

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serve.use import Meter, read
from serve.use.processes import family
from serve.values import Placement
from tests.serve.test_card import rendering

ADDRESS = "0000:c5:00.0"
GIB = 2**30


def placement(vendor: str, memory: int = 8 * GIB) -> Placement:
    return Placement(accelerator="mine", vendor=vendor, num_gpus=1, memory=4 * GIB, device_memory=memory)


def process(root: Path, pid: int, parent: int, *files: str) -> None:
    """With the name that is hardest to read, and files that it has open."""
    folder = root / f"proc/{pid}/fdinfo"
    folder.mkdir(parents=True)
    (folder.parent / "stat").write_text(f"{pid} (a) name) S {parent} {' '.join('7' * 40)}\n")
    for number, text in enumerate(files):
        (folder / str(number)).write_text(text)


def opened(client: int, **numbers: str) -> str:
    lines = [f"{key.replace('_', '-')}:\t{value}" for key, value in numbers.items()]
    return "\n".join(["pos: 0", "drm-driver: x", f"drm-client-id: {client}", f"drm-pdev: {ADDRESS}", *lines])


def ours(root: Path, *files: str) -> None:
    """This process, and a child of its child that has the files open."""
    process(root, os.getpid(), 1)
    process(root, 90001, os.getpid())
    process(root, 90002, 90001, *files)


def test_amds_memory_is_counted_once_however_often_it_is_opened(tmp_path: Path) -> None:
    rendering(tmp_path, ADDRESS, 128, "0x1002")
    for name, value in {"mem_info_vram_total": 8 * GIB, "mem_info_vram_used": 6 * GIB, "gpu_busy_percent": 25}.items():
        (tmp_path / "sys/devices" / ADDRESS / name).write_text(f"{value}\n")
    once = opened(1, drm_memory_vram="2097152 KiB", drm_memory_gtt="1024 KiB")
    ours(tmp_path, once, once, opened(2, drm_resident_vram="1 GiB", drm_memory_vram="9 GiB"))
    process(tmp_path, 90003, 1, opened(3, drm_memory_vram="3 GiB"))
    gpu = read(placement("rocm"), [ADDRESS], tmp_path)[ADDRESS]
    assert (gpu.own, gpu.used, gpu.memory, gpu.busy) == (3 * GIB, 6 * GIB, 8 * GIB, 0.25)


def test_of_an_apu_the_ram_that_the_driver_lends_it_counts_too(tmp_path: Path) -> None:
    rendering(tmp_path, ADDRESS, 128, "0x1002")
    sizes = {"vram_total": 1, "vram_used": 1, "gtt_total": 95, "gtt_used": 60}
    for name, value in sizes.items():
        (tmp_path / "sys/devices" / ADDRESS / f"mem_info_{name}").write_text(f"{value * GIB}")
    ours(tmp_path, opened(1, drm_memory_vram="1 GiB", drm_memory_gtt="59 GiB"))
    gpu = read(placement("rocm", 96 * GIB), [ADDRESS], tmp_path)[ADDRESS]
    assert (gpu.own, gpu.used, gpu.memory) == (60 * GIB, 61 * GIB, 96 * GIB)


def test_intels_use_is_the_pods_and_its_work_that_since_the_last_look(tmp_path: Path) -> None:
    rendering(tmp_path, ADDRESS, 128, "0x8086")
    ours(tmp_path, opened(1, drm_resident_vram0="2 GiB", drm_cycles_ccs="100", drm_total_cycles_ccs="1000"))
    process(tmp_path, 90003, 1, opened(2, drm_resident_vram0="1 GiB"))
    meter = Meter(placement("xpu"), [ADDRESS], tmp_path)
    gpu, busy = meter.look()[ADDRESS]
    assert (gpu.own, gpu.used, busy) == (2 * GIB, 3 * GIB, None)
    later = opened(1, drm_resident_vram0="2 GiB", drm_cycles_ccs="400", drm_total_cycles_ccs="2000")
    (tmp_path / "proc/90002/fdinfo/0").write_text(later)
    assert meter.look()[ADDRESS][1] == pytest.approx(0.3)


@pytest.mark.parametrize(("vendor", "maker"), [("rocm", "0x1002"), ("xpu", "0x8086")])
def test_a_gpu_that_left_the_bus_is_gone(vendor: str, maker: str, tmp_path: Path) -> None:
    rendering(tmp_path, ADDRESS, 128, maker)
    ours(tmp_path)
    assert read(placement(vendor), [ADDRESS], tmp_path)[ADDRESS].present
    (tmp_path / "sys/class/drm/renderD128/device").unlink()
    assert not read(placement(vendor), [ADDRESS], tmp_path)[ADDRESS].present


def test_without_nvidias_driver_nothing_is_said_of_its_gpus(tmp_path: Path) -> None:
    assert read(placement("cuda"), [ADDRESS], tmp_path) == {}


def test_a_simulated_gpus_use_is_the_ram_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_INFERENCE_SIMULATED", "1")
    before = Meter(placement("cuda"), ["mine-0"]).look()["mine-0"][0]
    with mmap.mmap(-1, 64 * 2**20) as taken:  # New pages, where an allocator might use old ones again.
        taken.write(os.urandom(2**20) * 64)
        after = Meter(placement("cuda"), ["mine-0"]).look()["mine-0"][0]
        size = len(taken)
    assert before.own is not None
    assert after.own is not None
    assert after.own - before.own > size / 2
    assert after.memory == 8 * GIB


def test_engines_processes_are_the_models_also_those_that_they_started() -> None:
    child = "import subprocess, sys; print(subprocess.Popen(['cat'], stdin=0).pid, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        grandchild = int(started.stdout.readline())
        assert {started.pid, grandchild} <= set(family(Path("/")))
        started.communicate()
