"""Each stand-in loads in the library that serves it, and what comes out depends on what goes in."""

import filecmp
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from serve import standins
from serve.errors import ModelUnavailable
from serve.standins import stt
from serve.values import Task

ENGINES = {
    "llm": "vllm",
    "stt": "faster_whisper",
    "tts": "kokoro",
    "embeddings": "sentence_transformers",
    "rerank": "sentence_transformers",
}
Make = Callable[[str], Path]
# What kokoro, ctranslate2 and torch warn about on import is theirs to repair.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    root = tmp_path_factory.mktemp("standins")

    def make(task: str) -> Path:
        with warnings.catch_warnings(action="ignore"):
            return standins.make(task, ENGINES[task], root / task)

    return make


def tone(hertz: float) -> NDArray[np.float32]:
    time = np.arange(4 * 16000) / 16000
    wave: NDArray[np.float64] = 0.3 * np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * time) ** 2
    return wave.astype(np.float32)


def test_every_task_has_one() -> None:
    assert set(ENGINES) == set(get_args(Task))


@pytest.mark.parametrize("task", ENGINES)
def test_a_second_make_is_the_same_to_the_byte(task: str, made: Make, tmp_path: Path) -> None:
    first, second = made(task), standins.make(task, ENGINES[task], tmp_path / task)
    files = [str(file.relative_to(first)) for file in first.rglob("*") if file.is_file()]
    assert filecmp.cmpfiles(first, second, files, shallow=False) == (files, [], [])


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    assert standins.make("rerank", "openvino", tmp_path) == tmp_path
    assert [file.name for file in tmp_path.iterdir()] == ["note"]


def test_an_engine_that_reads_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no stand-in for task 'tts' that engine 'vllm' reads; give source"):
        standins.make("tts", "vllm", tmp_path / "tts")


def test_the_fake_engine_gets_an_empty_folder(tmp_path: Path) -> None:
    assert list(standins.make("tts", "fake", tmp_path / "fake").iterdir()) == []


def test_the_caller_keeps_its_own_random_numbers(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    standins.make("rerank", "openvino", tmp_path / "rerank")
    assert torch.rand(1) == expected


def test_llm_answers_differently_and_without_repeating_one_token(made: Make) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(made("llm"))
    tokenizer = AutoTokenizer.from_pretrained(made("llm"))
    answers = []
    for question in ("Hello", "What is the capital of France?"):
        turns = [{"role": "user", "content": question}]
        prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        tokens = model.generate(**prompt, max_new_tokens=16, do_sample=False)[
            0, prompt["input_ids"].shape[1] :
        ].tolist()
        assert len(set(tokens)) > len(tokens) / 2
        answers.append(tokens)
    assert answers[0] != answers[1]


def test_llm_tokenizer_gives_any_text_back(made: Make) -> None:
    from transformers import AutoTokenizer

    text = "Grüße, 東京 🚀\n\tx\x00y"
    tokenizer = AutoTokenizer.from_pretrained(made("llm"))
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_stt_transcribes_with_timestamps_and_words(made: Make) -> None:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(made("stt")), device="cpu", cpu_threads=1)
    assert model.model.is_multilingual
    segments, info = model.transcribe(tone(220), word_timestamps=True)
    heard = list(segments)
    assert info.language in model.supported_languages
    assert heard
    assert all(0 <= word.start <= word.end for segment in heard for word in segment.words)
    others, _ = model.transcribe(tone(600), word_timestamps=True)
    assert [segment.text for segment in others] != [segment.text for segment in heard]


def test_stt_has_the_same_logits_in_transformers(made: Make, tmp_path: Path) -> None:
    import ctranslate2
    import torch
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    stt.checkpoint(tmp_path)
    reference = WhisperForConditionalGeneration.from_pretrained(tmp_path)
    converted = ctranslate2.models.Whisper(str(made("stt")), device="cpu", compute_type="float32", intra_threads=1)
    extractor = WhisperFeatureExtractor.from_pretrained(tmp_path)
    features = extractor(tone(220), sampling_rate=16000, return_tensors="np").input_features
    with torch.no_grad():
        expected = reference.model.encoder(torch.from_numpy(features)).last_hidden_state.numpy()
    encoded = np.array(converted.encode(ctranslate2.StorageView.from_array(features), to_cpu=True))
    np.testing.assert_allclose(encoded, expected, atol=1e-3)


def test_tts_speaks_at_a_plausible_pace_and_level(made: Make) -> None:
    from kokoro.model import KModel

    folder = made("tts")
    model = KModel("hexgrad/Kokoro-82M", str(folder / "config.json"), str(folder / "kokoro-v1_0.pth")).eval()
    phonemes = "həlˈoʊ wˈɜːld"  # noqa: RUF001
    lengths = []
    for voice in ("af_heart", "af_bella", "bm_george"):
        audio = speak(model, phonemes, folder / "voices" / f"{voice}.pt")
        assert np.isfinite(audio).all()
        assert 0.03 < math.sqrt(np.mean(audio**2)) < 0.3
        assert np.abs(audio).max() < 1
        assert 0.04 < len(audio) / 24000 / len(phonemes) < 0.3
        lengths.append(len(audio))
    assert len(set(lengths)) > 1


def speak(model: Any, phonemes: str, voice: Path) -> NDArray[np.float32]:
    import torch

    style = torch.load(voice, weights_only=True)
    assert style.shape == (510, 1, 256)
    audio: NDArray[np.float32] = model(phonemes, style[len(phonemes) - 1]).numpy()
    return audio


def test_embeddings_are_unit_vectors_that_differ(made: Make) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(made("embeddings")), device="cpu")
    vectors = model.encode(["a panda eats bamboo", "the capital of France", "zzz", "東京"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alike = vectors @ vectors.T
    assert alike[np.triu_indices(4, 1)].max() < 0.97


def test_rerank_scores_spread(made: Make) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(made("rerank")), device="cpu")
    documents = ["Paris", "Berlin is in Germany", "bread needs yeast", "the sun is a star"]
    scores = model.predict([("the capital of France", text) for text in documents], activation_fn=torch.nn.Identity())
    assert np.isfinite(scores).all()
    assert scores.std() > 0.1
