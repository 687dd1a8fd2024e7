"""Headless Chromium that connects only to the server of the test."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tests.running_server import ROOT

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
# Reason to skip tests; empty if Chromium is installed.
MISSING = "" if shutil.which(BROWSER) and shutil.which(DRIVER) else (
    "no Chromium: apt-get install chromium chromium-driver")
# axe-core 4, which 'make axe' installs
AXE = ROOT / "build" / "tools" / "axe" / "axe_playwright_python" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.exists() and "CI" not in os.environ, reason="no axe-core: make axe")
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


def violations(chrome: Chrome, within: str = "html") -> list[Any]:
    """Check a part of a page with all rules of axe-core, which the driver injects, so that no policy stops it."""
    chrome.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; });")
    chrome.execute_script(AXE.read_text(encoding="utf-8"))
    chrome.set_script_timeout(60)
    found: dict[str, Any] = chrome.execute_async_script(
        "const done = arguments[1];"
        "axe.run(arguments[0]).then(done, (error) => done({violations: [String(error)]}));", within)
    return [(one["id"], [node["html"] for node in one["nodes"]]) if isinstance(one, dict) else one
            for one in found["violations"]]


def require_accessible_on_a_phone(page: str, profile: Path, dark: bool) -> None:
    """Check a page with axe-core at 360 pixels; that axe-core runs shows in an image without a name that it finds."""
    with browser(profile, 360, 740, dark) as chrome:
        chrome.get(page)
        found = violations(chrome)
        width = chrome.execute_script("return document.documentElement.scrollWidth")
        paper = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")
        chrome.execute_script("document.body.append(document.createElement('img'))")
        seeded = violations(chrome, "img")

    assert [] == found
    assert 360 == width
    assert (max(map(int, paper[4:-1].split(","))) < 64) is dark
    assert "image-alt" in [name for name, _ in seeded]
