"""A bucket becomes a folder, over a wire that may be cut."""

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from serve import sources
from serve.errors import ModelUnavailable
from serve.sources import bucket
from serve.values import Source
from tests.serve.sources.conftest import Store
from tests.serve.sources.wire import PIECE, WEIGHTS

WHISPER = Source(s3="models/whisper", revision="v1")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of moto and botocore on import.


def test_bucket_becomes_a_folder(store: Store, cache: Path) -> None:
    store.put(**{"config.json": b"{}", "sub/model.bin": WEIGHTS, "empty": b""})
    folder = sources.fetch(WHISPER, "whisper")
    assert folder == cache / "s3/models/whisper@v1"
    assert (folder / "config.json").read_bytes() == b"{}"
    assert (folder / "sub/model.bin").read_bytes() == WEIGHTS
    assert (folder / "empty").read_bytes() == b""


def test_bucket_neighbours_with_the_same_beginning_stay_away(store: Store) -> None:
    store.put(**{"model.bin": b"mine"})
    store.client.put_object(Bucket="models", Key="whisper-large/model.bin", Body=b"other")
    folder = sources.fetch(WHISPER, "whisper")
    assert [file.name for file in folder.iterdir() if not file.name.startswith(".")] == ["model.bin"]


def test_bucket_gives_only_what_is_included(store: Store) -> None:
    store.put(**{"config.json": b"{}", "model.bin": b"1", "model.onnx": b"2"})
    folder = sources.fetch(WHISPER.model_copy(update={"include": ("*.json", "*.bin")}), "whisper")
    assert {file.name for file in folder.iterdir()} == {"config.json", "model.bin", bucket.ETAGS}


def test_bucket_may_name_a_single_object(store: Store) -> None:
    store.put(**{"model.gguf": WEIGHTS})
    folder = sources.fetch(Source(s3="models/whisper/model.gguf"), "llm")
    assert (folder / "model.gguf").read_bytes() == WEIGHTS


def test_bucket_is_asked_nothing_when_the_folder_is_complete(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.put(**{"model.bin": WEIGHTS})
    sources.fetch(WHISPER, "whisper")
    store.wire.requests.clear()
    caplog.clear()
    with caplog.at_level(logging.INFO, "ray.serve"):
        sources.fetch(WHISPER, "whisper")
    assert store.wire.requests == []
    assert caplog.messages == []


def test_bucket_broken_off_is_continued_with_the_missing_bytes(store: Store, cache: Path) -> None:
    store.put(**{"model.bin": WEIGHTS})
    store.wire.left = len(WEIGHTS) // 2
    with pytest.raises(ModelUnavailable, match="model 'whisper': its source could not be fetched in 1 attempts"):
        sources.fetch(WHISPER, "whisper")
    assert not (cache / "s3/models/whisper@v1").exists()
    held = (cache / "s3/models/whisper@v1.partial/model.bin").stat().st_size
    assert len(WEIGHTS) // 4 < held < len(WEIGHTS) // 2
    store.wire.left, store.wire.carried = None, 0
    store.wire.requests.clear()
    folder = sources.fetch(WHISPER, "whisper")
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert store.spans("model.bin") == [f"{at}-{at + PIECE - 1}" for at in range(held, len(WEIGHTS), PIECE)]
    assert store.wire.carried < len(WEIGHTS) - held + PIECE


def test_bucket_broken_off_is_continued_by_the_next_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(**{"model.bin": WEIGHTS})
    monkeypatch.setattr(sources, "DELAYS", (0.0,))
    monkeypatch.setattr("serve.sources.time.sleep", lambda _: setattr(store.wire, "left", None))
    store.wire.left = len(WEIGHTS) // 2
    assert (sources.fetch(WHISPER, "whisper") / "model.bin").read_bytes() == WEIGHTS


def test_bucket_object_that_changed_meanwhile_is_fetched_anew(store: Store) -> None:
    store.put(**{"model.bin": WEIGHTS, "a.bin": b"same"})
    store.wire.left = len(WEIGHTS) // 2
    with pytest.raises(ModelUnavailable):
        sources.fetch(WHISPER, "whisper")
    changed = WEIGHTS[::-1]
    store.put(**{"model.bin": changed})
    store.wire.left = None
    store.wire.requests.clear()
    folder = sources.fetch(WHISPER, "whisper")
    assert (folder / "model.bin").read_bytes() == changed
    assert store.spans("model.bin")[0] == f"0-{PIECE - 1}"
    assert store.spans("a.bin") == []


def test_bucket_that_changes_under_the_fetch_is_not_used(
    store: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(**{"model.bin": WEIGHTS})
    grow = bucket._grow

    def change_after(*args: Any) -> None:
        grow(*args)
        store.put(**{"model.bin": WEIGHTS[::-1]})

    monkeypatch.setattr(bucket, "_grow", change_after)
    with pytest.raises(ModelUnavailable, match="s3://models/whisper changed while it was fetched"):
        sources.fetch(WHISPER, "whisper")
    assert not (cache / "s3/models/whisper@v1").exists()


def test_bucket_object_that_vanished_leaves_the_folder(store: Store) -> None:
    store.put(**{"a.bin": b"old", "model.bin": WEIGHTS})
    store.wire.left = len(WEIGHTS) // 2
    with pytest.raises(ModelUnavailable):
        sources.fetch(WHISPER, "whisper")
    store.client.delete_object(Bucket="models", Key="whisper/a.bin")
    store.wire.left = None
    assert not (sources.fetch(WHISPER, "whisper") / "a.bin").exists()


def test_bucket_is_fetched_once_by_many_threads(store: Store) -> None:
    store.put(**{"model.bin": b"1"})
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: sources.fetch(WHISPER, "whisper"), range(8)))
    assert len(folders) == 1
    assert len(store.spans("model.bin")) == 1


def test_bucket_is_fetched_once_by_two_processes(store: Store) -> None:
    store.put(**{"model.bin": WEIGHTS})
    code = (
        f"from serve import sources, values; print(sources.fetch(values.Source(**{WHISPER.model_dump()}), 'whisper'))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = {process.communicate()[0] for process in both}
    assert len(answers) == 1
    assert (Path(answers.pop().strip()) / "model.bin").read_bytes() == WEIGHTS
    assert len(store.spans("model.bin")) == 1


@pytest.mark.parametrize("location", ["models/nothing", "nowhere/whisper"])
def test_bucket_that_has_nothing_is_named(store: Store, location: str) -> None:
    with pytest.raises(ModelUnavailable, match=f"there is nothing at s3://{location}; check source.s3"):
        sources.fetch(Source(s3=location), "whisper")


def test_bucket_that_has_nothing_that_is_included_says_so(store: Store) -> None:
    store.put(**{"model.bin": b"1"})
    with pytest.raises(ModelUnavailable, match=r"nothing that matches \*\.onnx at s3://models/whisper"):
        sources.fetch(Source(s3="models/whisper", include=("*.onnx",)), "whisper")


def test_bucket_that_refuses_points_to_the_credentials(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(bucket, "_listing", refuse)
    with pytest.raises(ModelUnavailable, match=r"may not be read \(Access Denied\); check the credentials"):
        sources.fetch(WHISPER, "whisper")


def test_bucket_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ModelUnavailable, match=r"install it by: pip install 'ai-inference\[gs\]'"):
        sources.fetch(Source(gs="models/whisper"), "whisper")


def test_bucket_larger_than_the_disk_is_refused_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(**{"model.bin": WEIGHTS})
    monkeypatch.setattr("serve.sources.transfer.shutil.disk_usage", lambda _: Mock(free=0))
    with pytest.raises(ModelUnavailable, match=r"No space left on device: \S+ KiB needed, 0 B free in .*make room"):
        sources.fetch(WHISPER, "whisper")
    assert store.spans("model.bin") == []
