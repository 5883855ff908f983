"""A model keeps to its budget: what is above it is refused with the numbers, and engines get what it leaves."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import requests

from serve import budget, engine, standins
from serve.engines import faster_whisper, sentence_transformers
from serve.errors import ModelUnavailable
from serve.estimate.room import room
from serve.local.nodes import interpreter
from serve.values import ModelArgs
from tests.estimate import published
from tests.estimate.test_published import CONFIGS
from tests.serve import references
from tests.serve.conftest import PLACE, Deploy, post

MiB, GiB = 2**20, 2**30
ALONE = interpreter("xpu") == interpreter("no such vendor")
LARGEST = """
import sys
from pathlib import Path
from serve import engine, peak
from serve.values import ModelArgs

args = ModelArgs.model_validate_json(sys.argv[1])
loaded = engine.load(args, Path(args.source.path))
print(peak.ram(lambda: loaded.compute(loaded._filler(loaded._largest()))))
"""


def args(engine: str, memory: int, folder: Path, vendor: str = "cpu", **config: Any) -> ModelArgs:
    place = {**PLACE, "vendor": vendor, "memory": memory}
    entry = {"model": "mine", "engine": engine, "source": {"path": str(folder)}, "placement": place}
    return ModelArgs.model_validate({**entry, "engineConfig": config})


def described(name: str, folder: Path, weights: int) -> Path:
    """A model of which only the description is there, and files as large as its weights."""
    folder.mkdir()
    (folder / "config.json").write_text((CONFIGS / name / "config.json").read_text())
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(weights)
    return folder


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("embeddings", "sentence_transformers", tmp_path_factory.mktemp("models") / "embeddings")


def test_a_model_above_its_budget_is_refused_with_what_it_takes_and_what_to_do(tmp_path: Path) -> None:
    folder = described(published.L8, tmp_path / "llama", 16 * GiB)
    with pytest.raises(ModelUnavailable) as refused:
        engine.load(args("vllm", 12 * GiB, folder, "cuda", maxModelLen=4096), folder)
    assert refused.value.message == (
        "model 'mine' is not served, as it takes 18547Mi (weights 16384Mi, cache 512Mi, activations 627Mi, overhead "
        "1024Mi), and its budget on accelerator 'laptop' is 12288Mi: raise models.mine.memory or gpu, or take smaller "
        "weights, a shorter context or a smaller batch"
    )


@pytest.mark.parametrize(("memory", "fits"), [(17 * GiB, True), (16 * GiB, False), (15 * GiB, False)])
def test_what_is_above_by_less_than_a_tenth_is_tried_unless_the_weights_alone_are(
    memory: int, fits: bool, tmp_path: Path
) -> None:
    folder = described(published.L8, tmp_path / "llama", 16 * GiB + 1)
    mine = args("vllm", memory, folder, "cuda", maxModelLen=4096)
    if fits:
        assert budget.fitted(mine, folder) == engine.config(mine)
        return
    with pytest.raises(ModelUnavailable, match=f"its budget on accelerator 'laptop' is {memory // MiB}Mi"):
        budget.fitted(mine, folder)


def test_of_an_unknown_architecture_the_weight_files_count(tmp_path: Path) -> None:
    folder = tmp_path / "kokoro"
    folder.mkdir()
    with (folder / "kokoro.pth").open("wb") as file:
        file.truncate(300 * MiB)
    with pytest.raises(ModelUnavailable, match=r"it takes 300Mi \(weights 300Mi\), and its budget .* is 299Mi"):
        engine.load(args("kokoro", 299 * MiB, folder), folder)


def test_weights_that_are_loaded_with_half_the_bits_count_half(tmp_path: Path) -> None:
    folder = described(published.L8, tmp_path / "other", 8 * GiB)
    description = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**description, "model_type": "new", "torch_dtype": "float32"}))
    mine = args("vllm", 6 * GiB, folder, "cuda")
    assert budget.needs(engine.config(mine), folder, mine.placement).weights == 4 * GiB


def test_vllm_is_told_what_the_budget_leaves_for_its_cache_on_a_cpu(tmp_path: Path) -> None:
    folder = described(published.L8, tmp_path / "llama", 16 * GiB)
    mine = args("vllm", 20 * GiB, folder, maxModelLen=4096)
    given: Any = budget.fitted(mine, folder)
    left = room(budget.needs(engine.config(mine), folder, mine.placement), mine.placement)
    sampling = 128 * 128_256 * 40
    assert given.kv_cache_memory_bytes == left.size == 20 * GiB - 16 * GiB - GiB - sampling
    assert left.tokens == left.blocks * 128 == left.size // (128 * 128 * 1024) * 128


def test_bytes_that_the_entry_says_are_the_cache(tmp_path: Path) -> None:
    folder = described(published.L8, tmp_path / "llama", 16 * GiB)
    mine = args("vllm", 20 * GiB, folder, maxModelLen=4096, kvCacheMemoryBytes=2 * GiB)
    given: Any = budget.fitted(mine, folder)
    assert given.kv_cache_memory_bytes == 2 * GiB
    with pytest.raises(ModelUnavailable, match="cache 8192Mi"):
        budget.fitted(args("vllm", 20 * GiB, folder, maxModelLen=4096, kvCacheMemoryBytes=8 * GiB), folder)


def test_an_encoder_gets_batches_that_the_budget_has_room_for(embeddings: Path) -> None:
    whole = args("sentence_transformers", 2 * GiB, embeddings, maxBatchTokens=200_000)
    least = budget.needs(engine.config(whole), embeddings, whole.placement)
    tight = args("sentence_transformers", least.total + 100 * MiB, embeddings, maxBatchTokens=200_000)
    engines = [sentence_transformers.Engine(budget.fitted(one, embeddings), embeddings, one.placement)  # type: ignore[arg-type]
               for one in (whole, tight)]  # fmt: skip
    per_token = least.activations // 512
    assert engines[0].max_batch_tokens() == 200_000
    assert engines[1].max_batch_tokens() == (100 * MiB // 2 + least.activations // 2) // per_token


def test_an_encoder_that_cannot_hold_one_longest_text_is_refused(tmp_path: Path) -> None:
    folder = described("BAAI/bge-reranker-v2-m3", tmp_path / "reranker", 2 * GiB)
    mine = args("openvino", 2 * GiB + GiB, folder)
    with pytest.raises(ModelUnavailable, match="activations 384Mi"):
        budget.fitted(args("openvino", 2 * GiB + 500 * MiB, folder), folder)
    assert budget.needs(engine.config(mine), folder, mine.placement).activations == 384 * MiB


def test_whisper_decodes_as_many_windows_at_once_as_there_is_room_for(tmp_path: Path) -> None:
    folder = tmp_path / "faster-whisper-large-v3"
    folder.mkdir()
    (folder / "config.json").write_text('{"alignment_heads": []}')
    (folder / "model.bin").write_bytes(b"")
    many = {"batchSize": 64, "computeType": "float16"}
    found = [budget.fitted(args("faster_whisper", memory * GiB, folder, "cuda", **many), folder) for memory in (128, 8)]
    sizes = [one.batch_size for one in found if isinstance(one, faster_whisper.Config)]
    assert sizes[0] == 64
    assert 1 < sizes[1] < 64


def test_a_process_above_its_budget_after_its_largest_batch_is_refused(embeddings: Path) -> None:
    least = args("sentence_transformers", 760 * MiB, embeddings)
    besides = np.ones(760 * MiB, np.uint8)
    with pytest.raises(ModelUnavailable, match=r"loaded, and with its largest batch, it took \d+Mi, and its budget"):
        engine.load(least, embeddings)
    assert besides.all()


@pytest.mark.parametrize("name", ["sentence_transformers", "openvino"])
def test_the_process_stays_under_its_budget_with_the_largest_batch(name: str, tmp_path: Path) -> None:
    if name == "openvino" and ALONE:
        pytest.skip("there is no environment .venv/xpu")
    folder = tmp_path / "minilm"
    folder.symlink_to(references.minilm())
    mine = args(name, GiB, folder, maxBatchTokens=10**6)
    run = [str(interpreter("xpu" if name == "openvino" else "cpu")), "-c", LARGEST, mine.model_dump_json(by_alias=True)]
    env = {"AI_INFERENCE_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    found = subprocess.run(run, check=True, capture_output=True, text=True, env=env)
    assert int(found.stdout.splitlines()[-1]) < GiB


def test_a_model_above_its_budget_is_refused_while_its_neighbour_answers(deploy: Deploy, embeddings: Path) -> None:
    good = {"task": "embeddings", "engine": "sentence_transformers", "source": {"path": str(embeddings)}}
    address = deploy({"good": good})
    over, statuses = Event(), []

    def ask() -> None:
        while not over.is_set():
            statuses.append(post(f"{address}/good/v1/embeddings", {"model": "good", "input": "the sea"}).status_code)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            deploy({"good": good, "large": {**good, "placement": {**PLACE, "memory": 400 * MiB}}})
        finally:
            over.set()
        asking.result()
    assert statuses
    assert set(statuses) == {200}
    answer = requests.get(f"{address}/large/v1/models", timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert "its budget on accelerator 'laptop' is 400Mi" in answer.json()["error"]["message"]
