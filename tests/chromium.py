"""Headless Chromium that connects only to the server of the test."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
# Reason to skip tests; empty if Chromium is installed.
MISSING = "" if shutil.which(BROWSER) and shutil.which(DRIVER) else (
    "no Chromium: apt-get install chromium chromium-driver")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en")


@contextmanager
def browser(profile: Path, width: int = 1200, height: int = 900, dark: bool = False) -> Iterator[Chrome]:
    """Start Chromium with an empty profile and this screen size."""
    options = ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = Chrome(options=options, service=Service(DRIVER))
    try:
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        yield chrome
    finally:
        chrome.quit()


def log(chrome: Chrome, name: str) -> list[dict[str, str]]:
    """Return the entries of a log since the last call."""
    entries: list[dict[str, str]] = chrome.get_log(name)
    return entries


def requested_urls(chrome: Chrome) -> list[str]:
    """Return every URL that pages have requested since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in log(chrome, "performance")]
    return [message["params"]["request"]["url"] for message in messages
            if message["method"] == "Network.requestWillBeSent"]
