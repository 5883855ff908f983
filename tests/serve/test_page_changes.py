"""The page while the models change under it: what a person sees without reloading."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.serve.browser import Browser
from tests.serve.conftest import Deploy

BROKEN: dict[str, dict[str, Any]] = {"late": {"task": "embeddings", "engineConfig": {"loadError": "no such weights"}}}
WHOLE: dict[str, dict[str, Any]] = {"late": {"task": "embeddings"}, "order": {"task": "rerank"}}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.driver.quit()


def test_a_panel_comes_and_works_again_by_itself_and_keeps_what_was_typed(deploy: Deploy, browser: Browser) -> None:
    browser.open(deploy(BROKEN), "compare")
    assert [text for text in browser.texts("nav a") if text] == ["Compare", "Models\n0 of 1"]
    browser.until(lambda: "no such weights" in browser.text("#compare .notice"))
    assert not browser.find("#compare [type=submit]").is_enabled()
    browser.write("#compare-text", "one\nother")
    deploy(WHOLE)
    browser.until(lambda: browser.find("#compare [type=submit]").is_enabled())
    assert not browser.visible("#compare .notice")
    browser.run("compare")
    assert browser.texts("#compare .pair") == ["one", "other"]
    browser.until(lambda: browser.visible("nav a[href='#rank']"))
