"""``FollowedFile``: the value follows the file, survives an unusable one, and nobody waits long for it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from linear_regressor.errors import ArtefactError, LinearRegressorError
from linear_regressor.serving import followed_file
from linear_regressor.serving.followed_file import SECONDS_TO_WAIT, FollowedFile, SharedContent

INTERVAL = 0.5  # seconds


class FollowedText(FollowedFile[str]):
    """Follows a text file and records what happens.

    The text ``bad`` is unusable, ``slow`` waits for ``go_on``, and ``costly`` can be loaded at the second attempt.
    """

    def __init__(self, path: Path) -> None:
        self.events: list[tuple[str, ...]] = []
        self.go_on = threading.Event()
        self.reads = self.failures = 0
        self.is_short_of_memory = True
        super().__init__(path, self.read, self.parse, INTERVAL)

    def read(self, path: Path) -> bytes:
        """Read the file."""
        self.reads += 1
        if self.failures:
            self.failures -= 1
            raise ArtefactError("cannot be read")
        return path.read_bytes()

    def parse(self, content: bytes) -> str:
        """Load the text."""
        text = content.decode()
        if text == "costly" and self.is_short_of_memory:
            self.is_short_of_memory = False
            raise MemoryError
        if text == "bad":
            raise ArtefactError("bad text")
        if text == "slow":
            assert self.go_on.wait(10)
        return text

    def join(self) -> None:
        """Wait until no check is running."""
        for _ in range(1000):
            if self._check is None:
                return
            time.sleep(0.01)

    def replaced(self, previous: str, value: str) -> None:
        """Record both texts."""
        self.events.append((previous, value))

    def rejected(self, error: LinearRegressorError) -> None:
        """Record the error."""
        self.events.append((str(error),))


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FollowedText:
    """Return a followed file with the text ``first``, for whose checks every request waits."""
    monkeypatch.setattr(followed_file, "SECONDS_TO_WAIT", 20.0)
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
    """And only when somebody asks for it."""
    followed.path.write_text("second")
    followed.refresh()
    early = followed.current()
    time.sleep(INTERVAL + 0.05)
    unasked = followed.current()
    followed.refresh()

    assert ("first", "first", "second") == (early, unasked, followed.current())


def test_no_request_waits_long_for_a_slow_file(followed: FollowedText, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones wait for a short time; once the file is known to be slow, nobody waits until it is loaded."""
    monkeypatch.setattr(followed_file, "SECONDS_TO_WAIT", SECONDS_TO_WAIT)
    followed.path.write_text("slow")
    time.sleep(INTERVAL + 0.05)
    begin = time.monotonic()
    followed.refresh()
    waited, check = time.monotonic() - begin, followed._check
    begin = time.monotonic()
    for _ in range(1000):
        followed.refresh()
    meanwhile = followed.current(), followed.is_due, followed._check is check is not None
    waited_again = time.monotonic() - begin
    followed.go_on.set()
    followed.join()

    assert ("first", False, True) == meanwhile
    assert SECONDS_TO_WAIT <= waited < SECONDS_TO_WAIT + 5
    assert waited_again < SECONDS_TO_WAIT
    assert "slow" == followed.current()


def test_requests_that_come_during_a_check_wait_for_its_result(followed: FollowedText) -> None:
    """A key that was revoked an hour ago must not be accepted because another request came first."""
    followed.path.write_text("quick")
    time.sleep(INTERVAL + 0.05)
    values: list[str] = []

    def ask() -> None:
        followed.refresh()
        values.append(followed.current())

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["quick"] * 20 == values


def rewrite(path: Path, text: str) -> None:
    """Change the content in place, keeping size and modification time."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (before.st_size, before.st_mtime_ns, before.st_ino) == (
        path.stat().st_size, path.stat().st_mtime_ns, path.stat().st_ino)


@pytest.mark.parametrize("pause", [0.0, 1.1], ids=["at_once", "later"])
def test_a_change_in_place_of_equal_size_and_time_is_noticed(followed: FollowedText, pause: float) -> None:
    """As ``cp -p`` makes it, also within one tick of the file system's clock."""
    for text in ("other", "third", "fifth"):
        time.sleep(pause)
        followed.check()
        rewrite(followed.path, text)
        followed.check()

        assert text == followed.current()


def test_a_replacement_of_equal_size_and_time_is_noticed(followed: FollowedText) -> None:
    """As ``mv`` makes it."""
    time.sleep(1.1)
    followed.check()
    before, other = followed.path.stat(), followed.path.with_name("other")
    other.write_text("other")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(followed.path)
    followed.check()

    assert "other" == followed.current()


def test_an_unchanged_file_is_read_again_only_until_it_has_settled(followed: FollowedText) -> None:
    """Afterwards its time stamps tell."""
    time.sleep(1.1)
    followed.check()
    reads = followed.reads
    for _ in range(10):
        followed.check()

    assert reads == followed.reads
    assert reads >= 1


def test_a_file_that_could_not_be_read_for_a_while_is_loaded(followed: FollowedText) -> None:
    """Though its time stamps stay what they were while it could not be read."""
    followed.path.write_text("second")
    followed.failures = 3
    for _ in range(2):
        followed.check()
        time.sleep(1.1)
    followed.check()
    unreadable = followed.current()
    followed.check()

    assert ("first", "second") == (unreadable, followed.current())
    assert [("cannot be read",), ("first", "second")] == followed.events


def test_a_file_whose_loading_was_interrupted_is_loaded_by_the_next_check(followed: FollowedText) -> None:
    """Of this process or another one: what was read counts as known only once it was published or rejected."""
    followed.path.write_text("costly")
    with pytest.raises(MemoryError):
        followed.check()
    followed.check()

    assert ("costly", [("first", "costly")]) == (followed.current(), followed.events)


def test_processes_forked_later_share_the_newest_content(tmp_path: Path) -> None:
    """The content that one of them published is what all others return, whatever the file is now."""
    first, second = SharedContent(b"first", 1, 0), SharedContent(b"", 1, 0)
    versions = [first.publish(text) for text in (b"second" * 1000, b"", b"third")]

    assert ([2, 3, 4], (4, b"third"), (1, b"")) == (versions, first.read(), second.read())


def test_a_pipe_or_device_in_place_of_the_file_is_rejected(followed: FollowedText) -> None:
    """Reading it would not end, so the file that follows would never be loaded."""
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("/dev/tty")):
        followed.path.unlink()
        make(followed.path)
        time.sleep(INTERVAL + 0.05)
        followed.refresh()
        assert not followed._check  # it has ended

    assert [(f"{followed.path} is not a file",)] == followed.events
    followed.path.unlink()
    followed.path.write_text("second")
    followed.check()

    assert "second" == followed.current()


def test_a_request_survives_that_no_thread_can_be_started(followed: FollowedText) -> None:
    """And the file is checked when one can."""
    followed.path.write_text("second")
    time.sleep(INTERVAL + 0.05)
    usual = threading.stack_size(1 << 46)  # more than there is address space
    try:
        for _ in range(2):
            followed.refresh()
    finally:
        threading.stack_size(usual)
    before = followed.current()
    followed.refresh()

    assert ("first", "second") == (before, followed.current())
