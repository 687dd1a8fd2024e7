"""The page of monitoring, and the report file, in a real browser: accessible, on a phone, by keyboard, in the dark."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from linear_regressor.artefact.history import ModelHistory
from tests.chromium import MISSING, browser, log, needs_axe, requested_urls, require_accessible_on_a_phone
from tests.command_line import run_process
from tests.monitored import drifted, model
from tests.running_server import start

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, feedback and traffic that have changed; the same model as the second one of a folder."""
    made = tmp_path_factory.mktemp("monitored")
    champion = drifted(made, np.random.default_rng(1), ("ann", "bob", "eve"))
    history = ModelHistory.of(str(made / "models"))
    for one in (model(np.random.default_rng(2)), champion):
        history.add(one, {"code_commit": "0123456789" * 4, "data_location": f"gs://bucket/{'long/' * 20}rows.parquet"})
        history.promote(history.promotions().next("promote", one, by="ann", reasons=["it is better"]))
    return made


@pytest.fixture(scope="module")
def pages(folder: Path) -> Iterator[dict[str, str]]:
    """URLs of the page of a server, of a report file, and of one of a model with history."""
    done = run_process("monitor", "--model-path", folder / "model.joblib", "--store",
                       f"sqlite:///{folder / 'feedback.db'}", "--traffic", folder / "traffic", "--html",
                       folder / "report.html")
    assert 3 == done.returncode, done.stderr
    done = run_process("monitor", "--model-path", folder / "models", "--html", folder / "history.html")
    assert 0 == done.returncode, done.stderr
    server = start(folder / "model.joblib", environment={
        "STORE": f"sqlite:///{folder / 'feedback.db'}", "TRAFFIC_FOLDER": str(folder / "traffic")})
    deadline = time.monotonic() + 30  # the first report may take longer than the server lets a request wait
    while server.request("GET", "/v1/monitoring")[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    yield {"page": f"http://127.0.0.1:{server.port}/monitoring", "file": f"file://{folder / 'report.html'}",
           "history": f"file://{folder / 'history.html'}"}
    server.stop()


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start one browser for all tests of this module that do not need a special one."""
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def chrome(one_browser: Chrome) -> Chrome:
    """Return the browser with empty logs."""
    one_browser.get("about:blank")
    for name in ("browser", "performance"):
        log(one_browser, name)
    return one_browser


@needs_axe
@pytest.mark.parametrize("kind", ["page", "file", "history"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(tmp_path: Path, pages: dict[str, str], kind: str,
                                                                   dark: bool) -> None:
    """At 360 pixels, light and dark, with all tables open; axe would find an image without a name."""
    require_accessible_on_a_phone(pages[kind], tmp_path / "profile", dark)


@pytest.mark.parametrize("kind", ["page", "file"])
def test_nothing_is_blocked_and_nothing_else_is_loaded(chrome: Chrome, pages: dict[str, str], kind: str) -> None:
    """No violation of the Content-Security-Policy, and styles apply."""
    chrome.get(pages[kind])
    asked = [url for url in requested_urls(chrome) if not url.startswith(("data:", "chrome:", "about:"))]
    origin = pages[kind].removesuffix("monitoring")

    assert asked and [] == [url for url in asked if not url.startswith(origin)]
    assert [] == [entry["message"] for entry in log(chrome, "browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert "none" == chrome.find_element(By.CSS_SELECTOR, "svg .line").value_of_css_property("fill")
    blocked = chrome.execute_script(
        "const made = document.createElement('p'); made.setAttribute('style', 'color: red');"
        " document.body.append(made);"
        " return getComputedStyle(made).color")
    assert "rgb(255, 0, 0)" != blocked


@pytest.mark.parametrize("kind", ["page", "file"])
def test_figures_have_names_descriptions_and_tables(chrome: Chrome, pages: dict[str, str], kind: str) -> None:
    """Errors, coverage, the evidence of both tests, and two features."""
    chrome.get(pages[kind])
    figures = chrome.find_elements(By.TAG_NAME, "svg")

    assert ["Errors of sales over time", "Coverage of the 90 % intervals over time",
            "Evidence that the line has changed", "Evidence that the intervals miss too often",
            "Distribution of price", "Distribution of age"] == [figure.accessible_name for figure in figures]
    for figure in figures:
        described = chrome.find_element(By.ID, figure.get_attribute("aria-describedby") or "")
        assert len(described.get_attribute("textContent") or "") > 60
    tables = chrome.find_elements(By.CSS_SELECTOR, "figure details table")
    assert 6 == len(tables)
    assert all(len(table.find_elements(By.CSS_SELECTOR, "tbody tr")) >= 10 for table in tables)
    assert 2 == len(chrome.find_elements(By.CSS_SELECTOR, "svg .change"))


def test_the_lineage_is_a_section_with_two_tables(chrome: Chrome, pages: dict[str, str]) -> None:
    """Decisions and ancestors; each table is in a named region that can be scrolled by keyboard."""
    chrome.get(pages["history"])
    section = chrome.find_element(By.CSS_SELECTOR, "section[aria-labelledby=lineage-title]")
    regions = section.find_elements(By.CSS_SELECTOR, "[role=region]")

    assert "Lineage" == section.accessible_name
    assert ["Decisions on this model, table", "Ancestors, table"] == [each.accessible_name for each in regions]
    assert ["0", "0"] == [each.get_attribute("tabindex") for each in regions]
    assert [1, 1] == [len(each.find_elements(By.CSS_SELECTOR, "tbody tr")) for each in regions]


@pytest.mark.parametrize("kind", ["page", "file"])
def test_tables_open_by_keyboard(chrome: Chrome, pages: dict[str, str], kind: str) -> None:
    """Tab reaches the summary of a figure's table, visibly, and Enter opens it."""
    chrome.get(pages[kind])
    body = chrome.find_element(By.TAG_NAME, "body")
    for _ in range(40):
        body.send_keys(Keys.TAB)
        focused = chrome.switch_to.active_element
        body = focused
        if focused.tag_name == "summary":
            break

    assert "Errors of sales over time as a table" == focused.text
    assert "none" != focused.value_of_css_property("outline-style")
    focused.send_keys(Keys.ENTER)
    assert chrome.find_element(By.CSS_SELECTOR, "figure details").get_attribute("open")


def test_the_page_says_what_to_do(chrome: Chrome, pages: dict[str, str]) -> None:
    """Alarms, the model in use, that there is no history, and that it shows one instance."""
    chrome.get(pages["page"])
    text = chrome.find_element(By.TAG_NAME, "main").text

    for words in ("alarms in", "then retrain on the rows since", "This report is of one instance", "Model in use",
                  "The model is a single file", "sales"):
        assert words in text
