"""The engine openvino against transformers in float32 on the same weights.

Only the environment of vendor xpu has optimum-intel: this file is run a second time by that one's interpreter.
"""

import asyncio
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if importlib.util.find_spec("optimum") is None:
    pytest.skip("optimum-intel is not in this environment", allow_module_level=True)

from serve import kernels, reference, standins
from serve.arithmetic import Arithmetic
from serve.engines.openvino import Config, Engine, arithmetic
from serve.errors import Miscomputed, ModelUnavailable, Unlike
from serve.values import ModelArgs
from tests.serve import references
from tests.serve.references import PAIRS, PLACE, QUERY, TEXTS

pytestmark = [  # OpenVINO reads torch's models by tracing them, which torch would rather have done otherwise.
    pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Converting a tensor to a Python boolean"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies, because the export goes into the folder."""
    made = tmp_path_factory.mktemp("models")
    for task in ("embeddings", "rerank"):
        standins.make(task, "openvino", made / task)
    shutil.copytree(references.minilm(), made / "minilm")
    return made


@pytest.fixture
def embeddings(folders: Path, tmp_path: Path) -> Path:
    """A copy of the stand-in, without the export of another test, that a test may change."""
    return shutil.copytree(folders / "embeddings", tmp_path / "model", ignore=shutil.ignore_patterns("openvino*"))


def change(folder: Path, name: str, **settings: Any) -> None:
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("name", ["minilm", "embeddings"])
def test_a_mixed_batch_has_the_vectors_of_its_texts_alone(folders: Path, name: str, streams: int) -> None:
    engine = Engine(Config(num_streams=streams), folders / name, PLACE)
    found = engine.embed(engine.tokenize(TEXTS))
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), engine.dimensions())
    assert references.cosines(found, references.vectors(folders / name, TEXTS)).min() >= 0.999


@pytest.mark.parametrize("streams", [1, 3])
def test_a_mixed_batch_has_the_scores_of_its_pairs_alone(folders: Path, streams: int) -> None:
    engine = Engine(Config(num_streams=streams), folders / "rerank", PLACE)
    found = engine.score(engine.tokenize_pairs(PAIRS))
    expected = references.scores(folders / "rerank", PAIRS)
    assert found == pytest.approx(expected, abs=1e-2)
    assert np.argsort(-found).tolist() == np.argsort(-expected).tolist()


def test_results_outlive_the_next_batch(folders: Path) -> None:
    engine = Engine(Config(), folders / "rerank", PLACE)
    first = engine.score(engine.tokenize_pairs(PAIRS))
    kept = first.copy()
    engine.score(engine.tokenize_pairs(PAIRS[::-1]))
    assert first.tolist() == kept.tolist()


def test_8_bit_weights_come_near(folders: Path) -> None:
    engine = Engine(Config(precision="int8"), folders / "minilm", PLACE)
    found = engine.embed(engine.tokenize(TEXTS))
    assert references.cosines(found, references.vectors(folders / "minilm", TEXTS)).min() >= 0.98


def test_the_folder_says_how_tokens_become_one_vector(embeddings: Path) -> None:
    change(embeddings, "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    engine = Engine(Config(), embeddings, PLACE)
    found = engine.embed(engine.tokenize(TEXTS))
    assert references.cosines(found, references.vectors(embeddings, TEXTS, "cls")).min() >= 0.999


def test_a_pooling_that_it_has_not_is_refused(embeddings: Path) -> None:
    change(embeddings, "1_Pooling/config.json", pooling_mode_max_tokens=True)
    with pytest.raises(ModelUnavailable, match="its pooling is mean and max; this engine has mean, cls, lasttoken"):
        Engine(Config(), embeddings, PLACE)


def test_the_export_is_made_once(embeddings: Path) -> None:
    Engine(Config(), embeddings, PLACE)
    (embeddings / "model.safetensors").unlink()
    engine = Engine(Config(), embeddings, PLACE)
    assert engine.embed(engine.tokenize(["text"])).shape == (1, engine.dimensions())


def test_a_folder_that_holds_an_export_is_read_as_it_is(folders: Path, embeddings: Path) -> None:
    Engine(Config(), embeddings, PLACE)
    for file in (embeddings / "openvino").iterdir():
        shutil.move(file, embeddings / file.name)
    shutil.rmtree(embeddings / "openvino")
    (embeddings / "model.safetensors").unlink()
    engine = Engine(Config(), embeddings, PLACE)
    assert not (embeddings / "openvino").exists()
    expected = references.vectors(folders / "embeddings", TEXTS)
    assert references.cosines(engine.embed(engine.tokenize(TEXTS)), expected).min() >= 0.999


def test_a_folder_that_may_only_be_read_is_left_alone_and_its_export_cached(
    embeddings: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    monkeypatch.setattr("serve.engines.openvino.os.access", lambda *_: False)
    before = sorted(embeddings.rglob("*"))
    engine = Engine(Config(), embeddings, PLACE)
    assert engine.embed(engine.tokenize(["text"])).shape == (1, engine.dimensions())
    assert sorted(embeddings.rglob("*")) == before
    assert len(list(tmp_path.rglob("openvino_model.xml"))) == 1


def test_the_export_within_a_folder_that_may_only_be_read_is_taken(
    embeddings: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Engine(Config(), embeddings, PLACE)
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("serve.engines.openvino.os.access", lambda *_: False)
    Engine(Config(), embeddings, PLACE)
    assert not (tmp_path / "cache").exists()


def test_texts_beyond_the_context_are_cut(folders: Path) -> None:
    engine = Engine(Config(max_tokens=16), folders / "embeddings", PLACE)
    tokens = engine.tokenize(TEXTS)
    assert max(item.ids.shape[1] for item in tokens) == 16
    assert max(item.length for item in tokens) > 16
    assert np.isfinite(engine.embed(tokens)).all()


def test_a_cross_encoder_refuses_to_embed(folders: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"is a cross-encoder \(task rerank\), and not an embedding model"):
        Engine(Config(), folders / "rerank", PLACE).tokenize(["text"])


def test_an_embedding_model_refuses_to_score_pairs(folders: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"is an embedding model \(task embeddings\), and not a cross-encoder"):
        Engine(Config(), folders / "embeddings", PLACE).tokenize_pairs([(QUERY, "text")])


def test_a_missing_gpu_is_said_with_what_to_do(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openvino.Core.available_devices", ["CPU"])
    place = PLACE.model_copy(update={"vendor": "xpu"})
    with pytest.raises(ModelUnavailable, match=r"OpenVINO finds only CPU: .*engineConfig\.device: CPU"):
        Engine(Config(), folders / "embeddings", place)
    assert Engine(Config(device="CPU"), folders / "embeddings", place).device == "CPU"


def test_its_kernels_are_right_on_the_cpu_and_a_wrong_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from openvino import opset13

    whole = Arithmetic("openvino", ("float32", "float16"))
    kernels.check(whole, PLACE)
    kernels.check.cache_clear()
    softmax = opset13.softmax
    monkeypatch.setattr(opset13, "softmax", lambda *inputs: opset13.multiply(softmax(*inputs), np.float32(1.1)))
    with pytest.raises(Miscomputed, match=r"computes softmax in float32 wrongly by openvino: relative error 0\.1,"):
        kernels.check(whole, PLACE)


def test_it_computes_in_float16_on_a_gpu_and_stays_on_the_cpu_where_the_entry_says_so(folders: Path) -> None:
    gpu = PLACE.model_copy(update={"vendor": "xpu"})
    assert arithmetic(Config(), folders, gpu).narrowest == "float16"
    assert arithmetic(Config(precision="int8"), folders, gpu).narrowest == "int8"
    kernels.check(arithmetic(Config(device="CPU"), folders, gpu), gpu)
    with pytest.raises(Miscomputed, match=r"'laptop' .* could not compute: .*OpenVINO finds only CPU"):
        kernels.check(arithmetic(Config(), folders, gpu), gpu)


def test_its_answers_are_those_of_a_cpu_in_float32_and_other_weights_are_told(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    gpu = PLACE.model_copy(update={"vendor": "xpu"})
    entry = {"engine": "openvino", "source": {"path": str(folders / "minilm")}, "placement": gpu, "reference": "made"}
    args = ModelArgs.model_validate({"model": "mine", **entry})
    loaded = Engine(Config(device="CPU"), folders / "minilm", PLACE)
    asyncio.run(reference.check("embeddings", args, loaded))
    monkeypatch.setattr(loaded, "_pooling", "cls")
    with pytest.raises(
        Unlike, match=r"vendor 'xpu'\) what it does not on a CPU: the vector of .* float16 allows 0\.999"
    ):
        asyncio.run(reference.check("embeddings", args, loaded))
