"""The page in a real browser: it shows what the service responds, and is accessible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from tests.chromium import MISSING, browser, log, requested_urls
from tests.running_server import ROOT, RunningServer, start

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

StartServer = Callable[..., RunningServer]

COMMITTED = ROOT / "models" / "simple_linear_regressor.joblib"


@pytest.fixture
def model_path() -> Path:
    """Serve the committed model."""
    return COMMITTED


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """Start one server for all tests of this module that do not need a special one."""
    started = start(COMMITTED)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start one browser for all tests of this module that do not need a special one."""
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def chrome(one_browser: Chrome) -> Chrome:
    """Return the browser with empty logs."""
    one_browser.get("about:blank")
    errors(one_browser)
    requested_urls(one_browser)
    return one_browser


def open_page(chrome: Chrome, server: RunningServer, path: str = "/") -> None:
    """Open a page and, if it has the form, wait for the first response."""
    chrome.get(f"http://127.0.0.1:{server.port}{path}")
    if chrome.find_elements(By.ID, "try"):
        wait_for_answer(chrome, 1)


def wait_for_answer(chrome: Chrome, least: int) -> None:
    """Wait until at least so many requests were sent and the last one has its response."""
    WebDriverWait(chrome, 10).until(
        lambda page: int(page.find_element(By.ID, "try").get_attribute("data-answered") or 0) >= least)


def text(chrome: Chrome, name: str) -> str:
    """Return the text of an element."""
    return chrome.find_element(By.ID, name).text


def answered(server: RunningServer, instance: Any) -> dict[str, Any]:
    """Send the request that the page sends."""
    body = {"instance": instance, "parameters": {"interval": 0.95, "range": 0.99}}
    answer: dict[str, Any] = json.loads(server.request("POST", "/stream", json.dumps(body).encode())[1])
    return answer


def press(chrome: Chrome, name: str, *keys: str) -> None:
    """Press keys in a field and wait for the response to the last one."""
    before = int(chrome.find_element(By.ID, "try").get_attribute("data-answered") or 0)
    chrome.find_element(By.ID, name).send_keys(*keys)
    wait_for_answer(chrome, before + 1)


def errors(chrome: Chrome) -> list[str]:
    """Return errors and policy violations from the console."""
    return [entry["message"] for entry in log(chrome, "browser") if entry["level"] in ("SEVERE", "WARNING")]


def test_the_slider_moves_the_numbers_by_keyboard(chrome: Chrome, server: RunningServer) -> None:
    """Each key sends a request, and the page shows the response."""
    open_page(chrome, server)
    for keys in ((Keys.ARROW_RIGHT,), (Keys.PAGE_UP,), (Keys.HOME,), (Keys.END,)):
        press(chrome, "slide-0", *keys)
        x = float(chrome.find_element(By.ID, "field-0").get_attribute("value") or "nan")
        answer = answered(server, x)

        assert answer["prediction"] == pytest.approx(float(text(chrome, "prediction")), rel=1e-4)
        ends = [float(word) for word in text(chrome, "interval").split(" to ")]
        assert answer["interval"] == pytest.approx(ends, rel=1e-4)
        assert ("No" if answer["out_of_range"] else "Yes") == text(chrome, "out_of_range").split(":")[0]
    assert "out of the training range" in text(chrome, "out_of_range")
    assert "outside" in (chrome.find_element(By.CSS_SELECTOR, ".marker").get_attribute("class") or "")
    assert [] == errors(chrome)


def test_the_marker_lies_on_the_line(chrome: Chrome, server: RunningServer) -> None:
    """Script and server draw a value at the same place."""
    open_page(chrome, server)
    press(chrome, "slide-0", Keys.END)
    points = (chrome.find_element(By.CSS_SELECTOR, ".line").get_attribute("points") or "").split()
    circle = chrome.find_element(By.CSS_SELECTOR, ".marker circle")
    place = [float(circle.get_attribute(name) or "nan") for name in ("cx", "cy")]

    assert [float(value) for value in points[-1].split(",")] == pytest.approx(place, abs=0.1)


def test_a_typed_number_is_sent_unchanged(chrome: Chrome, server: RunningServer) -> None:
    """The field accepts numbers that the slider cannot reach; an empty field gets a message."""
    open_page(chrome, server)
    press(chrome, "field-0", Keys.CONTROL + "a" + Keys.NULL + "0.0123456")

    assert answered(server, 0.0123456)["prediction"] == pytest.approx(float(text(chrome, "prediction")), rel=1e-4)

    press(chrome, "field-0", Keys.CONTROL + "a" + Keys.NULL + Keys.BACKSPACE)

    assert "needs a number" in text(chrome, "failure")
    assert "–" == text(chrome, "prediction")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_nothing_leaves_the_origin_of_the_server(chrome: Chrome, server: RunningServer, path: str) -> None:
    """Every request goes to the server, and the Content-Security-Policy blocks nothing."""
    open_page(chrome, server, path)
    asked = [url for url in requested_urls(chrome) if not url.startswith(("data:", "chrome:", "about:"))]

    assert asked
    assert [] == [url for url in asked if not url.startswith(f"http://127.0.0.1:{server.port}/")]
    assert [] == errors(chrome)


@pytest.mark.parametrize("path", ["/", "/docs"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(tmp_path: Path, server: RunningServer, path: str, dark: bool) -> None:
    """A width of 360 pixels is enough, light and dark."""
    with browser(tmp_path / "phone", 360, 740, dark) as chrome:
        open_page(chrome, server, path)
        width = chrome.execute_script("return document.documentElement.scrollWidth")
        paper = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")

    assert 360 == width
    assert (max(map(int, paper[4:-1].split(","))) < 64) is dark


def test_every_field_and_figure_has_a_name(chrome: Chrome, server: RunningServer) -> None:
    """The browser computes accessible names as a screen reader would."""
    open_page(chrome, server)
    elements = chrome.find_elements(By.CSS_SELECTOR, "input, svg, section, nav")
    assert {"input", "svg", "section", "nav"} == {element.tag_name for element in elements}
    for element in elements:
        assert element.accessible_name, element.get_attribute("outerHTML")
    assert "polite" == chrome.find_element(By.ID, "answer").get_attribute("aria-live")


def test_the_first_tab_stop_skips_to_the_content(chrome: Chrome, server: RunningServer) -> None:
    """The focus is visible."""
    open_page(chrome, server)
    chrome.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    focused = chrome.switch_to.active_element

    assert "Skip to the content" == focused.text
    assert "none" != focused.value_of_css_property("outline-style")


def test_text_has_enough_contrast(tmp_path: Path, server: RunningServer) -> None:
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3), light and dark."""
    for dark in (False, True):
        with browser(tmp_path / f"contrast-{dark}", dark=dark) as chrome:
            open_page(chrome, server)
            colours = chrome.execute_script(
                "const at = (name) => { const probe = document.createElement('canvas').getContext('2d');"
                " probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);"
                " return probe.fillStyle; };"
                "return Object.fromEntries(['--paper', '--raised', '--ink', '--soft', '--accent', '--warn', '--good']"
                ".map((name) => [name, at(name)]));")
        for ground in ("--paper", "--raised"):
            for ink in ("--ink", "--soft", "--accent", "--warn", "--good"):
                assert contrast(colours[ground], colours[ink]) >= 4.5, (ground, ink, dark)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``."""
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_several_features_have_a_figure_and_a_slider_each(plane: Artefact, chrome: Chrome, tmp_path: Path,
                                                          start_server: StartServer) -> None:
    """A slider changes its own feature only."""
    save(plane, tmp_path / "plane.joblib", {})
    server = start_server("--model-path", str(tmp_path / "plane.joblib"))
    open_page(chrome, server)
    press(chrome, "slide-1", Keys.END)
    row = [float(chrome.find_element(By.ID, f"field-{number}").get_attribute("value") or "nan") for number in range(3)]

    assert 3 == len(chrome.find_elements(By.TAG_NAME, "svg"))
    assert answered(server, row)["prediction"] == pytest.approx(float(text(chrome, "prediction")), rel=1e-4)


def test_a_rejected_value_is_shown_with_the_reason(chrome: Chrome, start_server: StartServer) -> None:
    """The page clears the prediction when the server rejects a row out of range."""
    server = start_server(environment={"OUT_OF_RANGE": "refuse"})
    open_page(chrome, server)
    press(chrome, "slide-0", Keys.END)

    assert "out of the range of the training data" in text(chrome, "failure")
    assert "–" == text(chrome, "prediction")


def test_the_page_asks_for_a_key_and_stores_it_nowhere(chrome: Chrome, tmp_path: Path,
                                                       start_server: StartServer) -> None:
    """The key is needed for a prediction, and is gone after a reload."""
    key, file = generate_key(), tmp_path / "keys.json"
    write_keys(file, [StoredKey("reader", key_digest(key).hex(), ("predict",))])
    server = start_server(environment={"AUTH": "api-key", "API_KEYS_FILE": str(file)})
    chrome.get(f"http://127.0.0.1:{server.port}/")
    press(chrome, "slide-0", Keys.ARROW_RIGHT)

    assert "Enter a key" in text(chrome, "failure")

    press(chrome, "key", "\u201cx\u201d")
    wait = WebDriverWait(chrome, 10)
    wait.until(lambda page: "that no key has" in text(page, "failure"))
    chrome.find_element(By.ID, "key").clear()
    press(chrome, "key", key)
    wait.until(lambda page: "–" != text(page, "prediction"))

    assert float(text(chrome, "prediction"))
    assert [0, 0, ""] == chrome.execute_script("return [localStorage.length, sessionStorage.length, document.cookie]")

    chrome.refresh()

    assert "" == chrome.find_element(By.ID, "key").get_attribute("value")
