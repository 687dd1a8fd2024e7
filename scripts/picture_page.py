"""Write docs/page.png: a screenshot of the page with the committed model."""

import sys
import tempfile
from pathlib import Path

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from tests.chromium import MISSING, browser
from tests.running_server import ROOT, start

WIDTH, HEIGHT = 1100, 1480

if __name__ == "__main__":
    if MISSING:
        sys.exit(MISSING)
    server = start(ROOT / "models" / "simple_linear_regressor.joblib")
    try:
        with tempfile.TemporaryDirectory() as profile, browser(Path(profile), WIDTH, HEIGHT) as chrome:
            chrome.get(f"http://127.0.0.1:{server.port}/")
            chrome.find_element(By.ID, "slide-0").send_keys(Keys.PAGE_UP, Keys.ARROW_RIGHT)
            WebDriverWait(chrome, 10).until(lambda page: "…" not in page.find_element(By.ID, "prediction").text)
            WebDriverWait(chrome, 10).until(
                lambda page: int(page.find_element(By.ID, "try").get_attribute("data-answered") or 0) > 1)
            chrome.execute_script("document.activeElement.blur()")
            chrome.save_screenshot(str(ROOT / "docs" / "page.png"))
    finally:
        server.stop()
