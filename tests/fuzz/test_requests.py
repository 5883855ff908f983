"""The requests that are made up: always the same for a seed, of all kinds, and some of them good."""

import json

import pytest

from serve.audio import decode
from serve.errors import BadRequest, TooLarge
from tests.fuzz import SEED
from tests.fuzz.barrage import asks, drawn
from tests.fuzz.client import Ask
from tests.fuzz.recordings import bomb, real

MODELS = {"chat": "llm", "ears": "stt", "voice": "tts", "vectors": "embeddings", "order": "rerank"}


def some(seed: int, number: int = 300) -> list[Ask]:
    with drawn(asks(MODELS), seed) as coming:
        return [coming.get(timeout=60) for _ in range(number)]


def test_a_seed_gives_the_same_requests_and_another_gives_others() -> None:
    assert some(SEED, 30) == some(SEED, 30) != some(SEED + 1, 30)


def test_every_task_is_asked_in_every_way_at_its_own_path_and_by_its_name() -> None:
    found = some(SEED)
    assert {ask.kind for ask in found} >= {f"JSON to {task}" for task in MODELS.values() if task != "stt"}
    assert {ask.way for ask in found} == {"whole", "chunked", "stops", "leaves"}
    for model, task in MODELS.items():
        own = {ask.path.startswith(f"/{model}/") for ask in found if ask.kind.endswith(f" {task}")}
        assert own == {True, False}


def test_some_of_the_bodies_are_json_and_some_are_none() -> None:
    assert {_is_json(ask.body) for ask in some(SEED) if ask.kind.startswith("JSON")} == {True, False}


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("form", sorted(real().keys() - {"pcm"}))
def test_the_audio_that_is_spoilt_is_audio_before(form: str) -> None:
    assert len(decode(real()[form])) == pytest.approx(2 * 16_000, abs=2_000)


def test_the_bomb_is_small_and_long() -> None:
    assert len(bomb()) < 2**20
    with pytest.raises(TooLarge):
        decode(bomb(), 2 * 3600)
    with pytest.raises(BadRequest):
        decode(real()["pcm"])
