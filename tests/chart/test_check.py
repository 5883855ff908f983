"""The pod of `helm test`: what it is told of the models."""

import json
from typing import Any

from serve.cli.check import MODELS
from tests.helm import Rendered, fleet, render


def _pod(rendered: Rendered) -> dict[str, Any]:
    return rendered.of("Pod")["ai-inference-test"]


def _models(rendered: Rendered) -> dict[str, Any]:
    *_, option = _pod(rendered)["spec"]["containers"][0]["command"]
    models: dict[str, Any] = json.loads(option.removeprefix("--models="))
    return models


def test_it_is_made_for_a_test_only_and_stays_until_one_succeeds(small: Rendered) -> None:
    assert _pod(small)["metadata"]["annotations"] == {
        "helm.sh/hook": "test",
        "helm.sh/hook-delete-policy": "before-hook-creation,hook-succeeded",
    }


def test_it_checks_each_enabled_model_at_the_service_and_at_its_alias(homelab: Rendered) -> None:
    command = _pod(homelab)["spec"]["containers"][0]["command"]
    assert command[:3] == ["ai-inference", "check", "http://ai-inference-serve-svc:8000"]
    assert list(_models(homelab)) == ["embeddings", "llm", "reranker", "tts", "whisper"]
    alias = "whisper-predictor.ai-ml:8000"
    assert _models(homelab)["whisper"] == {"task": "stt", "check": "meaning", "alias": alias}


def test_what_it_is_told_is_what_the_command_reads() -> None:
    values = fleet(models__ears__enabled=False, models__chat__check="numbers")
    (chat,) = MODELS.validate_json(json.dumps(_models(render(values)))).values()
    assert (chat.task, chat.check, chat.alias) == ("llm", "numbers", "chat-predictor.ai-ml:8000")


def test_an_alias_of_type_service_is_asked_at_port_80() -> None:
    aliases = {"type": "Service", "prefix": "staging-"}
    assert _models(render(fleet(aliases=aliases)))["chat"]["alias"] == "staging-chat-predictor.ai-ml"


def test_without_aliases_none_is_asked() -> None:
    assert "alias" not in _models(render(fleet(aliases__enabled=False)))["chat"]


def test_it_has_no_rights(small: Rendered) -> None:
    spec = _pod(small)["spec"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("ai-inference", False)


def test_it_can_be_left_out() -> None:
    assert "ai-inference-test" not in render(fleet(tests__enabled=False)).of("Pod")
