"""`ai-inference models estimate`: a folder or values files go in, a table or JSON comes out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import constants
from typer.testing import CliRunner

from serve.cli.app import app
from serve.errors import ConfigurationError
from tests.estimate import published
from tests.estimate.test_published import CONFIGS
from tests.helm import VALUES, fleet

Ask = Callable[..., dict[str, Any]]
HUB = {
    "RedHatAI/Meta-Llama-3.1-70B-Instruct-quantized.w4a16": published.L70,
    "Qwen/Qwen2.5-7B-Instruct-AWQ": published.Q7,
    "HuggingFaceTB/SmolLM2-135M-Instruct": published.Q1,
    "Systran/faster-whisper-large-v3": None,
    "Systran/faster-whisper-tiny": None,
    "BAAI/bge-large-en-v1.5": published.LARGE,
    "BAAI/bge-reranker-v2-m3": published.RERANKER,
    "sentence-transformers/all-MiniLM-L6-v2": published.LARGE,
    "cross-encoder/ms-marco-MiniLM-L6-v2": published.RERANKER,
    "hexgrad/Kokoro-82M": None,
}
"""The models of values/, and whose config stands in for theirs; none: one without sizes, as CTranslate2 writes it."""


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["models", "estimate", *arguments], catch_exceptions=False)
    assert not result.exit_code, result.output
    return result.stdout


@pytest.fixture
def ask() -> Ask:
    """The first model's estimate as data."""

    def asked(*arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(*arguments, "--json"))["models"]
        return next(iter(found.values()))

    return asked


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of models, as serving fills it, with no weights in it, and no hub."""
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "none"))
    for name, model in HUB.items():
        folder = tmp_path / "hub" / f"{name}@main"
        folder.mkdir(parents=True)
        content = (CONFIGS / model / "config.json").read_text() if model else json.dumps({"n_mels": 80})
        content = json.dumps({"alignment_heads": []}) if "whisper" in name else content
        (folder / "config.json").write_text(content)
    return tmp_path


def folder(model: str) -> str:
    return f"--path={CONFIGS / model}"


def test_the_table_has_a_row_for_each_data_type_and_a_proposal() -> None:
    said = run(folder(published.L8), "--context=8192")
    assert "8.03B parameters, llama; 1 x 8192 tokens by vllm in float16" in said
    row = next(line.split() for line in said.splitlines() if line.split()[:1] == ["float16"])
    assert row[:4] == ["float16", "15.0Gi", "128Ki", "1.0Gi"]
    assert {"float32", "int8", "int4"} <= {line.split()[0] for line in said.splitlines() if line.strip()}
    assert f"memory: {row[-1]}" in said


def test_the_proposal_is_the_sum_of_its_parts_rounded_up(ask: Ask) -> None:
    found = ask(folder(published.L8), "--context=8192")
    row = next(one for one in found["estimates"] if one["dtype"] == found["dtype"])
    parts = [row[part] for part in ("weights", "cache", "activations", "overhead")]
    assert found["memory"] == f"{-(-sum(parts) // 2**20)}Mi"
    assert all(parts)


def test_gpus_share_weights_and_heads(ask: Ask) -> None:
    alone, shared = (ask(folder(published.L70), f"--tensor-parallel={gpus}")["estimates"][0] for gpus in (1, 4))
    assert shared["weights"] == alone["weights"] // 4
    assert shared["cachePerToken"] == alone["cachePerToken"] // 4


def test_more_gpus_than_heads_keep_one_each(ask: Ask) -> None:
    eight, sixteen = (ask(folder(published.L70), f"--tensor-parallel={gpus}")["estimates"][0] for gpus in (8, 16))
    assert eight["cachePerToken"] == sixteen["cachePerToken"]


def test_the_cache_grows_with_the_batch(ask: Ask) -> None:
    one, eight = (ask(folder(published.L8), "--context=1024", f"--batch={batch}") for batch in (1, 8))
    assert eight["estimates"][0]["cache"] == 8 * one["estimates"][0]["cache"]


def test_an_encoder_computes_the_batch_that_is_asked_for(ask: Ask) -> None:
    one, eight = (ask(folder(published.LARGE), "--context=512", f"--batch={batch}") for batch in (1, 8))
    assert eight["estimates"][0]["activations"] == 8 * one["estimates"][0]["activations"]
    assert eight["estimates"][0]["cache"] == 0


def test_a_context_beyond_the_models_own_is_cut_to_it(ask: Ask) -> None:
    assert ask(folder(published.LARGE), "--context=100000")["context"] == 512


@pytest.mark.parametrize("name", ["cuda.yaml", "homelab.yaml", "local.yaml"])
def test_the_values_of_this_repository_are_estimated_but_for_speech_synthesis(name: str, fetched: Path) -> None:
    found = json.loads(run(f"-f{VALUES / name}", "--json"))
    assert set(found["models"]) == {"llm", "whisper", "embeddings", "reranker"}
    assert set(found["unknown"]) == {"tts"}
    assert "set memory by hand" in found["unknown"]["tts"]


def test_an_entrys_options_count(fetched: Path) -> None:
    """maxModelLen, computeType, and what the vendor makes of a precision that is not said."""
    models = json.loads(run(f"-f{VALUES / 'homelab.yaml'}", "--json"))["models"]
    assert models["llm"]["context"] == 32_768
    assert models["whisper"]["dtype"] == "int8"
    assert models["reranker"]["dtype"] == "float16"
    local = json.loads(run(f"-f{VALUES / 'local.yaml'}", "--json"))["models"]
    assert {local[name]["dtype"] for name in ("whisper", "embeddings", "reranker")} == {"float32"}


def test_the_budget_of_a_language_model_leaves_room_for_so_many_tokens(tmp_path: Path) -> None:
    source = {"path": str(CONFIGS / published.L8)}
    values = fleet(models__chat__engine="vllm", models__chat__source=source, models__chat__memory="20Gi")
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    found = json.loads(run(f"-f{tmp_path / 'values.yaml'}", "--model=chat", "--json"))["models"]["chat"]
    row = next(one for one in found["estimates"] if one["dtype"] == found["dtype"])
    size = 20 * 2**30 - row["weights"] - row["activations"] - row["overhead"]
    assert found["room"] == {
        "size": size,
        "blocks": size // (128 * 1024 * 16),
        "tokens": size // (128 * 1024 * 16) * 16,
    }
    said = run(f"-f{tmp_path / 'values.yaml'}", "--model=chat")
    assert f"the budget leaves {size // 2**20 + 1}Mi of cache: {found['room']['tokens']} tokens in" in said


def test_the_placement_of_an_entry_says_how_many_gpus_share_it(tmp_path: Path) -> None:
    source = {"path": str(CONFIGS / published.L70)}
    chat = {"engine": "vllm", "source": source, "gpus": 4, "tensorParallel": 4}
    values = fleet(accelerators__big__count=4)
    values["models"]["chat"] |= chat
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    found = json.loads(run(f"-f{tmp_path / 'values.yaml'}", "--model=chat", "--json"))["models"]["chat"]
    assert found["tensorParallel"] == 4
    assert found["estimates"][0]["cachePerToken"] == 2 * 80 * 2 * 128 * 4


def test_one_model_that_cannot_be_estimated_is_an_error(fetched: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^models\.tts: .* cannot be estimated"):
        run(f"-f{VALUES / 'cuda.yaml'}", "--model=tts")


def test_a_model_that_the_values_lack_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="--model: there is no 'lm'; models: embeddings, llm"):
        run(f"-f{VALUES / 'cuda.yaml'}", "--model=lm")


def test_an_unknown_data_type_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match="--dtype: there is no 'fp6'; data types: float32"):
        run(folder(published.L8), "--dtype=fp6")


def test_one_thing_is_estimated_at_a_time() -> None:
    with pytest.raises(ConfigurationError, match="say one of --hub, --path and --values"):
        run()
