"""That an engine computes, shown on each real one, and whom vLLM's scheduler lets wait too long."""

import asyncio
import gc
import importlib
import time
import warnings
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from serve import standins
from serve.errors import Congested, InferenceError
from serve.front.deadline import CURRENT, Deadline
from serve.replica import Replica
from tests.serve.conftest import PLACE
from tests.serve.test_standins import ENGINES

# What kokoro, ctranslate2 and torch warn about on import is theirs to repair.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed context:ResourceWarning"),  # And what vLLM leaves of zmq.
]
CONFIG = {"llm": {"dtype": "float32", "maxModelLen": 512, "enforceEager": True, "maxNumSeqs": 1}}
CLASSES = {"llm": "Llm", "stt": "SpeechToText", "tts": "TextToSpeech", "embeddings": "Embeddings", "rerank": "Rerank"}


def replica(task: str, folder: Path) -> Any:
    """Of the task, by its real engine, as far as it is without Ray."""
    module = importlib.import_module(f"serve.tasks.{task}")
    entry = {"model": task, "engine": ENGINES[task], "engineConfig": CONFIG.get(task, {})}
    args = module.Args.model_validate({**entry, "source": {"path": str(folder)}, "placement": PLACE})
    made: Any = object.__new__(getattr(module, CLASSES[task]))
    made.args, made.failure, made.checkup, made.small = args, None, None, {}
    made.engine = Replica._load(made, args)
    return made


@pytest.fixture(params=[pytest.param(task, marks=pytest.mark.slow if task == "llm" else ()) for task in ENGINES])
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "llm":
        pytest.importorskip("vllm", reason="this environment has no vLLM")
    with warnings.catch_warnings(action="ignore"):
        folder = standins.make(request.param, ENGINES[request.param], tmp_path / request.param)
    yield request.param, folder


def test_a_probe_is_computed_by_the_real_engine(loaded: tuple[str, Path]) -> None:
    async def probed() -> None:
        made = replica(*loaded)
        await made.answering()
        began = time.monotonic()
        await made.probe()
        await made.check_health()
        try:
            assert made.checkup.pulse.ended > began
            assert made.checkup.pulse.since is None
            if loaded[0] == "stt":
                await a_recogniser_writes(made)
            if loaded[0] == "llm":
                await whom_the_scheduler_lets_wait(made.engine._client)
        finally:
            await asyncio.to_thread(made.close)

    asyncio.run(probed())
    gc.collect()  # Here, and not in a test that minds what is left.


async def a_recogniser_writes(made: Any) -> None:
    """Silence is left out before it is heard, and a model that knows one language does not listen for which it is."""
    model = made.engine.model
    model.generate_with_fallback = Mock(wraps=model.generate_with_fallback)
    await made.probe()
    model.generate_with_fallback.assert_called()


async def whom_the_scheduler_lets_wait(client: Any) -> None:
    """Not the one that it has begun with; both others, which do not come before it is done."""
    from vllm import SamplingParams

    refused: dict[str, InferenceError] = {}

    def asked(id: str) -> Awaitable[None]:
        CURRENT.set(Deadline("llm", 0.3, lambda error: refused.update({id: error})))
        params = SamplingParams(max_tokens=400, ignore_eos=True)

        async def answer() -> None:
            async for _ in client.generate({"prompt_token_ids": [1, 2, 3]}, params, id):
                pass

        return asyncio.create_task(answer())

    await asyncio.gather(*map(asked, ("first", "second", "third")))
    assert set(refused) == {"second", "third"}
    assert {type(error) for error in refused.values()} == {Congested}
