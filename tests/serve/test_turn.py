"""Models of one GPU load one after the other, whoever starts first and whatever becomes of them; real processes."""

import logging
import multiprocessing
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from serve import engine
from serve.turn import turn
from serve.values import ModelArgs

CARD = {"accelerator": "card", "vendor": "cuda", "numGpus": 0.25, "memory": 2**30, "deviceMemory": 2**33}
Eventually = Callable[[Callable[[], bool]], None]
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["ray", "serve.engines.fake", __name__])  # Once for all processes.


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose GPUs are bookkeeping."""
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path))
    monkeypatch.setenv("AI_INFERENCE_SIMULATED", "1")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is logged; Serve's logger keeps its lines to itself where Ray has set it up."""
    logger = logging.getLogger("ray.serve")
    caplog.set_level(logging.INFO, "ray.serve")
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
    logger.propagate = propagated


def model(name: str, placement: Mapping[str, Any] = CARD, **more: Any) -> ModelArgs:
    entry = {"model": name, "engine": "fake", "source": {"path": "/"}, "placement": placement, **more}
    return ModelArgs.model_validate(entry)


def load(args: ModelArgs, cache: str) -> None:
    """What a replica does, in a process of its own."""
    os.environ.update({"AI_INFERENCE_CACHE": cache, "AI_INFERENCE_SIMULATED": "1"})
    with turn(args):
        engine.load(args, Path("/"))


def started(args: ModelArgs, cache: Path) -> multiprocessing.process.BaseProcess:
    process = forks.Process(target=load, args=(args, str(cache)), daemon=True)
    process.start()
    return process


def lines(journal: Path) -> list[tuple[str, str]]:
    return [(word, process) for word, process in map(str.split, journal.read_text().splitlines())]


@pytest.mark.parametrize("seed", range(20))
def test_four_models_on_one_card_never_load_at_once_whatever_crashes(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311
    crashing = chance.sample(range(4), chance.randrange(4))
    starts = [(one, one in crashing) for one in range(4)] + [(one, False) for one in crashing]  # And once more.
    chance.shuffle(starts)
    journal = tmp_path / "journal"
    processes = []
    for one, crash in starts:
        config = {"loadDelay": 0.02, "loadJournal": str(journal), "loadCrash": crash}
        processes.append(started(model(f"m{one}", engineConfig=config), tmp_path))
    for process in processes:
        process.join(60)
    assert sorted(process.exitcode or 0 for process in processes) == sorted(-9 if crash else 0 for _, crash in starts)
    found = lines(journal)
    assert [word for word, _ in found[::2]] == ["begin"] * len(starts)
    assert sorted(word for word, _ in found[1::2]) == ["crash"] * len(crashing) + ["end"] * 4
    assert [process for _, process in found[::2]] == [process for _, process in found[1::2]]


def test_who_waits_says_for_whom_and_goes_on_when_that_ends(
    tmp_path: Path, said: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    journal = tmp_path / "journal"
    with turn(model("first")):
        second = started(model("second", engineConfig={"loadJournal": str(journal)}), tmp_path)
        with turn(model("third", loadPatience=0)):
            pass
        assert not journal.exists()
    second.join(60)
    assert [word for word, _ in lines(journal)] == ["begin", "end"]
    expected = (
        r"model third: waits for its turn on GPU card-0, where this loads since: "
        rf"model first, process {os.getpid()} of \S+, 20\d\d-\S+"
    )
    assert re.fullmatch(expected, said.messages[0])


def test_who_has_waited_enough_loads_beside_the_other_and_says_so(said: pytest.LogCaptureFixture) -> None:
    with turn(model("first")), turn(model("second", loadPatience=0)):
        pass
    assert [record.levelname for record in said.records] == ["INFO", "WARNING"]
    assert "model second: loads on GPU card-0 beside another after loadPatience 0 s: model first" in said.text


@pytest.mark.parametrize("other", [{"accelerator": "other"}, {"vendor": "cpu"}])
def test_models_elsewhere_do_not_wait(other: dict[str, str], said: pytest.LogCaptureFixture) -> None:
    place = {**CARD, **other}
    with turn(model("first")), turn(model("second", place, loadPatience=0)):
        pass
    assert not said.records


def test_a_cache_that_cannot_be_written_keeps_no_model_from_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    with turn(model("first")):
        pass
    assert "model first: takes no turn on GPU card-0" in said.text
