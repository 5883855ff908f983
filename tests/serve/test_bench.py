"""`ai-inference bench` against a service of the fake engine: what it counts is what was asked and answered."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from serve.bench import load, work
from serve.cli.app import app
from tests.serve.conftest import Deploy

REQUESTS = 12
UNITS = {"llm": 0, "embeddings": 3 * REQUESTS, "rerank": 3 * REQUESTS, "stt": 2 * REQUESTS, "tts": 0.8 * REQUESTS}
Bench = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def address(deploy: Deploy) -> str:
    return deploy({task: {"task": task} for task in work.tasks()})


@pytest.fixture
def bench(address: str, tmp_path: Path) -> Bench:
    """Runs the command and gives what it wrote."""

    def run(task: str, *more: str, fails: bool = False) -> dict[str, Any]:
        file = tmp_path / "figures.json"
        shape = ["--words=8", "--tokens=5", "--batch=3", "--seconds=2", f"--requests={REQUESTS}", "--warm-up=1"]
        arguments = ["bench", address, f"--task={task}", f"--model={task}", *shape, f"--json={file}", *more]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == fails, done.output
        found: dict[str, Any] = json.loads(file.read_text())
        return {**found, "printed": done.output}

    return run


@pytest.mark.parametrize("task", work.tasks())
def test_each_level_of_a_task_is_measured(bench: Bench, task: str) -> None:
    found = bench(task, "--at-once=1,4")
    assert [level["level"] for level in found["levels"]] == ["1", "4"]
    for level in found["levels"]:
        assert (level["requests"], level["errors"]) == (REQUESTS, {})
        assert level["requests_per_second"] * level["seconds"] == pytest.approx(REQUESTS)
        assert level["units_per_second"] * level["seconds"] == pytest.approx(UNITS[task], rel=0.05)
        assert 0 < level["first"]["p50"] <= level["latency"]["p50"] <= level["latency"]["p99"]
    assert found["ceiling"]["requests_per_second"] > 0
    assert "this client could do" in found["printed"]
    assert "…" not in found["printed"], "columns are cut"


def test_the_tokens_of_a_stream_are_counted_and_timed(bench: Bench) -> None:
    (level,) = bench("llm", "--at-once=2")["levels"]
    assert level["tokens_per_second"] > level["requests_per_second"]
    assert level["per_token"]["p50"] >= 0


def test_the_tokens_of_a_whole_answer_are_those_that_the_server_counts(bench: Bench) -> None:
    found = bench("llm", "--at-once=2", "--no-stream")
    (level,) = found["levels"]
    assert level["tokens_per_second"] == pytest.approx(8 * level["requests_per_second"])  # The words it was asked.
    assert not level["per_token"]
    assert "tokens/s" in found["printed"] and "per token" not in found["printed"]


def test_a_level_of_a_rate_is_measured(bench: Bench) -> None:
    (level,) = bench("embeddings", "--rate=50")["levels"]
    assert (level["level"], level["requests"]) == ("50/s", REQUESTS)


def test_requests_arrive_by_chance_at_their_rate_while_none_is_answered() -> None:
    arrived, number, rate = asyncio.Barrier(100), 100, 200

    async def answer(_: web.Request) -> web.Response:
        await arrived.wait()
        return web.json_response({})

    async def asked() -> Sequence[float]:
        service = web.Application()
        service.router.add_post("/v1/embeddings", answer)
        async with asyncio.timeout(20), TestServer(service) as server, load.connected() as session:
            asks = work.asks("embeddings", work.Shape("m"), 0, number)
            run = await load.run(session, str(server.make_url("")).rstrip("/"), load.Level(rate=rate), asks, seed=0)
        assert not any(answer.error for answer in run.answers)
        return [answer.begin for answer in run.answers]

    gaps = np.diff(asyncio.run(asked()))
    assert gaps.mean() == pytest.approx(1 / rate, rel=0.2)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.3), "as far apart as chance has them"


def test_errors_are_counted_by_their_status_and_in_nothing_else(bench: Bench) -> None:
    (level,) = bench("embeddings", "--at-once=2", "--more", '{"dimensions": 4096}', fails=True)["levels"]
    assert level["errors"] == {"400": REQUESTS}
    assert (level["requests_per_second"], level["latency"]) == (0, {})


def test_the_same_seed_asks_the_same() -> None:
    shape = work.Shape("m")
    for task in work.tasks():
        one, same, other = (list(work.asks(task, shape, seed, 3)) for seed in (1, 1, 2))
        assert [ask.body for ask in one] == [ask.body for ask in same] != [ask.body for ask in other]
        assert len({ask.body for ask in one}) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--task=chess"], "there is no 'chess'"),
        (["--task=llm", "--at-once=many"], "take numbers with commas"),
        (["--task=llm", "--more=5"], "must be a JSON object"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["bench", "http://127.0.0.1:9", "--model=m", *arguments])
    assert says in str(done.exception)


def test_the_figures_are_drawn(bench: Bench, tmp_path: Path) -> None:
    drawn = tmp_path / "figures.svg"
    bench("embeddings", "--at-once=1,4", f"--svg={drawn}")
    assert drawn.read_text().count("<path") > 10
