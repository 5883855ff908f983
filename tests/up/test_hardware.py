"""Whether this machine has the GPUs of all groups together: files that stand for devices go in, a refusal comes out."""

from pathlib import Path

import pytest

from serve.errors import ConfigurationError
from serve.local import hardware
from serve.local.group import Group


def cuda(name: str, shared: str = "") -> Group:
    return Group(name=name, vendor="cuda", num_cpus=1, num_gpus=1, resources={name: 1}, shared=shared)


def test_accelerators_of_one_vendor_need_their_gpus_together(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    hardware.check([cuda("a")], tmp_path)
    with pytest.raises(ConfigurationError, match="'b' wants 1 GPU of vendor 'cuda', and this machine has 1") as refused:
        hardware.check([cuda("a"), cuda("b")], tmp_path)
    assert " for 2 in all;" in refused.value.message
    (tmp_path / "nvidia1").touch()
    hardware.check([cuda("a"), cuda("b")], tmp_path)


def test_a_device_that_is_shared_counts_once(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    hardware.check([cuda("a", shared="front"), cuda("b", shared="front")], tmp_path)
