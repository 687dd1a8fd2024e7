"""The page in a real browser: what it shows is what the service answers, for everybody."""

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
    """Start one server for all tests of this file that need no other."""
    started = start(COMMITTED)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start one browser for all tests of this file that need no other."""
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def chrome(one_browser: Chrome) -> Chrome:
    """Give the browser with nothing in its logs."""
    one_browser.get("about:blank")
    errors(one_browser)
    requested_urls(one_browser)
    return one_browser


def open_page(chrome: Chrome, server: RunningServer, path: str = "/") -> None:
    """Go to a page of the server and, where it has a form, wait for its first answer."""
    chrome.get(f"http://127.0.0.1:{server.port}{path}")
    if chrome.find_elements(By.ID, "try"):
        wait_for_answer(chrome, 1)


def wait_for_answer(chrome: Chrome, least: int) -> None:
    """Wait until so many questions were asked and the last one is answered."""
    WebDriverWait(chrome, 10).until(
        lambda page: int(page.find_element(By.ID, "try").get_attribute("data-answered") or 0) >= least)


def text(chrome: Chrome, name: str) -> str:
    """Read an element."""
    return chrome.find_element(By.ID, name).text


def answered(server: RunningServer, instance: Any) -> dict[str, Any]:
    """Ask the service what the page asks."""
    body = {"instance": instance, "parameters": {"interval": 0.95, "range": 0.99}}
    answer: dict[str, Any] = json.loads(server.request("POST", "/stream", json.dumps(body).encode())[1])
    return answer


def press(chrome: Chrome, name: str, *keys: str) -> None:
    """Press keys in a field and wait for the answer to the last one."""
    before = int(chrome.find_element(By.ID, "try").get_attribute("data-answered") or 0)
    chrome.find_element(By.ID, name).send_keys(*keys)
    wait_for_answer(chrome, before + 1)


def errors(chrome: Chrome) -> list[str]:
    """Give what the console says of errors and refusals by the policy."""
    return [entry["message"] for entry in log(chrome, "browser") if entry["level"] in ("SEVERE", "WARNING")]


def test_the_slider_moves_the_numbers_by_keyboard(chrome: Chrome, server: RunningServer) -> None:
    """Each key asks the service, and the page says what it answers."""
    open_page(chrome, server)
    for keys in ((Keys.ARROW_RIGHT,), (Keys.PAGE_UP,), (Keys.HOME,), (Keys.END,)):
        press(chrome, "slide-0", *keys)
        x = float(chrome.find_element(By.ID, "field-0").get_attribute("value") or "nan")
        told = answered(server, x)

        assert told["prediction"] == pytest.approx(float(text(chrome, "prediction")), rel=1e-4)
        ends = [float(word) for word in text(chrome, "interval").split()[1::2]]
        assert told["interval"] == pytest.approx(ends, rel=1e-4)
        assert ("No" if told["out_of_range"] else "Yes") == text(chrome, "range").split(":")[0]
    assert "out of the range" in text(chrome, "range")
    assert "outside" in (chrome.find_element(By.CSS_SELECTOR, ".marker").get_attribute("class") or "")
    assert [] == errors(chrome)


def test_the_marker_lies_on_the_line(chrome: Chrome, server: RunningServer) -> None:
    """Script and server agree on where a value is drawn."""
    open_page(chrome, server)
    press(chrome, "slide-0", Keys.END)
    points = (chrome.find_element(By.CSS_SELECTOR, ".line").get_attribute("points") or "").split()
    circle = chrome.find_element(By.CSS_SELECTOR, ".marker circle")
    place = [float(circle.get_attribute(name) or "nan") for name in ("cx", "cy")]

    assert [float(value) for value in points[-1].split(",")] == pytest.approx(place, abs=0.1)


def test_a_number_that_is_typed_counts_as_it_is(chrome: Chrome, server: RunningServer) -> None:
    """The field takes what the slider cannot reach; none at all is said in words."""
    open_page(chrome, server)
    press(chrome, "field-0", Keys.CONTROL + "a" + Keys.NULL + "0.0123456")

    assert answered(server, 0.0123456)["prediction"] == pytest.approx(float(text(chrome, "prediction")), rel=1e-4)

    press(chrome, "field-0", Keys.CONTROL + "a" + Keys.NULL + Keys.BACKSPACE)

    assert "needs a number" in text(chrome, "failure")
    assert "–" == text(chrome, "prediction")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_nothing_leaves_the_origin_of_the_server(chrome: Chrome, server: RunningServer, path: str) -> None:
    """Every request goes to the server, and the policy refuses nothing that a page has."""
    open_page(chrome, server, path)
    asked = [url for url in requested_urls(chrome) if not url.startswith(("data:", "chrome:", "about:"))]

    assert asked
    assert [] == [url for url in asked if not url.startswith(f"http://127.0.0.1:{server.port}/")]
    assert [] == errors(chrome)


@pytest.mark.parametrize("path", ["/", "/docs"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(tmp_path: Path, server: RunningServer, path: str, dark: bool) -> None:
    """360 pixels are enough, by day and by night."""
    with browser(tmp_path / "phone", 360, 740, dark) as chrome:
        open_page(chrome, server, path)
        width = chrome.execute_script("return document.documentElement.scrollWidth")
        paper = chrome.execute_script("return getComputedStyle(document.body).backgroundColor")

    assert 360 == width
    assert (max(map(int, paper[4:-1].split(","))) < 64) is dark


def test_every_field_and_figure_has_a_name(chrome: Chrome, server: RunningServer) -> None:
    """What a screen reader would say, the browser computes."""
    open_page(chrome, server)
    for element in chrome.find_elements(By.CSS_SELECTOR, "input, svg, section, nav"):
        assert element.accessible_name, element.get_attribute("outerHTML")
    assert "polite" == chrome.find_element(By.ID, "answer").get_attribute("aria-live")


def test_the_first_key_skips_to_the_content(chrome: Chrome, server: RunningServer) -> None:
    """And focus can be seen."""
    open_page(chrome, server)
    chrome.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    focused = chrome.switch_to.active_element

    assert "Skip to the content" == focused.text
    assert "none" != focused.value_of_css_property("outline-style")


def test_text_stands_out_from_its_background(tmp_path: Path, server: RunningServer) -> None:
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
    """Give the contrast of two colours as WCAG defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Give the relative luminance of ``#rrggbb``."""
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_several_features_have_a_figure_and_a_slider_each(plane: Artefact, chrome: Chrome, tmp_path: Path,
                                                          start_server: StartServer) -> None:
    """The others stay where they are."""
    save(plane, tmp_path / "plane.joblib", {})
    server = start_server("--model-path", str(tmp_path / "plane.joblib"))
    open_page(chrome, server)
    press(chrome, "slide-1", Keys.END)
    row = [float(chrome.find_element(By.ID, f"field-{number}").get_attribute("value") or "nan") for number in range(3)]

    assert 3 == len(chrome.find_elements(By.TAG_NAME, "svg"))
    assert answered(server, row)["prediction"] == pytest.approx(float(text(chrome, "prediction")), rel=1e-4)


def test_a_value_that_the_server_refuses_is_told_with_the_reason(chrome: Chrome, start_server: StartServer) -> None:
    """A policy that refuses rows out of range leaves no number behind."""
    server = start_server(environment={"OUT_OF_RANGE": "refuse"})
    open_page(chrome, server)
    press(chrome, "slide-0", Keys.END)

    assert "out of the range of the training rows" in text(chrome, "failure")
    assert "–" == text(chrome, "prediction")


def test_a_page_that_needs_a_key_says_so_and_keeps_it_nowhere(chrome: Chrome, tmp_path: Path,
                                                              start_server: StartServer) -> None:
    """Without it no answer; with it the answer; after leaving it is gone."""
    key, file = generate_key(), tmp_path / "keys.json"
    write_keys(file, [StoredKey("reader", key_digest(key).hex(), ("predict",))])
    server = start_server(environment={"AUTH": "api-key", "API_KEYS_FILE": str(file)})
    chrome.get(f"http://127.0.0.1:{server.port}/")
    press(chrome, "slide-0", Keys.ARROW_RIGHT)

    assert "Enter a key" in text(chrome, "failure")

    press(chrome, "key", key)
    wait = WebDriverWait(chrome, 10)
    wait.until(lambda page: "–" != text(page, "prediction"))

    assert float(text(chrome, "prediction"))
    assert [0, 0, ""] == chrome.execute_script("return [localStorage.length, sessionStorage.length, document.cookie]")

    chrome.refresh()

    assert "" == chrome.find_element(By.ID, "key").get_attribute("value")
