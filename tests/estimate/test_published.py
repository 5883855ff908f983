"""Estimates come within a tenth of what was published for the same model."""

from pathlib import Path

import pytest

from serve.engines import faster_whisper
from serve.estimate import activations, architecture, cache, config, entry, weights
from serve.estimate.config import Checkpoint
from serve.estimate.datatype import FLOAT16, TYPES
from serve.estimate.estimate import Workload, estimated
from serve.estimate.sizing import Asked, sized
from serve.values import Placement
from tests.estimate import published
from tests.estimate.published import Figure

CONFIGS = Path(__file__).parent / "configs"
CARD = Placement(accelerator="gpu", vendor="cuda", num_gpus=1, memory=0, device_memory=0)


def checkpoint(figure: Figure) -> Checkpoint:
    return config.of_folder(CONFIGS / figure.model)


def near(figure: Figure) -> object:
    return pytest.approx(figure.value, rel=0.1)


def name(figure: Figure) -> str:
    return "-".join([figure.model.partition("/")[2], figure.dtype, str(figure.tokens), figure.source[:12]])


@pytest.mark.parametrize("figure", published.PARAMETERS, ids=name)
def test_parameters_are_those_of_the_model_card(figure: Figure) -> None:
    assert weights.parameters(checkpoint(figure).architecture) == pytest.approx(figure.value, rel=0.01)


@pytest.mark.parametrize("figure", published.WEIGHTS, ids=name)
def test_weights_take_what_was_published(figure: Figure) -> None:
    assert weights.size(checkpoint(figure).architecture, TYPES[figure.dtype]) == near(figure)


@pytest.mark.parametrize("figure", published.CACHE, ids=name)
def test_the_cache_takes_what_was_published(figure: Figure) -> None:
    assert figure.tokens * cache.per_token(checkpoint(figure).architecture, 2) == near(figure)


@pytest.mark.parametrize(("model", "kibibytes"), [(published.L8, 128), (published.L70, 320)])
def test_the_cache_of_a_token_is_exact(model: str, kibibytes: int) -> None:
    """The figures of the Llama blog, divided by their tokens."""
    assert cache.per_token(config.of_folder(CONFIGS / model).architecture, 2) == kibibytes * 2**10


@pytest.mark.parametrize("figure", published.TOGETHER, ids=name)
def test_a_language_models_parts_add_up_to_what_was_measured(figure: Figure) -> None:
    """As transformers has it: the input is read in one step, and no memory is counted beside torch's."""
    context = figure.tokens + published.GENERATED
    work = Workload("transformers", TYPES[figure.dtype], overhead=0, context=context, step=figure.tokens)
    found = estimated(checkpoint(figure), work)
    assert found.total == near(figure)


@pytest.mark.parametrize("figure", published.SAMPLING, ids=name)
def test_sampling_takes_what_vllm_logs(figure: Figure) -> None:
    assert activations.sampling(checkpoint(figure).architecture, 256) == near(figure)


@pytest.mark.parametrize("figure", published.STEP, ids=name)
def test_a_step_takes_what_vllm_logs(figure: Figure) -> None:
    assert activations.forward(checkpoint(figure).architecture, figure.tokens, 2) == near(figure)


@pytest.mark.parametrize("figure", published.SPEECH, ids=name)
def test_speech_takes_what_faster_whisper_reports(figure: Figure) -> None:
    found = checkpoint(figure)
    work = entry.workload(entry.default(found), CARD, found.stored)
    assert sized(found, work, Asked(dtype=figure.dtype)).proposed.total == near(figure)


@pytest.mark.parametrize("figure", published.SPEECH_ON_CPU, ids=name)
def test_speech_takes_what_faster_whisper_reports_for_a_cpu(figure: Figure) -> None:
    found = Checkpoint(architecture.known({"alignment_heads": []}, f"faster-whisper-{figure.model}"), FLOAT16)
    options = faster_whisper.Config.model_validate({"computeType": figure.dtype})
    work = entry.workload(options, CARD.model_copy(update={"vendor": "cpu"}), found.stored)
    assert estimated(found, work).total == near(figure)
