"""`ai-inference models fetch`: sources go in, files are in the cache, and a failure is told beside what went well."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve.cli.app import app
from serve.errors import ConfigurationError
from tests.serve.sources.conftest import Store

WELL = {"s3": "models/whisper"}


def test_each_model_is_fetched_and_one_that_fails_takes_no_other_with_it(store: Store, cache: Path) -> None:
    store.put(weights=b"w" * 100)
    asked = {"absent": {"s3": "models/absent"}, "whisper": WELL}
    done = CliRunner().invoke(app, ["models", "fetch", f"--sources={json.dumps(asked)}"])
    assert done.exit_code == 1
    assert "FAILED  absent  model 'absent'" in done.stdout
    assert "fetched whisper" in done.stdout
    assert (cache / "s3/models/whisper@latest/weights").read_bytes() == b"w" * 100
    tolerant = CliRunner().invoke(app, ["models", "fetch", "--best-effort", f"--sources={json.dumps(asked)}"])
    assert (tolerant.exit_code, "FAILED  absent" in tolerant.stdout) == (0, True)


def test_what_values_name_is_fetched(store: Store, cache: Path, tmp_path: Path) -> None:
    store.put(weights=b"w")
    file = tmp_path / "values.yaml"
    file.write_text(
        "accelerators: {here: {vendor: cpu, memory: 4Gi, order: 1}}\n"
        "models: {ears: {task: stt, engine: fake, source: {s3: models/whisper}, accelerator: here}}\n"
    )
    done = CliRunner().invoke(app, ["models", "fetch", f"--values={file}"])
    assert done.exit_code == 0, done.output
    assert (cache / "s3/models/whisper@latest/weights").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [([], "say one of"), (["--sources=[]"], "--sources is no JSON of sources by model"),
     (['--sources={"a": {"hub": "b/c", "s3": "d"}}'], "name exactly one of hub, path, s3, gs")],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["models", "fetch", *options])
    assert isinstance(done.exception, ConfigurationError)
    assert said in done.exception.message
