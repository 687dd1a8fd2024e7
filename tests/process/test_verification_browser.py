"""The page of ``verify --html`` in a real browser: accessible, on a phone, by keyboard, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.chromium import MISSING, browser, log, needs_axe, requested_urls, require_accessible_on_a_phone
from tests.command_line import run_process
from tests.unit.verification.test_planted_faults import DECLARED, draw, text, write

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a page with errors and warnings, all figures, cleaning steps and a second data set."""
    folder = tmp_path_factory.mktemp("verified")
    schema = DECLARED.to_yaml() + "cleaning:\n- drop_missing: {columns: [weight]}\n"
    (folder / "schema.yaml").write_text(schema)
    write(folder / "old.csv", draw(0))
    done = run_process("verify", folder / "old.csv", "--schema", folder / "schema.yaml", "--learn")
    assert 0 == done.returncode, done.stderr
    columns = draw(1)
    columns["height"] = text(np.array(columns["height"], float) / 2.54)
    columns["mood"] = np.random.default_rng(5).permutation(columns["mood"]).tolist()
    columns["weight"][::4] = [""] * 250
    columns[f"a{'very' * 30}longname"] = text(np.random.default_rng(6).normal(size=1000))
    write(folder / "new.csv", columns)
    write(folder / "test.csv", draw(2))
    done = run_process("verify", folder / "new.csv", "--schema", folder / "schema.yaml", "--against",
                       folder / "test.csv", "--html", folder / "page.html")
    assert 5 == done.returncode, done.stderr
    return f"file://{folder / 'page.html'}"


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start one browser for the tests that do not need a special one."""
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@needs_axe
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_and_a_phone_needs_no_sideways_scrolling(tmp_path: Path, page: str, dark: bool) -> None:
    """At 360 pixels, light and dark, with all tables open; axe would find an image without a name."""
    require_accessible_on_a_phone(page, tmp_path / "profile", dark)


def test_nothing_is_blocked_loaded_or_run(chrome: Chrome, page: str) -> None:
    """No violation of the Content-Security-Policy, which allows the page's own style only."""
    log(chrome, "performance"), log(chrome, "browser")
    chrome.get(page)
    asked = [url for url in requested_urls(chrome) if not url.startswith(("data:", "chrome:", "about:"))]

    assert [page] == asked
    assert [] == [entry["message"] for entry in log(chrome, "browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert [] == chrome.find_elements(By.TAG_NAME, "script")
    colours = [chrome.find_element(By.CSS_SELECTOR, f"svg .{css}").value_of_css_property("fill")
               for css in ("now", "changed")]
    assert len(set(colours)) == 2 and "rgb(0, 0, 0)" not in colours
    blocked = chrome.execute_script(
        "const made = document.createElement('p'); made.setAttribute('style', 'color: red');"
        " document.body.append(made);"
        " return getComputedStyle(made).color")
    assert "rgb(255, 0, 0)" != blocked


def test_parts_and_figures_have_names_and_descriptions(chrome: Chrome, page: str) -> None:
    """Sections by severity; each figure has a name, a description and a table."""
    chrome.get(page)
    sections = [each.accessible_name for each in chrome.find_elements(By.CSS_SELECTOR, "section")]
    assert sections == ["Data", "Data Errors", "Data Warnings", "Data Cleaning", "Data Columns and missing values",
                        "Data Relations of columns", "Data Values, column by column", "Data of --against",
                        "Data of --against Cleaning", "Data of --against Columns and missing values",
                        "Data of --against Values, column by column"]
    figures = chrome.find_elements(By.CSS_SELECTOR, "svg[role=img]")
    names = [figure.accessible_name for figure in figures]
    assert "Rank correlations" in names and {"Distribution of height", "Distribution of height, --against"} < set(names)
    assert len(names) == len(set(names)) == len(chrome.find_elements(By.CSS_SELECTOR, "figure details table"))
    for figure in figures:
        described = chrome.find_element(By.ID, figure.get_attribute("aria-describedby") or "")
        assert len(described.get_attribute("textContent") or "") > 60


def test_a_finding_leads_to_its_figure_by_keyboard(chrome: Chrome, page: str) -> None:
    """Tab reaches the link, visibly; Enter shows the figure."""
    chrome.get(page)
    focused = chrome.find_element(By.TAG_NAME, "body")
    for _ in range(40):
        focused.send_keys(Keys.TAB)
        focused = chrome.switch_to.active_element
        if focused.text == "Figure of height":
            break

    assert "Figure of height" == focused.text
    assert "none" != focused.value_of_css_property("outline-style")
    focused.send_keys(Keys.ENTER)
    target = chrome.find_element(By.CSS_SELECTOR, "svg:target")
    assert "Distribution of height" == target.accessible_name
    assert chrome.execute_script("const box = arguments[0].getBoundingClientRect();"
                                 " return box.top >= 0 && box.bottom <= innerHeight", target)
