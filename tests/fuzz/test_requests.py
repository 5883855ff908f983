"""The requests that are made up: always the same for a seed, of all kinds, and some of them good."""

import json

import pytest

from serve.audio import decode
from serve.errors import BadRequest, TooLarge
from tests.fuzz import SEED
from tests.fuzz.barrage import asks, drawn
from tests.fuzz.client import Ask
from tests.fuzz.recordings import bomb, real

MANY = 3000  # Hypothesis draws unevenly, and otherwise where other modules are there too.
MODELS = {"chat": "llm", "ears": "stt", "voice": "tts", "vectors": "embeddings", "order": "rerank"}


def some(seed: int, number: int = 300) -> list[Ask]:
    with drawn(asks(MODELS), seed) as coming:
        return [coming.get(timeout=60) for _ in range(number)]


def test_a_seed_gives_the_same_requests_and_another_gives_others() -> None:
    assert some(SEED, 30) == some(SEED, 30) != some(SEED + 1, 30)


def test_every_task_is_asked_in_every_way_at_its_own_path_and_by_its_name() -> None:
    ways = {("way", way) for way in ("whole", "chunked", "stops", "leaves")}
    paths = {(task, own) for task in MODELS.values() for own in (True, False)}
    missing: set[tuple[str, object]] = {*ways, *paths}
    with drawn(asks(MODELS), SEED) as coming:
        for _ in range(MANY):
            missing -= facts(coming.get(timeout=60))
            if not missing:
                break
    assert not missing


def facts(ask: Ask) -> set[tuple[str, object]]:
    """How it is sent, and to which task in which way."""
    model, task = next((model, task) for model, task in MODELS.items() if ask.kind.endswith(f" {task}"))
    return {("way", ask.way), (task, ask.path.startswith(f"/{model}/"))}


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
