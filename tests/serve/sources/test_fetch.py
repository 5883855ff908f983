"""A source that is a path, the folders of the cache, and the lines in the log."""

import logging
from pathlib import Path

import pytest

from serve import sources
from serve.errors import ModelUnavailable
from serve.sources import transfer
from serve.values import Source
from tests.serve.sources.conftest import Store
from tests.serve.sources.wire import WEIGHTS

WHISPER = Source(s3="models/whisper", revision="v1")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of moto and botocore on import.


def test_path_is_used_as_it_is(tmp_path: Path) -> None:
    assert sources.fetch(Source(path=str(tmp_path)), "llm") == tmp_path


def test_path_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.touch()
    assert sources.fetch(Source(path=str(file)), "llm") == file


def test_path_that_is_missing_is_named() -> None:
    with pytest.raises(ModelUnavailable, match="model 'llm': there is no '/nowhere' on this node"):
        sources.fetch(Source(path="/nowhere"), "llm")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Source(hub="BAAI/bge"), "hub/BAAI/bge@main"),
        (Source(hub="BAAI/bge", revision="refs/pr/1"), "hub/BAAI/bge@refs%2Fpr%2F1"),
        (Source(s3="bucket/models/whisper/", revision="v2"), "s3/bucket/models/whisper@v2"),
        (Source(gs="bucket"), "gs/bucket@latest"),
        (Source(gs="bucket", include=("*.json",)), "gs/bucket@latest+7c7c3513"),
    ],
)
def test_folder_name_can_be_read(source: Source, name: str) -> None:
    assert sources.folder_name(source) == name


def test_folder_stays_in_the_cache() -> None:
    with pytest.raises(ModelUnavailable, match=r"must not contain '\.\.'"):
        sources.fetch(Source(s3="bucket/../../etc"), "llm")


def test_progress_is_logged_as_the_pattern_reads_it(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.put(**{"model.bin": WEIGHTS})
    with caplog.at_level(logging.INFO, "ray.serve"):
        sources.fetch(WHISPER, "whisper")
    lines = [transfer.PATTERN.fullmatch(message) for message in caplog.messages]
    assert [line.group("model", "total") for line in lines if line] == [("whisper", "1.0 MiB")] * len(caplog.messages)
    assert lines[0] is not None
    assert lines[-1] is not None
    assert (lines[0]["percent"], lines[-1]["percent"]) == ("0", "100")


def test_progress_starts_where_the_last_attempt_ended(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.put(**{"model.bin": WEIGHTS})
    store.wire.left = len(WEIGHTS) // 2
    with pytest.raises(ModelUnavailable):
        sources.fetch(WHISPER, "whisper")
    store.wire.left = None
    caplog.clear()
    with caplog.at_level(logging.INFO, "ray.serve"):
        sources.fetch(WHISPER, "whisper")
    first = transfer.PATTERN.fullmatch(caplog.messages[0])
    assert first is not None
    assert 25 <= int(first["percent"]) < 50


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1024, "1.0 KiB"),
        (312 * 2**20, "312 MiB"),
        (3 * 2**29, "1.5 GiB"),
        (2**52, "4096 TiB"),
    ],
)
def test_size_can_be_read(size: int, text: str) -> None:
    assert transfer.readable(size) == text
