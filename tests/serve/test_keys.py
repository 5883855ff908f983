"""Keys: files of a folder, as Kubernetes shows a Secret, and what a request with one of them may do."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from serve.errors import Forbidden, InferenceError, Unauthorized
from serve.front import keys
from serve.front.key import ANYONE, SERVICE, Key
from serve.front.keys import Keys

ALICE, BOB = "a" * 32, "b" * 32
TOKEN = "t" * 43
LONG = b"key: " + b"c" * 32


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With Alice's key, looked at anew at each request."""
    monkeypatch.setattr(keys, "LOOK_SECONDS", 0)
    (tmp_path / "alice").write_text(ALICE + "\n")
    return tmp_path


def asked(known: Keys, key: str, model: str | None = None, name: bytes = b"authorization") -> str:
    """Who the request is from."""
    admitted = known.admit({"headers": [(name, key.encode())]}, model)
    assert admitted is not None
    return admitted.name


def refusal(known: Keys, key: str, model: str | None = None) -> InferenceError:
    with pytest.raises(InferenceError) as refused:
        asked(known, key, model)
    return refused.value


@pytest.mark.parametrize(
    ("name", "written"),
    [(b"authorization", "Bearer {}"), (b"authorization", "bearer  {}"), (b"api-key", "{}"), (b"x-api-key", "{}")],
)
def test_a_key_is_taken_from_the_header_that_the_client_knows(folder: Path, name: bytes, written: str) -> None:
    assert asked(Keys(folder), written.format(ALICE), name=name) == "alice"


@pytest.mark.parametrize("said", ["", "Bearer", "Bearer  ", ALICE[:-1], ALICE + "a", ALICE.upper(), f"Basic {ALICE}"])
def test_anything_but_a_whole_key_is_401(folder: Path, said: str) -> None:
    assert isinstance(refusal(Keys(folder), said), Unauthorized)


def test_a_key_that_is_for_some_models_is_403_for_others(folder: Path) -> None:
    (folder / "bob").write_text(f"key: {BOB}\nmodels: [llm]")
    known = Keys(folder)
    assert asked(known, BOB, "llm") == "bob"
    assert asked(known, BOB) == "bob"
    assert isinstance(refusal(known, BOB, "whisper"), Forbidden)
    assert "whisper" in str(refusal(known, BOB, "whisper"))


@pytest.mark.parametrize(
    ("expires", "valid"), [("2020-01-01", False), ("2020-01-01T00:00:00+02:00", False), ("2999-12-31", True)]
)
def test_a_key_is_valid_until_it_expires(folder: Path, expires: str, valid: bool) -> None:
    (folder / "bob").write_text(f"key: {BOB}\nexpires: {expires}")
    if valid:
        assert asked(Keys(folder), BOB) == "bob"
    else:
        assert "'bob' has expired" in str(refusal(Keys(folder), BOB))


def test_keys_come_and_go_while_the_service_runs(folder: Path) -> None:
    known = Keys(folder)
    assert asked(known, ALICE) == "alice"
    (folder / "alice").write_text(BOB)
    assert asked(known, BOB) == "alice"
    assert refusal(known, ALICE).status == 401
    (folder / "alice").unlink()
    assert "no keys yet" in str(refusal(known, BOB))


def test_a_secret_that_kubernetes_swaps_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LOOK_SECONDS", 0)
    for version, key in (("..1", ALICE), ("..2", BOB)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "me").write_text(key)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "me").symlink_to("..data/me")
    known = Keys(tmp_path)
    assert asked(known, ALICE) == "me"
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert asked(known, BOB) == "me"
    assert refusal(known, ALICE).status == 401


@pytest.mark.parametrize(
    "wrong",
    [b"tiny", b"key: tiny", LONG + b"\nmodel: llm", b"models: [llm]", b"key: [", b"\xff\xfe", ALICE.encode(),
     LONG + b"\nexpires: never", b"tiny but: c" + b"c" * 31, b"tiny-and-with-a-point-at-its-end:"],
)  # fmt: skip
def test_a_file_that_is_no_key_is_named_in_the_log_without_what_it_says_and_takes_no_other_with_it(
    folder: Path, wrong: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("ray.serve"), "propagate", True)
    (folder / "mallory").write_bytes(wrong)
    known = Keys(folder)
    assert asked(known, ALICE) == "alice"
    assert set(known.known()) == {"alice"}
    assert "'mallory'" in caplog.text
    assert ALICE not in caplog.text and "c" * 32 not in caplog.text and "tiny" not in caplog.text


def test_no_key_is_kept_in_memory_as_it_is_and_no_two_processes_keep_the_same_of_it(folder: Path) -> None:
    one, other = Keys(folder), Keys(folder)
    for known in (one, other):
        asked(known, ALICE)
        assert ALICE not in repr(vars(known)) and ALICE.encode() not in set(known._known)
    assert not set(one._known) & set(other._known)


def test_pods_with_the_same_token_have_the_same_key_of_their_own_whichever_clients_keys_they_know(folder: Path) -> None:
    one, tester = Keys(folder, TOKEN), Keys(None, TOKEN)
    assert asked(one, tester.service()["authorization"], "llm") == SERVICE.name
    (folder / "bob").write_text(BOB)
    assert asked(one, BOB, "llm") == "bob"
    assert asked(one, tester.service()["authorization"], "llm") == SERVICE.name
    assert set(one.known()) == {"alice", "bob"}
    assert refusal(one, Keys(None, "u" * 43).service()["authorization"]).status == 401


def passed_on(known: Keys, key: str, whose: str) -> Key:
    headers = [(b"authorization", key.encode()), (keys.FOR, whose.encode())]
    admitted = known.admit({"headers": headers}, "llm")
    assert admitted is not None
    return admitted


def test_of_a_request_that_the_service_passes_on_it_is_known_whose_it_is(folder: Path) -> None:
    known, everybody = Keys(folder, TOKEN), Keys(None, TOKEN)
    own = known.service()["authorization"]
    found = passed_on(known, own, "alice")
    assert (found.name, found.passed) == ("alice", True)
    with pytest.raises(Unauthorized):
        passed_on(known, own, "nobody")
    assert passed_on(everybody, own, ANYONE.name) == replace(ANYONE, passed=True)


def test_no_client_is_believed_to_be_another(folder: Path) -> None:
    (folder / "bob").write_text(BOB)
    found = passed_on(Keys(folder, TOKEN), BOB, "alice")
    assert (found.name, found.passed) == ("bob", False)
    assert passed_on(Keys(None, TOKEN), BOB, ANYONE.name) is ANYONE


def test_the_token_itself_opens_nothing(folder: Path) -> None:
    assert refusal(Keys(folder, TOKEN), TOKEN).status == 401


@pytest.mark.parametrize("token", ["", "short"])
def test_of_a_token_that_can_be_guessed_the_service_has_no_key(folder: Path, token: str) -> None:
    known = Keys(folder, token)
    assert known.service() == {}
    assert refusal(known, "Bearer " + keys._service_key(token)).status == 401
    assert asked(known, ALICE) == "alice"


def test_the_token_is_found_as_ray_finds_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := folder / "token").write_text(TOKEN + "\n")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    assert Keys.of_environment().service() == Keys(None, TOKEN).service()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "u" * 43)
    assert Keys.of_environment().service() == Keys(None, "u" * 43).service()
    file.unlink()
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    assert Keys.of_environment().service() == {}


@pytest.mark.parametrize("made", [lambda path: Keys(path / "none"), lambda path: Keys(path)])
def test_without_any_key_no_client_is_admitted(tmp_path: Path, made: Callable[[Path], Keys]) -> None:
    assert "no keys yet" in str(refusal(made(tmp_path), ALICE))


def test_the_door_is_open_only_where_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    assert refusal(Keys.of_environment(), ALICE).status == 401
    monkeypatch.setenv(keys.VARIABLE, keys.OPEN)
    assert Keys.of_environment().admit({"headers": []}) is ANYONE
