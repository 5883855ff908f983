"""Batch jobs on real Ray: each row is written once, whatever breaks on the way, with the vectors that are served."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from serve.local.nodes import Nodes
from serve.local.service import Service
from tests.serve import references
from tests.serve.conftest import PLACE
from tests.serve.scraped import scraped

pytestmark = pytest.mark.slow

TEXTS = [f"{text} {number}" for number in range(8) for text in references.TEXTS]
FAKE = {"engine": "fake", "source": {"path": "/"}}


class Job:
    """A job over the file `texts.jsonl` of a folder."""

    def __init__(self, folder: Path, nodes: Nodes) -> None:
        self.folder, self.nodes = folder, nodes
        self.entry: dict[str, Any] = {
            "job": "corpus", "task": "embeddings", "engine": "sentence_transformers", "part": "1Ki",
            "source": {"path": str(references.minilm())}, "placement": PLACE,
            "input": str(folder / "texts.jsonl"), "output": str(folder / "vectors"),
        }  # fmt: skip

    def write(self, *values: Any) -> None:
        (self.folder / "texts.jsonl").write_text("".join(f"{json.dumps({'text': value})}\n" for value in values))

    def start(self, **changes: Any) -> subprocess.Popen[str]:
        program = Path(sys.executable).with_name("ai-inference")
        command = [str(program), "batch", json.dumps(self.entry | changes)]
        env = {**os.environ, **self.nodes.token, "RAY_ADDRESS": self.nodes.gcs}
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, **changes: Any) -> str:
        """Its log, when it has ended well."""
        process = self.start(**changes)
        log, _ = process.communicate()
        assert process.returncode == 0, log
        return log

    def parts(self) -> dict[str, int]:
        """When each part was written, in nanoseconds."""
        return {str(path): path.stat().st_mtime_ns for path in self.folder.rglob("*.parquet")}

    def rows(self) -> pa.Table:
        return ds.dataset(self.folder / "vectors").to_table().sort_by("id")


@pytest.fixture
def job(service: Service, tmp_path: Path) -> Job:
    return Job(tmp_path, service.nodes)


def test_each_row_is_written_once_with_the_vector_that_the_model_gives_it(job: Job) -> None:
    job.write(*TEXTS)
    log = job.run()
    rows = job.rows()
    assert sorted(rows["text"].to_pylist()) == sorted(TEXTS)
    assert len(set(rows["id"].to_pylist())) == len(TEXTS)
    found = np.stack(rows["embedding"].to_numpy(zero_copy_only=False))
    expected = references.vectors(references.minilm(), rows["text"].to_pylist())
    assert references.cosines(found, expected).min() >= 0.999
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert f"corpus: {len(job.parts())} of {len(job.parts())} parts, {len(TEXTS)} rows" in log


def test_prometheus_reads_how_large_batches_are_while_a_job_runs(job: Job, service: Service, eventually: Any) -> None:
    job.write(*TEXTS)
    process = job.start(**FAKE, engineConfig={"delay": 1})
    eventually(lambda: ("corpus",) in scraped(service).get("ai_inference_batch_size_count", {}))
    log, _ = process.communicate()
    assert process.returncode == 0, log


def test_a_start_does_what_is_missing_and_nothing_else(job: Job) -> None:
    job.write(*TEXTS)
    job.run(**FAKE)
    whole, before = job.rows(), job.parts()
    assert "all rows are written" in job.run(**FAKE)
    assert job.parts() == before
    removed = list(before)[::2]
    for part in removed:
        Path(part).unlink()
    job.run(**FAKE)
    assert job.rows() == whole
    assert {part for part, written in job.parts().items() if before[part] != written} == set(removed)


def workers(below: int) -> Iterator[psutil.Process]:
    """Ray's processes that embed."""
    for process in psutil.Process(below).children(recursive=True):
        if "MapWorker(" in " ".join(process.cmdline()):
            yield process


def test_a_worker_that_is_killed_midway_costs_no_row_and_doubles_none(job: Job) -> None:
    job.write(*TEXTS)
    process = job.start(**FAKE, engineConfig={"delay": 0.3})
    while len(job.parts()) < 2:
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"it ended with {process.wait(0.05)} before anything was killed")
    killed = list(workers(os.getpid()))
    for worker in killed:
        worker.kill()
    written = len(job.parts())
    log, _ = process.communicate()
    assert process.returncode == 0, log
    assert killed
    assert written < len(job.parts())
    assert sorted(job.rows()["text"].to_pylist()) == sorted(TEXTS)


def test_a_row_that_cannot_be_embedded_says_why_and_takes_no_other_with_it(job: Job) -> None:
    bad = ["", None, 7, "a\0b", "\ud800", "word " * 600]
    job.write("good", *bad, "good too")
    log = job.run(part="1Mi")
    rows = job.rows().to_pylist()
    assert [row["text"] for row in rows if row["embedding"]] == ["good", "good too"]
    errors = [row["error"] for row in rows if row["embedding"] is None]
    said = ["must not be empty", "is no text but NoneType", "is no text but int", "contains a NUL", "contains half of",
            "has at least 602 tokens"]  # fmt: skip
    assert [error[: len(start)] for error, start in zip(errors, said, strict=True)] == said
    assert "8 rows, 6 of them with an error" in log


def test_a_text_that_is_too_long_is_cut_where_the_entry_says_so(job: Job) -> None:
    job.write("word " * 600)
    job.run(truncate=True)
    assert job.rows()["error"].null_count == 1


FAILING = [
    ({"engineConfig": {"loadError": "no weights"}}, "engine 'fake' could not load"),
    ({"engineConfig": {"error": "the device is gone"}}, "the device is gone"),
    ({"engineConfig": {"dely": 1}}, "jobs.corpus.engineConfig.dely: unknown key; did you mean 'delay'?"),
    ({"engine": "kokoro"}, "jobs.corpus.engine: 'kokoro' does not do task 'embeddings'"),
    ({"input": "/nowhere"}, "input: there is no file at /nowhere"),
]


@pytest.mark.parametrize(("changes", "message"), FAILING, ids=[message for _, message in FAILING])
def test_a_job_that_cannot_work_ends_with_the_reason(job: Job, changes: dict[str, Any], message: str) -> None:
    job.write(*TEXTS)
    process = job.start(**FAKE | changes)
    log, _ = process.communicate()
    assert process.returncode
    assert message in log
    assert not job.parts()
