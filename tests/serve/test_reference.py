"""References made by a CPU in its own process, and answers that are and are not like them, by real engines."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from serve import engine, reference, sources, standins
from serve.checks import Wrong
from serve.checks.embeddings import OTHER
from serve.cli.app import app
from serve.errors import ModelUnavailable, Unlike
from serve.reference import place
from serve.values import ModelArgs, Task
from tests.serve import references
from tests.serve.conftest import PLACE

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning"),  # Kokoro's own modules
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
]
GPU = {**PLACE, "vendor": "rocm", "accelerator": "radeon"}
ENGINES: dict[Task, str] = {
    "embeddings": "sentence_transformers",
    "rerank": "sentence_transformers",
    "stt": "faster_whisper",
    "tts": "kokoro",
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AI_INFERENCE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patched.setenv("AI_INFERENCE_SIMULATED", "1")
        yield sources.cache()


def entry(folder: Path, engine: str = "sentence_transformers", **more: Any) -> ModelArgs:
    source = {"path": str(folder)}
    return ModelArgs.model_validate({"model": "mine", "engine": engine, "source": source, "placement": GPU, **more})


def wrong(args: ModelArgs, amount: float) -> ModelArgs:
    return args.model_copy(update={"engine_config": {"wrong": amount}})


def checked(task: Task, args: ModelArgs) -> None:
    asyncio.run(reference.check(task, args, engine.load(args, Path(str(args.source.path)))))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Real ones, in a folder of ours."""
    return shutil.copytree(references.minilm(), tmp_path_factory.mktemp("models") / "minilm")


@pytest.fixture(scope="module")
def made(weights: Path) -> place.Reference:
    return place.read(place.make("embeddings", entry(weights), weights))


def test_a_reference_says_of_what_it_is_and_what_a_cpu_answered(made: place.Reference, weights: Path) -> None:
    assert (made.task, made.engine, made.source.path) == ("embeddings", "sentence_transformers", str(weights))
    assert made.engine_config == {"dtype": "float32", "attention": "auto"}
    found = np.array(made.answers["vectors"], np.float32)[2:3]
    assert references.cosines(found, references.vectors(weights, [OTHER]))[0] > 0.99999


def test_it_is_kept_in_the_cache_by_source_and_revision(made: place.Reference, weights: Path, cache: Path) -> None:
    (file,) = cache.glob("references/**/reference.json")
    assert str(file) == f"{cache}/references/path{weights}@latest/{made.identity}/reference.json"
    assert place.find("embeddings", entry(weights), weights) == made


def test_one_that_lies_beside_the_weights_is_found(made: place.Reference, weights: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(weights, tmp_path / "elsewhere")
    assert place.find("embeddings", entry(folder), folder) is None
    (folder / "reference.json").write_text(made.model_dump_json(by_alias=True))
    assert place.find("embeddings", entry(folder), folder) == made


@pytest.mark.parametrize(
    ("options", "same"),
    [
        ({"dtype": "float16"}, True),
        ({"maxBatchTokens": 64}, True),
        ({"prompt": "query: "}, False),
        ({"maxTokens": 16}, False),
    ],
)
def test_it_holds_for_options_that_change_no_answer_on_a_cpu(
    made: place.Reference, weights: Path, options: Mapping[str, Any], same: bool
) -> None:
    found = place.find("embeddings", entry(weights, engineConfig=options), weights)
    assert (found == made) is same


def test_it_does_not_hold_for_other_weights_of_the_same_size(
    made: place.Reference, weights: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(weights, tmp_path / "tuned")
    (folder / "reference.json").write_text(made.model_dump_json(by_alias=True))
    file = next(folder.glob("*.safetensors"))
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        opened.write(b"tuned")
    assert place.find("embeddings", entry(folder), folder) is None


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_each_precision_of_real_weights_is_far_within_what_is_allowed(
    made: place.Reference, weights: Path, dtype: str
) -> None:
    loaded = engine.load(entry(weights, engineConfig={"dtype": dtype}), weights)
    found = asyncio.run(place.of("embeddings").answers(loaded))
    place.of("embeddings").compare(found, made.answers, dtype)
    cosines = references.cosines(np.array(found["vectors"]), np.array(made.answers["vectors"]))
    assert 1 - cosines.min() <= (1 - place.of("embeddings").COSINE[dtype]) / 10


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16", "int8"])
def test_noise_on_a_vector_is_told_in_each_precision(made: place.Reference, precision: str) -> None:
    vectors = np.array(made.answers["vectors"])
    vectors[1] += 0.5 * np.linalg.norm(vectors[1]) * np.random.default_rng(0).standard_normal(384) / 384**0.5
    with pytest.raises(Wrong, match=f"the vector of 'A kitten .* cosine 0.9.* {precision} allows"):
        place.of("embeddings").compare({"vectors": vectors.tolist()}, made.answers, precision)


def test_what_is_no_number_is_told(made: place.Reference) -> None:
    nothing = np.full_like(np.array(made.answers["vectors"]), np.nan)
    with pytest.raises(Wrong, match="cosine nan"):
        place.of("embeddings").compare({"vectors": nothing.tolist()}, made.answers, "float16")


@pytest.mark.parametrize("task", ENGINES)
def test_an_engine_is_like_itself_in_another_process(task: Task, tmp_path: Path) -> None:
    folder = standins.make(task, ENGINES[task], tmp_path / task)
    args = entry(folder, ENGINES[task], reference="made")
    checked(task, args)
    assert place.find(task, args, folder) is not None


def test_a_wrong_backend_is_refused_with_what_it_does_and_what_to_do(tmp_path: Path) -> None:
    right = entry(tmp_path, "fake", reference="made")
    checked("embeddings", right)
    with pytest.raises(Unlike) as refusal:
        checked("embeddings", wrong(right, 0.5))
    message = refusal.value.message
    assert "model 'mine' answers on accelerator 'radeon' (vendor 'rocm') what it does not on a CPU" in message
    assert "cosine" in message
    assert "fallback: cpu" in message


def test_an_engine_that_fails_where_a_cpu_answers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Any) -> None:
        raise RuntimeError("HIP error: invalid device function")

    args = entry(tmp_path, "fake", reference="made")
    loaded = engine.load(args, tmp_path)
    monkeypatch.setattr(loaded, "embed", fails)
    with pytest.raises(Unlike, match=r"cannot answer on accelerator 'radeon' .*HIP error: invalid device function"):
        asyncio.run(reference.check("embeddings", args, loaded))


def test_a_required_reference_that_is_not_there_is_said_with_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(Unlike, match=r"has no reference .* `ai-inference models reference -f VALUES --model mine`"):
        checked("embeddings", entry(tmp_path, "fake", reference="required"))


def test_without_one_nothing_is_compared_unless_it_is_asked_for(tmp_path: Path) -> None:
    checked("embeddings", wrong(entry(tmp_path, "fake"), 0.5))


def test_a_cpu_is_not_compared_with_itself(tmp_path: Path, cache: Path) -> None:
    args = entry(tmp_path, "fake", reference="made", placement=PLACE)
    before = set(cache.rglob("reference.json"))
    checked("embeddings", args)
    assert set(cache.rglob("reference.json")) == before


def test_a_file_that_is_no_reference_is_named(tmp_path: Path) -> None:
    (tmp_path / "reference.json").write_text("{")
    with pytest.raises(Unlike, match=r"reference\.json' is no reference; make it anew"):
        checked("embeddings", entry(tmp_path, "fake"))


def test_a_reference_to_other_questions_does_not_hold(
    made: place.Reference, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.of("embeddings"), "ASKED", ("something else",))
    assert place.find("embeddings", entry(weights), weights) is None


def test_a_reference_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    args = entry(tmp_path, "sentence_transformers", reference="made")
    with pytest.raises(Unlike, match=r"no reference could be made on a CPU: .*could not load"):
        asyncio.run(reference.check("embeddings", args, None))


def test_scores_in_another_order_are_told() -> None:
    rerank = place.of("rerank")
    expected = {"scores": [-2.0, 3.0, 1.0, 0.5]}
    rerank.compare({"scores": [-2.01, 3.02, 1.01, 0.5]}, expected, "float16")
    with pytest.raises(Wrong, match=r"in the order \[2, 1, 3, 0\], by the reference .* in the order \[1, 2, 3, 0\]"):
        rerank.compare({"scores": [-2.0, 1.0, 3.0, 0.5]}, expected, "bfloat16")


def test_another_transcript_is_told_with_both() -> None:
    stt = place.of("stt")
    expected = {"text": "The quick brown fox jumps over the lazy dog."}
    stt.compare({"text": "the quick brown fox jumped over the lazy dog"}, expected, "int8")
    with pytest.raises(Wrong, match="heard as 'you you you', by the reference as 'The quick"):
        stt.compare({"text": "you you you"}, expected, "float16")


def test_another_voice_is_told(tmp_path: Path) -> None:
    tts = place.of("tts")
    expected = {"seconds": 2.0, "decibels": [-20.0, -10.0, 0.0, -30.0]}
    tts.compare({"seconds": 2.05, "decibels": [-21.0, -9.0, 0.0, -30.0]}, expected, "float32")
    with pytest.raises(Wrong, match=r"takes 4.00 seconds, by the reference 2.00"):
        tts.compare({**expected, "seconds": 4.0}, expected, "float32")
    with pytest.raises(Wrong, match=r"sounds otherwise"):
        tts.compare({**expected, "decibels": [0.0, 0.0, 0.0, 0.0]}, expected, "float32")


def text(*tokens: tuple[str, float]) -> dict[str, Any]:
    """Where the second likeliest token is a tenth less likely than the first."""
    said = {"tokens": [name for name, _ in tokens], "logprobs": [logprob for _, logprob in tokens]}
    likeliest = [{name: logprob, "other": logprob - 0.1} for name, logprob in tokens]
    return {"texts": [{**said, "likeliest": likeliest}]}


def test_tokens_are_compared_up_to_a_near_tie() -> None:
    llm = place.of("llm")
    expected = text(("Paris", -1.0), (".", -1.0))
    llm.compare(text(("Paris", -1.1), (".", -0.9)), expected, "float16")
    llm.compare(text(("other", -1.1), ("?", -9.0)), expected, "float16")
    with pytest.raises(Wrong, match=r"a token is 'other', by the reference 'Paris', which is 0.10 likelier"):
        llm.compare(text(("other", -1.1), ("?", -9.0)), expected, "float32")
    with pytest.raises(Wrong, match=r"'Paris' has the log probability -4.00, by the reference -1.00"):
        llm.compare(text(("Paris", -4.0), (".", -1.0)), expected, "bfloat16")
    with pytest.raises(Wrong, match="0 tokens follow"):
        llm.compare(text(), expected, "bfloat16")


def test_a_language_model_that_was_built_for_gpus_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    platforms = pytest.importorskip("vllm.platforms")
    monkeypatch.setattr(type(platforms.current_platform), "is_cpu", lambda _: False)
    args = engine.on_cpu(entry(tmp_path, "vllm"))
    with pytest.raises(ModelUnavailable, match="vLLM is built for GPUs here and runs on no CPU"):
        engine.load(args, tmp_path)


@pytest.fixture
def values(tmp_path: Path) -> Path:
    model = {"task": "embeddings", "engine": "fake", "source": {"path": str(tmp_path)}, "accelerator": "radeon"}
    card = {"vendor": "rocm", "resource": "amd.com/gpu", "memory": "4Gi", "order": 1, "cpus": 4}
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump({"accelerators": {"radeon": card}, "models": {"mine": {**model, "memory": "1Gi"}}}))
    return path


def run(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["models", "reference", *options])
    return result.exit_code, result.stdout


def test_the_command_makes_a_file_that_a_replica_with_this_cache_finds(
    values: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, output = run("-f", str(values), "--output", str(tmp_path / "references"))
    assert status == 0
    assert output.startswith(f"made    mine  {tmp_path}/references/path{tmp_path}@latest/")
    args = entry(tmp_path, "fake")
    assert place.find("embeddings", args, tmp_path) is None
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    assert place.find("embeddings", args, tmp_path) is not None


def test_the_command_says_which_model_has_none_and_why(values: Path, tmp_path: Path) -> None:
    changed = yaml.safe_load(values.read_text())
    changed["models"]["lost"] = {**changed["models"]["mine"], "source": {"path": "/nowhere"}}
    values.write_text(yaml.safe_dump(changed))
    status, output = run("-f", str(values), "--output", str(tmp_path / "references"))
    assert status == 1
    assert "FAILED  lost  model 'lost': there is no '/nowhere' on this node" in output
    assert "made    mine" in output
