"""A browser for the tests of the page: an address goes in, what a person would see, click and type comes out.

It is the machine's own Chromium, headless, with a microphone that beeps; nothing is downloaded.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE = 60
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--window-size=1360,900",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip


class Browser:
    """Selectors are CSS."""

    def __init__(self, profile: Path) -> None:
        chromium, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
        if not chromium or not driver:
            pytest.skip("the page is tested in Chromium, and chromium and chromedriver are not both on PATH")
        options = webdriver.ChromeOptions()
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.binary_location = chromium
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.seen: list[dict[str, Any]] = []
        self.driver = webdriver.Chrome(options=options, service=Service(driver))

    def open(self, address: str, panel: str) -> None:
        """A fresh visit of the page, until the panel is there."""
        self.driver.get("about:blank")
        self.complaints()
        self.requests()
        self.seen.clear()
        self.driver.get(f"{address}/#{panel}")
        self.until(lambda: self.visible(f"#{panel}"))

    def until(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05).until(lambda _: condition())

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def texts(self, selector: str) -> list[str]:
        return [element.text for element in self.driver.find_elements(By.CSS_SELECTOR, selector)]

    def choose(self, selector: str, option: str) -> None:
        Select(self.find(selector)).select_by_visible_text(option)

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def visible(self, selector: str) -> bool:
        return self.find(selector).is_displayed()

    def click(self, selector: str) -> None:
        """As soon as it can be clicked."""
        self.until(lambda: self.find(selector).is_enabled())
        self.find(selector).click()

    def write(self, selector: str, text: str) -> None:
        """Instead of what is there."""
        self.find(selector).clear()
        self.find(selector).send_keys(text)

    def run(self, panel: str) -> None:
        """Clicks the panel's button and waits until it is done."""
        self.click(f"#{panel} [type=submit]")
        self.until(lambda: self.find(f"#{panel}").get_attribute("aria-busy") is None)

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def requests(self) -> list[dict[str, Any]]:
        """Those since they were last asked for, as DevTools tells them; `seen` has all of this visit."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        sent = [m["params"]["request"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        self.seen += sent
        return sent

    def complaints(self) -> list[str]:
        """What scripts and the content policy wrote to the console; an API's refusal is logged there too, by itself."""
        logged = self._log("browser")
        return [entry["message"] for entry in logged if entry["level"] == "SEVERE" and entry["source"] != "network"]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        """What has been written since the last look."""
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries
