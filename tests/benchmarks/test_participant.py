"""Peers take turns: whoever's turn it is not stands still, and one that fails leaves the others as they are."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks import peers, rounds
from benchmarks.client import Turn
from benchmarks.participant import Participant
from serve.errors import ConfigurationError

TURN = Turn("streamed", 0, most=2, ceiling=True)


Processes = Callable[[], set[psutil.Process]]


@pytest.fixture
def began() -> Processes:
    """What was started since; others are of other tests."""
    before = descendants()
    return lambda: descendants() - before


def descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def states(of: set[psutil.Process]) -> set[str]:
    found: set[str] = set()
    for process in of:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.status())
    return found


@pytest.fixture
def simulator(began: Processes, tmp_path: Path) -> Iterator[Participant]:
    participant = Participant(peers.peer("uvicorn"), "simulated", tmp_path)
    participant.start()
    yield participant
    participant.end()
    assert states(began()) <= {psutil.STATUS_ZOMBIE}


def test_a_participant_stands_still_before_and_after_its_turn(
    simulator: Participant, began: Processes, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    assert len(began()) > 1
    eventually(lambda: states(began()) == {psutil.STATUS_STOPPED})
    found = simulator.turn(TURN)
    assert [level["requests"] for level in found["levels"]] == [2, 2, 2, 2]
    assert not any(level["errors"] for level in found["levels"])
    assert found["ceiling"] > 0
    eventually(lambda: states(began()) == {psutil.STATUS_STOPPED})


def test_a_participant_has_answered_before_its_first_turn(simulator: Participant) -> None:
    assert len(simulator.answers) == 4
    assert all(simulator.answers)


def test_a_participant_that_dies_in_its_turn_says_so(simulator: Participant, began: Processes) -> None:
    for process in began():
        process.kill()
    with pytest.raises(ConfigurationError, match="uvicorn was not measured"):
        simulator.turn(TURN)


def test_a_participant_whose_server_is_gone_says_so_instead_of_being_slow(
    simulator: Participant, began: Processes
) -> None:
    for process in began():
        if process.ppid() != os.getpid():
            process.kill()
    with pytest.raises(ConfigurationError, match=r"uvicorn answered nothing with 1 at once: .*Connector"):
        simulator.turn(TURN)


def test_a_peer_that_cannot_start_is_named_with_its_last_words_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no model in the folder."""
    monkeypatch.setattr(rounds, "participants", lambda *_: ["faster_whisper", "uvicorn"])
    kept: list[int] = []
    record = rounds.measure(
        ["simulated"], [], 1, {"simulated": tmp_path}, 1, lambda _: None, lambda so_far: kept.append(len(so_far.rounds))
    )
    assert list(record.failures["simulated"]) == ["faster_whisper"]
    assert "model.bin" in record.failures["simulated"]["faster_whisper"]
    assert [(entry["round"], entry["peer"]) for entry in record.rounds] == [(0, "uvicorn")]
    assert kept == [1]
