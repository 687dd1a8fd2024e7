"""Take the picture of the page that docs/page.md shows, of a server of the committed model."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from selenium.webdriver.common.by import By  # noqa: E402  # after the path: the tests' own browser and server are used
from selenium.webdriver.common.keys import Keys  # noqa: E402  # as above
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402  # as above

from tests.chromium import MISSING, browser  # noqa: E402  # as above
from tests.running_server import start  # noqa: E402  # as above

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
