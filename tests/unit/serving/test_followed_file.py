"""``FollowedFile``: the value follows the file, in one thread at a time, and survives an unusable file."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from linear_regressor.errors import ArtefactError, LinearRegressorError
from linear_regressor.serving.followed_file import FollowedFile

INTERVAL = 0.5  # seconds


class FollowedText(FollowedFile[str]):
    """Follows a text file and records what happens; the text ``bad`` is unusable, ``slow`` waits for ``go_on``."""

    def __init__(self, path: Path) -> None:
        self.events: list[tuple[str, ...]] = []
        self.loading, self.go_on = threading.Event(), threading.Event()
        super().__init__(path, self.read, INTERVAL)

    def read(self, path: Path) -> str:
        """Load the text."""
        text = path.read_text()
        if text == "bad":
            raise ArtefactError("bad text")
        if text == "slow":
            self.loading.set()
            assert self.go_on.wait(10)
        return text

    def replaced(self, previous: str, value: str) -> None:
        """Record both texts."""
        self.events.append((previous, value))

    def rejected(self, error: LinearRegressorError) -> None:
        """Record the error."""
        self.events.append((str(error),))


@pytest.fixture
def followed(tmp_path: Path) -> FollowedText:
    """Return a followed file with the text ``first``."""
    (tmp_path / "file").write_text("first")
    return FollowedText(tmp_path / "file")


def test_each_change_is_loaded_and_reported_once(followed: FollowedText) -> None:
    """An unusable file keeps the value and is reported once, too."""
    values = []
    for text in ("first", "second", "bad", "third is longer"):
        followed.path.write_text(text)
        for _ in range(3):
            followed.check()
        values.append(followed.current())

    assert ["first", "second", "second", "third is longer"] == values
    assert [("first", "second"), ("bad text",), ("second", "third is longer")] == followed.events[-3:]


def test_the_file_is_checked_at_most_once_per_interval(followed: FollowedText) -> None:
    """And when the value is used, without a thread."""
    followed.path.write_text("second")
    early = followed.current()
    time.sleep(INTERVAL + 0.05)

    assert ("first", "second") == (early, followed.current())


def test_one_thread_loads_while_others_get_the_previous_value(followed: FollowedText) -> None:
    """Nobody waits for a slow load."""
    followed.path.write_text("slow")
    time.sleep(INTERVAL + 0.05)
    values: list[str] = []
    loader = threading.Thread(target=lambda: values.append(followed.current()))
    loader.start()
    assert followed.loading.wait(10)
    meanwhile = [followed.current() for _ in range(100)]
    followed.go_on.set()
    loader.join()

    assert ({"first"}, ["slow"], "slow") == (set(meanwhile), values, followed.current())
