"""What the verdict of a fuzzing run makes of answers and processes that are made up, and of bytes that are real."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.soak.held import Held
from serve.errors import BadRequest
from tests.fuzz.client import Answer, Ask, fault, sent
from tests.fuzz.verdict import LOOKS, Seen, rules

ASK = Ask("JSON to llm", "/llm/v1/completions", b"application/json", b"{}")
SHAPED = json.dumps(BadRequest("no").body()).encode()


def seen(*answers: Answer, **more: Any) -> Seen:
    found = Seen(in_flight={"llm": 0}, **more)
    found.add(answers)
    return found


def broken(found: Seen) -> list[str]:
    return [f"{rule.what}: {rule.measured}" for rule in rules(found) if not rule.holds]


def test_a_service_that_answers_and_stays_as_it_was_is_well() -> None:
    assert not broken(seen(Answer(ASK, 400, 0.1), Answer(ASK, 200, 0.1)))


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"anything", ""),
        (400, SHAPED, ""),
        (503, SHAPED, "the server failed"),
        (0, b"", "there was no answer, or it broke off"),
        (404, b'{"detail": "Not Found"}', "the error has another shape than OpenAI's ('HTTP')"),
        (400, b"<html>", "the error has another shape than OpenAI's ('HTTP')"),
        (400, b'{"error": {"message": null, "type": "", "param": null, "code": null}}',
         "the error has another shape than OpenAI's ('HTTP')"),
    ],
)  # fmt: skip
def test_an_answer_is_wrong_that_is_none_a_failure_or_of_another_shape(status: int, body: bytes, said: str) -> None:
    assert fault(status, b"HTTP", body, "/v1/completions") == said


def test_errors_of_messages_have_anthropics_shape() -> None:
    body = b'{"type": "error", "error": {"type": "BadRequestError", "message": "no"}}'
    assert fault(400, b"HTTP", body, "/llm/v1/messages/count_tokens") == ""
    assert fault(400, b"HTTP", body, "/llm/v1/responses")


def test_what_is_wrong_is_counted_by_its_cause() -> None:
    failed = Answer(ASK, 500, 0.1, "the server failed", b"{}")
    found = seen(failed, failed, Answer(ASK, 200, 0.1))
    assert broken(found) == [
        "answers that are 5xx, none, late, or of another shape: 2: the server failed: 500 /llm/v1/completions {}"
    ]
    assert list(found.first.values()) == [ASK]


def test_what_is_left_of_the_service_is_judged() -> None:
    found = seen(Answer(ASK, 200, 1), ended=["replica (7)"], unwell=["tts"], unanswered=["/tts 503"])
    found.in_flight = {"llm": 2, "tts": 0}
    assert [said.rpartition(": ")[2] for said in broken(found)] == ["replica (7)", "tts", "/tts 503", "2 of llm"]


def test_nothing_asked_and_nothing_said_of_what_is_in_progress_is_no_good_sign() -> None:
    found = seen()
    found.in_flight = {}
    assert len(broken(found)) == 2


def held(*megabytes: float) -> Held:
    looks = [float(look) for look in range(len(megabytes))]
    return Held("replica (7)", "llm", looks, list(megabytes), [1.0] * len(megabytes))


def test_a_process_that_grows_after_its_warm_up_is_named() -> None:
    steady, growing = held(*[100] * 4, *[200] * 10), held(*[100] * 10, *[110] * 10)
    assert broken(seen(Answer(ASK, 200, 1), held=[growing])) == [
        "growth of memory of a serving process: +10.0%, +10.0 MB (replica (7))"
    ]
    assert not broken(seen(Answer(ASK, 200, 1), held=[steady]))
    assert not broken(seen(Answer(ASK, 200, 1), held=[held(*range(1, LOOKS))]))
    assert not broken(seen(Answer(ASK, 200, 1), held=[held(*[11] * 10, *[12] * 10)])), "a small one"


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


def asked(ask: Ask, answering: Answering) -> Answer:
    """By a server that does what is said with the connection."""

    async def both() -> Answer:
        over = asyncio.Event()

        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await answering(reader, writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            over.set()

        async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
            answer = await sent(ask, server.sockets[0].getsockname()[1], "key")
            await over.wait()
        return answer

    return asyncio.run(both())


async def _early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers without having read the body, by chunks."""
    writer.write(b"HTTP/1.1 413 No\r\ntransfer-encoding: chunked\r\n\r\n")
    writer.write(b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (SHAPED[:9], SHAPED[9:])) + b"0\r\n\r\n")
    await writer.drain()


def test_an_answer_that_comes_before_all_is_sent_is_read() -> None:
    answer = asked(Ask("large", "/", None, bytes(2**25)), _early)
    assert (answer.status, answer.said, answer.body) == (413, "", SHAPED)


async def _breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ends a stream before its last chunk."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")


def test_a_stream_that_breaks_off_is_no_answer() -> None:
    assert asked(Ask("stream", "/", None, b""), _breaks).said == "there was no answer, or it broke off"


async def _counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says how much came before the client stopped."""
    RECEIVED.append(len(await reader.read()))


RECEIVED = list[int]()


def test_a_client_that_stops_half_way_sends_half_and_waits_for_nothing() -> None:
    answer = asked(Ask("half", "/", None, bytes(1000), "stops", 0.5), _counts)
    assert (answer.status, answer.said) == (0, "")
    assert RECEIVED == [500]
