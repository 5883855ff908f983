"""Whisper by faster-whisper against transformers in float32 on the same weights: random ones, so any slip shows."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from serve import engine, standins
from serve.audio import decode
from serve.engine import Samples, Segment, TranscriptionOptions
from serve.engines import faster_whisper
from serve.engines.faster_whisper import Config, Engine
from serve.errors import ModelUnavailable
from serve.values import Placement

ctranslate2 = pytest.importorskip("ctranslate2", reason="needs the extra faster_whisper")
torch = pytest.importorskip("torch", reason="the reference is computed by transformers")

PLACE = Placement(accelerator="laptop", vendor="cpu", num_gpus=0, cpus=1, memory=2**32, device_memory=2**34)
EXACT = Config(compute_type="float32", beam_size=1, vad_filter=False, condition_on_previous_text=False)
WINDOW = 3000
"""Frames that the model hears at once."""
TOKENS = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("stt", "faster_whisper", tmp_path_factory.mktemp("stt") / "model")


@pytest.fixture(scope="module")
def whisper(folder: Path) -> Engine:
    return Engine(EXACT, folder, PLACE)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same weights in transformers."""
    from transformers import WhisperForConditionalGeneration

    from serve.standins.stt import checkpoint

    made = tmp_path_factory.mktemp("checkpoint")
    checkpoint(made)
    return WhisperForConditionalGeneration.from_pretrained(made).eval()


def speechlike(seed: int, seconds: float = 30) -> Samples:
    """Syllables of a gliding voice in a little noise."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16_000)) / 16_000
    phase = (random.uniform(150, 350) + 60 * np.sin(2 * np.pi * random.uniform(0.3, 2) * time)) * time
    voiced = np.sin(2 * np.pi * phase) * (np.sin(2 * np.pi * 3 * time) > 0)
    return (0.4 * voiced + 0.02 * random.standard_normal(len(time))).astype(np.float32)


def recognised(model: Engine, audio: Samples, **changed: Any) -> list[Segment]:
    return list(model.transcribe(audio, TranscriptionOptions(**{"language": "en", **changed})).segments)


def mel(model: Engine, audio: Samples) -> Any:
    return model.model.feature_extractor(audio)[:, :-1]


def tokenizer(model: Engine, task: str = "transcribe") -> Any:
    from faster_whisper.tokenizer import Tokenizer

    return Tokenizer(model.model.hf_tokenizer, True, task=task, language="en")


def test_features_are_those_of_transformers(whisper: Engine) -> None:
    from transformers import WhisperFeatureExtractor

    audio = speechlike(0)
    expected = WhisperFeatureExtractor(feature_size=128)(audio, sampling_rate=16_000, return_tensors="np")
    difference = np.abs(mel(whisper, audio)[:, :WINDOW] - expected.input_features[0])
    assert difference[:, :-2].max() < 1e-3  # The two pad what follows the end differently.


def test_the_encoder_computes_what_transformers_computes(whisper: Engine, reference: Any) -> None:
    features = mel(whisper, speechlike(1))[:, :WINDOW]
    with torch.no_grad():
        expected = reference.model.encoder(torch.from_numpy(features)[None]).last_hidden_state.numpy()
    assert np.abs(expected).max() > 1
    assert np.abs(np.asarray(whisper.model.encode(features)) - expected).max() < 1e-4


def test_logits_are_those_of_transformers(whisper: Engine, reference: Any) -> None:
    features = mel(whisper, speechlike(2))[:, :WINDOW]
    start = list(tokenizer(whisper).sot_sequence)
    result = whisper.model.model.generate(
        whisper.model.encode(features), [start], beam_size=1, return_logits_vocab=True, suppress_tokens=[]
    )[0]
    said = result.sequences_ids[0]
    logits = np.stack([np.asarray(step) for step in result.logits[0]])
    with torch.no_grad():
        heard = torch.from_numpy(features)[None]
        expected = reference(input_features=heard, decoder_input_ids=torch.tensor([start + said])).logits[0].numpy()
    expected = expected[len(start) - 1 :][: len(logits)]
    allowed = logits > -1e30  # The others are forbidden by the rules for times.
    assert len(said) > 10
    assert allowed.mean() > 0.3
    assert np.abs(np.where(allowed, logits - expected, 0)).max() < 1e-3


@pytest.mark.parametrize("task", ["transcribe", "translate"])
@pytest.mark.parametrize("seed", range(4))
def test_the_tokens_are_those_that_transformers_decodes(
    whisper: Engine, reference: Any, monkeypatch: pytest.MonkeyPatch, seed: int, task: str
) -> None:
    said: list[list[int]] = []
    decoded = whisper.model.generate_with_fallback

    def noted(*inputs: Any) -> Any:
        result = decoded(*inputs)
        said.append(result[0].sequences_ids[0])
        return result

    monkeypatch.setattr(faster_whisper, "TEMPERATURES", (0.0,))
    monkeypatch.setattr(whisper.model, "generate_with_fallback", noted)
    segments = recognised(whisper, speechlike(seed), translate=task == "translate")
    expected = greedy_tokens(whisper, reference, mel(whisper, speechlike(seed))[:, :WINDOW], task)
    assert said[0][:TOKENS] == expected
    first = segments[0]
    assert list(first.tokens) == expected[: len(first.tokens)]
    assert first.text == tokenizer(whisper).decode(list(first.tokens))


def greedy_tokens(whisper: Engine, reference: Any, features: Any, task: str) -> list[int]:
    """The likeliest token at each step, under Whisper's rules for times as transformers has them."""
    from faster_whisper.transcribe import get_suppressed_tokens
    from transformers.generation import logits_process

    words = tokenizer(whisper, task)
    start = list(words.sot_sequence)
    reference.generation_config.max_initial_timestamp_index = 50
    rules = [
        logits_process.SuppressTokensLogitsProcessor(list(get_suppressed_tokens(words, [-1]))),
        logits_process.SuppressTokensAtBeginLogitsProcessor([*words.encode(" "), words.eot], len(start)),
        logits_process.WhisperTimeStampLogitsProcessor(reference.generation_config, len(start)),
    ]
    tokens = torch.tensor([start])
    with torch.no_grad():
        heard = reference.model.encoder(torch.from_numpy(features)[None])
        for _ in range(TOKENS):
            scores = reference(encoder_outputs=heard, decoder_input_ids=tokens).logits[:, -1]
            for rule in rules:
                scores = rule(tokens, scores)
            tokens = torch.cat([tokens, scores.argmax(-1, keepdim=True)], 1)
    said: list[int] = tokens[0, len(start) :].tolist()
    return said


def test_segments_carry_what_verbose_json_shows(whisper: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster_whisper, "TEMPERATURES", (0.0,))  # Of sampled tokens the library leaves words out.
    segments = recognised(whisper, speechlike(0), words=True)
    assert [segment.id for segment in segments] == list(range(len(segments)))
    assert all(segment.start < segment.end and segment.tokens and segment.avg_logprob < 0 for segment in segments)
    words = [word for segment in segments for word in segment.words]
    assert "".join(word.word for word in words) == "".join(segment.text for segment in segments)
    assert [word.start for word in words] == sorted(word.start for word in words)


def test_a_prompt_and_the_spoken_language_change_what_is_heard(
    whisper: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faster_whisper, "TEMPERATURES", (0.0,))  # Retries are by sampling.
    audio = speechlike(0)
    heard = [
        [segment.tokens for segment in recognised(whisper, audio, **changed)]
        for changed in ({}, {"prompt": "jumps over"}, {"language": "de"})
    ]
    assert heard[0] not in heard[1:]
    assert heard[0] == [segment.tokens for segment in recognised(whisper, audio)]


def test_a_given_temperature_is_used_and_zero_means_that_of_the_engine(whisper: Engine) -> None:
    assert {segment.temperature for segment in recognised(whisper, speechlike(0), temperature=0.5)} == {0.5}
    assert {segment.temperature for segment in recognised(whisper, speechlike(0), temperature=0.0)} != {0.5}


def test_a_model_without_fallback_tries_each_window_once(folder: Path) -> None:
    """The stand-in is sure of nothing, so that all of its windows are tried again otherwise."""
    once = Engine(EXACT.model_copy(update={"temperature_fallback": False}), folder, PLACE)
    heard = recognised(once, speechlike(0))
    assert {segment.temperature for segment in heard} == {0.0}
    assert [segment.tokens for segment in heard] == [segment.tokens for segment in recognised(once, speechlike(0))]


def test_a_language_not_given_is_one_that_the_model_knows(whisper: Engine) -> None:
    found = whisper.transcribe(speechlike(0), TranscriptionOptions())
    assert found.language in whisper.languages()
    assert found.duration == 30
    assert {"en", "de", "fr", "ja"} <= set(whisper.languages())


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """A long text by espeak-ng, with silence before and after."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed; it speaks what is recognised here")
    file = tmp_path_factory.mktemp("spoken") / "speech.wav"
    subprocess.run(["espeak-ng", "-w", str(file), "The quick brown fox jumps over the lazy dog. " * 20], check=True)
    silence = np.zeros(5 * 16_000, np.float32)
    return np.concatenate([silence, decode(file.read_bytes()), silence])


@pytest.mark.parametrize("config", [Config(), Config(batch_size=4), Config(compute_type="int8")])
def test_speech_goes_through_and_silence_is_left_out(folder: Path, spoken: Samples, config: Config) -> None:
    model = Engine(config, folder, PLACE)
    segments = recognised(model, spoken, words=True)
    assert all(segment.start > 4 for segment in segments)
    assert "".join(segment.text for segment in segments).strip()
    assert recognised(model, np.zeros(20 * 16_000, np.float32), language=None) == []


def test_the_size_of_a_batch_does_not_change_what_is_heard(folder: Path, spoken: Samples) -> None:
    def heard(batch_size: int) -> list[tuple[int, ...]]:
        config = Config(compute_type="float32", beam_size=1, batch_size=batch_size)
        return [segment.tokens for segment in recognised(Engine(config, folder, PLACE), spoken)]

    assert len(spoken) > 60 * 16_000  # Three windows.
    assert heard(2) == heard(8)


def test_segments_come_while_the_rest_is_still_to_be_decoded(whisper: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = []
    encode = whisper.model.encode

    def noted(features: Any) -> Any:
        windows.append(features)
        return encode(features)

    monkeypatch.setattr(whisper.model, "encode", noted)
    options = TranscriptionOptions(language="en", temperature=0.1)
    segments = whisper.transcribe(speechlike(0, 120), options).segments
    next(segments)
    first = len(windows)
    list(segments)
    assert 0 < first < len(windows)


@pytest.mark.parametrize("name", faster_whisper.FILES)
def test_a_folder_without_a_file_is_unavailable_and_nothing_is_downloaded(
    folder: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(folder, tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(ModelUnavailable, match=f"'model' has no {name}: .*Systran"):
        Engine(EXACT, tmp_path / "model", PLACE)


def test_a_vendor_that_ctranslate2_is_not_built_for_is_refused_unless_simulated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rocm = PLACE.model_copy(update={"vendor": "rocm", "accelerator": "radeon"})
    monkeypatch.delenv("AI_INFERENCE_SIMULATED", raising=False)
    with pytest.raises(ModelUnavailable, match="'radeon' has vendor 'rocm'"):
        Engine(EXACT, folder, rocm)
    monkeypatch.setenv("AI_INFERENCE_SIMULATED", "1")
    assert Engine(EXACT, folder, rocm).model.model.device == "cpu"


def test_batches_need_the_voice_detector() -> None:
    with pytest.raises(ValidationError, match="batchSize 4 needs vadFilter"):
        Config(batch_size=4, vad_filter=False)


def test_it_is_found_as_an_engine_for_speech_to_text() -> None:
    assert "faster_whisper" in engine.able(engine.Transcriber)


def test_what_is_freed_on_a_gpu_is_kept_only_as_far_as_the_budget_allows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CT2_CUDA_CACHING_ALLOCATOR_CONFIG", raising=False)
    Engine(EXACT, folder, PLACE.model_copy(update={"memory": 2**30}))
    assert os.environ["CT2_CUDA_CACHING_ALLOCATOR_CONFIG"] == f"4,3,12,{2**26}"
