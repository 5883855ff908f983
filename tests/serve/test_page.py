"""The page at `/` in a real browser: what a person clicks and types goes in, what they see is asserted."""

import json
import shutil
import subprocess
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.serve.browser import Browser
from tests.serve.conftest import Deploy, post

REASON = "the weights are <b>corrupt</b>"
MODELS: dict[str, dict[str, Any]] = {
    "parrot": {"task": "llm", "engineConfig": {"tokenDelay": 0.02}},
    "broken": {"task": "llm", "engineConfig": {"loadError": REASON}},
    "ears": {"task": "stt"},
    "voice": {"task": "tts"},
    "vectors": {"task": "embeddings"},
    "ranks": {"task": "rerank"},
}
PANELS = ["chat", "transcribe", "speak", "compare", "rank", "models"]
ANSWER = "#chat .turn.assistant .text"
LOUD = """
const meter = document.querySelector(".meter"), top = meter.getContext("2d").getImageData(0, 0, meter.width, 4);
return top.data.some((value) => value > 0);
"""
WATCH = """
window.lengths = new Set();
new MutationObserver(() => lengths.add(document.querySelector(arguments[0])?.textContent.length ?? 0))
  .observe(document.querySelector("#chat .thread"), {subtree: true, childList: true, characterData: true});
"""


@pytest.fixture(scope="module")
def address(deploy: Deploy) -> str:
    return deploy(MODELS)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[[str], Browser]]:
    """Opens a panel; whatever a test does there, the console stays clean and no other address is called."""

    def opened(panel: str) -> Browser:
        browser.open(address, panel)
        return browser

    yield opened
    browser.script("sessionStorage.clear()")
    browser.requests()
    urls = [request["url"] for request in browser.seen]
    assert browser.complaints() == []
    assert f"{address}/page/app.js" in urls
    assert [
        url for url in urls if not url.startswith((f"{address}/", "blob:", "data:"))
    ] == []  # data: Chromium's own icons.


Visit = Callable[[str], Browser]


def say(browser: Browser, text: str) -> None:
    browser.write("#chat-input", text)
    browser.run("chat")


def recording(folder: Path, seconds: int) -> Path:
    path = folder / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 16_000 * seconds))
    return path


def test_an_answer_appears_piece_by_piece_with_its_figures(visit: Visit) -> None:
    browser = visit("chat")
    browser.script(WATCH, ANSWER)
    words = " ".join(f"word{i}" for i in range(30))
    say(browser, words)
    assert browser.text(ANSWER) == words
    assert len(browser.script("return [...lengths]")) > 5
    figures = browser.text("#chat .turn.assistant .figures")
    assert "first token" in figures
    assert "tokens/s" in figures


def test_a_chat_carries_its_earlier_turns_on_until_a_new_one_begins(visit: Visit) -> None:
    browser = visit("chat")
    say(browser, "first question")
    say(browser, "second question")
    bodies = [json.loads(request["postData"]) for request in browser.requests() if "postData" in request]
    said = [(message["role"], message["content"].strip()) for message in bodies[-1]["messages"]]
    assert said == [("user", "first question"), ("assistant", "first question"), ("user", "second question")]
    browser.click("#chat-new")
    assert browser.texts("#chat .turn") == []


def test_stop_keeps_what_was_said_and_ends_the_work_in_the_engine(
    visit: Visit, address: str, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    browser = visit("chat")
    hours = " ".join(f"word{i}" for i in range(20_000))  # No wait below would last until its end.
    browser.script("document.querySelector('#chat-input').value = arguments[0]", hours)
    browser.click("#chat [type=submit]")
    browser.until(lambda: "word3" in browser.text("#chat .thread .assistant .text"))
    assert browser.text("#chat [type=submit]") == "Stop"
    browser.run("chat")
    assert "word2 word3" in browser.text(ANSWER)
    assert "stopped" in browser.text("#chat .turn.assistant .figures")
    eventually(lambda: requests.get(f"{address}/parrot/streams", timeout=60).json() == {"open": 0})


def test_markup_in_an_answer_is_shown_and_not_obeyed(visit: Visit) -> None:
    browser = visit("chat")
    markup = "<img src=nowhere onerror=\"document.title='broken'\"> <b>bold</b> <script>alert()</script>"
    say(browser, markup)
    assert browser.text(ANSWER) == markup
    assert browser.texts(f"{ANSWER} :is(img, b, script)") == []
    assert browser.driver.title == "Chat · ai-inference"


def test_code_in_an_answer_is_set_as_code(visit: Visit) -> None:
    browser = visit("chat")
    say(browser, "run `make` **now**")
    assert browser.texts(f"{ANSWER} code") == ["make"]
    assert browser.texts(f"{ANSWER} strong") == ["now"]


def test_system_prompt_and_temperature_are_sent_once_they_are_set(visit: Visit) -> None:
    browser = visit("chat")
    command = browser.text("#chat .request code")
    assert "temperature" not in command
    browser.click("#chat .settings summary")
    browser.write("#chat-system", "Be brief.")
    browser.find("#chat-temperature").send_keys("\ue012")  # Arrow left: one step down.
    command = browser.text("#chat .request code")
    assert '"temperature": 0.9' in command
    assert '"content": "Be brief."' in command


def test_a_model_that_cannot_load_says_why_and_takes_no_input(visit: Visit) -> None:
    browser = visit("chat")
    assert browser.find("#chat [type=submit]").is_enabled()
    browser.choose("#chat .model select", "broken")
    assert "broken is unavailable" in browser.text("#chat .notice")
    assert REASON in browser.text("#chat .notice")
    assert not browser.find("#chat [type=submit]").is_enabled()


def test_the_fleet_shows_each_model_with_its_state(visit: Visit) -> None:
    browser = visit("models")
    browser.until(lambda: len(browser.texts(".fleet li")) == len(MODELS))
    assert browser.texts(".fleet strong") == list(MODELS)
    states = dict(zip(MODELS, browser.texts(".fleet .status"), strict=True))
    assert states == {**dict.fromkeys(MODELS, "ready"), "broken": "unavailable"}
    assert REASON in browser.text(".fleet .reason")
    assert "5 of 6" in browser.text("#models-count")


def test_a_chosen_file_becomes_text_with_language_and_segments(visit: Visit, tmp_path: Path) -> None:
    browser = visit("transcribe")
    browser.find("#transcribe-file").send_keys(str(recording(tmp_path, 3)))
    browser.until(lambda: browser.visible("#transcribe .result"))
    assert browser.text("#transcribe .transcript") == "second 0 second 1 second 2"
    assert "language en · 3.0 s of sound" in browser.text("#transcribe .figures")
    assert browser.texts("#transcribe .segments li") == ["0:00\nsecond 0", "0:01\nsecond 1", "0:02\nsecond 2"]
    assert "file=@speech.wav" in browser.text("#transcribe .request code")


def test_a_transcript_can_be_read_as_it_is_heard(visit: Visit, tmp_path: Path) -> None:
    browser = visit("transcribe")
    browser.click("#transcribe-stream")
    browser.find("#transcribe-file").send_keys(str(recording(tmp_path, 2)))
    browser.until(lambda: browser.text("#transcribe .transcript") == "second 0 second 1")
    assert "stream=true" in browser.text("#transcribe .request code")


def test_a_recording_shows_its_level_and_becomes_text(visit: Visit) -> None:
    browser = visit("transcribe")
    browser.click("#transcribe-record")
    browser.until(lambda: browser.visible(".meter") and browser.script(LOUD))  # The microphone beeps once a second.
    browser.click("#transcribe-record")
    browser.until(lambda: browser.visible("#transcribe .result"))
    assert browser.text("#transcribe .transcript").startswith("second 0")
    assert not browser.visible(".meter")


def test_broken_audio_is_refused_in_the_apis_words(visit: Visit, address: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"not a recording")
    with broken.open("rb") as file:
        form = {"data": {"model": "ears"}, "files": {"file": file}}
        refusal = requests.post(f"{address}/v1/audio/transcriptions", timeout=60, **form)  # type: ignore[arg-type]
    browser = visit("transcribe")
    browser.find("#transcribe-file").send_keys(str(broken))
    browser.until(lambda: browser.visible("#transcribe .error"))
    assert refusal.status_code == 400
    assert browser.text("#transcribe .error") == refusal.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["mp3", "wav"])
def test_speech_plays_and_can_be_kept(visit: Visit, kind: str) -> None:
    browser = visit("speak")
    browser.until(lambda: browser.texts("#speak-voice option") == ["high", "low"])
    browser.choose("#speak-format", kind)
    browser.write("#speak-text", "one two three four five six seven eight nine ten")
    browser.run("speak")
    audio = "const a = document.querySelector('#speak audio'); return [a.duration, a.currentTime]"
    browser.until(lambda: browser.script(audio)[1] > 0)
    assert browser.script(audio)[0] == pytest.approx(1, abs=0.2)  # A tenth of a second a word.
    assert browser.find("#speak-download").get_attribute("download") == f"speech.{kind}"
    assert "first sound" in browser.text("#speak .figures")


def test_the_closest_of_the_sentences_is_named(visit: Visit) -> None:
    browser = visit("compare")
    browser.write("#compare-text", "a cat\na dog\na cat")
    browser.run("compare")
    assert browser.text("#compare .closest .label") == "Closest: 1 and 3"
    assert browser.texts("#compare .pair") == ["a cat", "a cat"]
    assert browser.text("#compare .score") == "1.000"
    cells = browser.texts("#compare .heat td:not(:empty)")
    assert len(cells) == 6
    assert cells[1] == cells[4] == "1.00"


def test_passages_come_by_relevance_with_the_line_they_were_on(visit: Visit) -> None:
    browser = visit("rank")
    browser.write("#rank-query", "red green blue")
    browser.write("#rank-passages", "nothing here\nred and green\nred green blue")
    browser.run("rank")
    assert browser.texts("#rank .bars p") == ["red green blue", "red and green", "nothing here"]
    assert browser.texts("#rank .was") == ["line 3", "line 2", "line 1"]
    assert browser.texts("#rank .bars .score") == ["0.953", "0.881", "0.500"]  # The sigmoid of 3, 2 and 0 shared words.


def test_a_refused_request_shows_the_apis_message_and_leaves_the_input(visit: Visit, address: str) -> None:
    sentences = ["word " * 600, "short"]
    refusal = post(f"{address}/v1/embeddings", {"model": "vectors", "input": [text.strip() for text in sentences]})
    browser = visit("compare")
    browser.script("document.querySelector('#compare-text').value = arguments[0]", "\n".join(sentences))
    browser.run("compare")
    assert browser.text("#compare .error") == refusal.json()["error"]["message"]
    assert browser.find("#compare-text").get_attribute("value") == "\n".join(sentences)
    browser.write("#compare-text", "a\nb")
    browser.run("compare")
    assert not browser.visible("#compare .error")
    assert browser.visible("#compare .result")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on PATH")
def test_the_command_shown_is_one_that_a_shell_runs(visit: Visit) -> None:
    browser = visit("compare")
    browser.write("#compare-text", 'it\'s a "quoted" cat\n$HOME and `make`')
    command = browser.text("#compare .request code")
    ran = subprocess.run(["bash", "-c", f"{command} --silent"], capture_output=True, check=True, timeout=60)
    assert len(json.loads(ran.stdout)["data"]) == 2


def test_a_key_is_sent_with_each_request_and_never_shown(visit: Visit) -> None:
    browser = visit("rank")
    browser.click(".key summary")
    browser.write("#key", "secret\n")
    browser.requests()
    browser.run("rank")
    sent = [request["headers"].get("Authorization") for request in browser.requests()]
    assert set(sent) == {"Bearer secret"}
    assert '-H "Authorization: Bearer $API_KEY"' in browser.text("#rank .request code")
    assert "secret" not in browser.text("body")


@pytest.mark.parametrize("panel", PANELS)
def test_a_phone_shows_a_panel_without_scrolling_sideways(visit: Visit, panel: str) -> None:
    browser = visit(panel)
    metrics = {"width": 360, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert browser.script("return [innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_field_has_a_label(visit: Visit) -> None:
    browser = visit("chat")
    assert browser.script("return document.querySelectorAll('input, select, textarea').length") > 10
    nameless = "(field) => !field.labels.length && !field.ariaLabel"
    fields = "[...document.querySelectorAll('input, select, textarea')]"
    assert browser.script(f"return {fields}.filter({nameless}).map((field) => field.outerHTML)") == []


def test_a_panel_can_be_used_from_the_keyboard_alone(visit: Visit) -> None:
    browser = visit("chat")
    browser.find("#chat-input").send_keys("hello there\n")
    browser.until(lambda: browser.texts(ANSWER) == ["hello there"])
    browser.find("nav a[href='#rank']").send_keys("\n")
    browser.until(lambda: browser.visible("#rank"))
    browser.find("#rank-query").send_keys("\n")
    browser.until(lambda: browser.texts("#rank .bars p"))
