"""Whom a request goes to, decided without a cluster: the same rules on every router, whatever each of them knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from serve.routing import ROUTER, answering, choice, key
from serve.routing.seen import Seen

REPLICAS = ["a", "b", "c", "d"]
IDLE = dict.fromkeys(REPLICAS, 0)
SYSTEM = {"role": "system", "content": "rules " * 200}


def body(*turns: str, **more: Any) -> bytes:
    messages = [SYSTEM, *({"role": "user", "content": turn} for turn in turns)]
    return json.dumps({"model": "llm", **more, "messages": messages}).encode()


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(tmp_path / "table")


def test_a_longer_conversation_begins_with_the_blocks_of_the_shorter_one() -> None:
    shorter, longer = key.beginnings(body("one " * 100)), key.beginnings(body("one " * 100, "two " * 100))
    assert len(shorter) < len(longer)
    assert longer[: len(shorter) - 1] == shorter[:-1]  # The end of the list may be within its last block.


def test_what_comes_before_the_prompt_does_not_count() -> None:
    assert key.beginnings(body("hello", temperature=0.1)) == key.beginnings(body("hello", stream=True, seed=3))


def test_a_body_cut_off_anywhere_has_the_blocks_that_are_whole() -> None:
    whole = body("question " * 300)
    for length in (0, 5, 30, 400, 1000, len(whole) - 1):
        found = key.beginnings(whole[:length])
        assert found == key.beginnings(whole)[: len(found)]


def test_a_text_that_looks_like_a_key_is_none() -> None:
    plain = key.beginnings(body("hello"))
    assert key.beginnings(body("hello", metadata='{"messages": [], "prompt": ""}')) == plain
    assert key.session(b"", body('"user": "eve"')) is None


@pytest.mark.parametrize("field", ["prompt", "input"])
def test_what_has_no_messages_goes_by_its_text(field: str) -> None:
    assert len(key.beginnings(json.dumps({field: "text " * 200}).encode())) == 3


def test_less_than_a_block_is_not_worth_a_detour() -> None:
    assert not key.beginnings(b'{"messages": [{"role": "user", "content": "hello"}]}')


def test_a_session_is_the_headers_before_the_bodys() -> None:
    assert key.session(b"one", body("hello", user="two")) == "one"
    assert key.session(b"", body("hello", user="two")) == "two"
    assert key.session(b"", body("hello", prompt_cache_key='th"ree')) == 'th\\"ree'
    assert key.session(b"", body("hello")) is None


def test_a_replica_that_goes_moves_only_its_own() -> None:
    sessions = [str(number) for number in range(200)]
    before = {one: choice.by_session(one, IDLE)[0] for one in sessions}
    left = {name: 0 for name in REPLICAS if name != "b"}
    assert {before[one] for one in sessions} == set(REPLICAS)
    assert all(choice.by_session(one, left)[0] == before[one] for one in sessions if before[one] != "b")


def test_a_replica_that_comes_takes_its_share_from_all_and_moves_no_other() -> None:
    sessions = [str(number) for number in range(200)]
    more = {**IDLE, "e": 0}
    moved = [one for one in sessions if choice.by_session(one, more)[0] != choice.by_session(one, IDLE)[0]]
    assert {choice.by_session(one, more)[0] for one in moved} == {"e"}
    assert 0 < len(moved) < len(sessions) / 2


def test_the_longest_known_beginning_wins() -> None:
    order = choice.by_beginning(["c", "a"], 1, IDLE)
    assert order[:2] == ["c", "a"]
    assert sorted(order) == REPLICAS


def test_who_has_clearly_more_to_do_is_passed_over_and_who_has_little_more_is_not() -> None:
    order = ["a", "b", "c", "d"]
    assert choice.chosen(order, {**IDLE, "a": choice.SLACK}) == "a"
    assert choice.chosen(order, {**IDLE, "a": 20}) == "b"
    assert choice.chosen(order, dict.fromkeys(order, 50)) == "a"


def test_somebody_always_has_room() -> None:
    for loads in ({"a": 0}, {"a": 900}, {"a": 900, "b": 3}, dict.fromkeys(REPLICAS, 10**6)):
        assert choice.chosen(sorted(loads), loads) in loads


def test_what_one_router_learns_the_others_of_its_node_know(tmp_path: Path) -> None:
    one, other = Seen(tmp_path / "table"), Seen(tmp_path / "table")
    one.remember([1, 2, 3], "a")
    one.remember([1, 2, 7, 8], "b")
    assert list(other.who([1, 2, 3, 4], REPLICAS)) == ["a", "b", "b"]


def test_a_replica_that_is_gone_is_not_named(seen: Seen) -> None:
    seen.remember([1, 2], "gone")
    assert list(seen.who([1, 2], REPLICAS)) == []


def test_a_block_that_has_lost_its_place_is_not_taken_for_the_other(seen: Seen) -> None:
    seen.remember([5], "a")
    seen.remember([5 + 2**16], "b")
    assert list(seen.who([5], REPLICAS)) == []
    assert list(seen.who([5 + 2**16], REPLICAS)) == ["b"]


def test_a_router_is_none_of_those_that_answer_so_that_a_model_with_one_can_rest() -> None:
    assert answering({"Model": "answers", ROUTER: "does not"}) == ["answers"]
