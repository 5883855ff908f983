"""A plan says which budgets are below what their models take, where that can be known without asking anybody."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from tests.estimate import published
from tests.estimate.test_published import CONFIGS
from tests.helm import fleet

Said = Callable[..., str]
Planned = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_INFERENCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def chat(memory: str, source: dict[str, str] | None = None) -> dict[str, Any]:
    """The fleet with Llama 3.1 8B in it."""
    values = fleet()
    there = source or {"path": str(CONFIGS / published.L8)}
    entry = {"engine": "vllm", "source": there, "memory": memory, "engineConfig": {"maxModelLen": 4096}}
    values["models"]["chat"] |= entry
    return values


def test_a_budget_that_is_too_small_is_said_with_what_it_lacks(said: Said) -> None:
    line = next(line for line in said(chat("3000Mi")).splitlines() if line.startswith("models.chat.memory"))
    assert line == (
        "models.chat.memory: 3000Mi is below the estimated 17.1Gi "
        "(weights 15.0Gi, cache 0.5Gi, activations 0.6Gi, overhead 1.0Gi)"
    )


def test_as_data_it_carries_the_proposal(plan: Planned) -> None:
    short = plan(chat("3000Mi"))["budgets"]["short"]["chat"]
    assert short["memory"] == 3000 * 2**20
    assert short["proposed"] == f"{-(-short['estimated'] // 2**20)}Mi"


def test_a_budget_that_is_enough_is_not_mentioned(said: Said, plan: Planned) -> None:
    assert "models.chat.memory" not in said(chat("20Gi"))
    assert plan(chat("20Gi"))["budgets"]["short"] == {}


def test_the_verdict_is_the_same_whatever_the_budget(plan: Planned) -> None:
    assert plan(chat("3000Mi"), chat("3000Mi"))["verdict"] == "nothing"


def test_a_model_that_is_not_here_is_mentioned_only_when_the_hub_was_to_be_asked(said: Said) -> None:
    values = chat("3000Mi", {"hub": "org/name"})
    assert "models.chat.memory" not in said(values)
    line = next(line for line in said(values, None, "--estimate").splitlines() if "models.chat.memory" in line)
    assert "models.chat.memory is not estimated: hub repository 'org/name'" in line


def test_an_engine_whose_needs_are_not_known_is_told_as_data(plan: Planned) -> None:
    assert set(plan(fleet())["budgets"]["unknown"]) == {"chat", "ears"}
