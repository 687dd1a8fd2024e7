"""Metrics of several workers while the file system in which they count is full, and damaged files in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linear_regressor.serving.observability.metrics import CountFile
from tests.running_server import ROOT, RunningServer, free_port
from tests.scraping import Scraped, lines, scrape

BODY = b'{"instances": [[0.5], [1.5]]}'
Start = Callable[..., RunningServer]


@contextmanager
def server_with_small_memory(model_path: Path, log: Path, kilobytes: int, full: bool) -> Iterator[RunningServer]:
    """Serve with two workers that have nothing but a small tmpfs for temporary files."""
    prepare = (f"mount -t tmpfs -o size={kilobytes}k tmpfs /dev/shm\n"
               # Python looks for another folder if it cannot write four bytes, so one page is left.
               + (f"dd if=/dev/zero of=/dev/shm/filler bs=4k count={kilobytes // 4 - 1} 2>/dev/null\n" if full else ""))
    with server_with_own_mounts(model_path, log, prepare, workers=2) as server:
        deadline = time.monotonic() + 20
        while len(server.workers()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield server


@contextmanager
def server_with_own_mounts(model_path: Path, log: Path, prepare: str, workers: int) -> Iterator[RunningServer]:
    """Serve after mounting temporary folders that only this server sees."""
    trial = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]
    if subprocess.run(trial, capture_output=True).returncode != 0:
        pytest.skip("this user may not mount file systems")
    port = free_port()
    script = (f'{prepare}exec "{sys.executable}" "{ROOT / "main.py"}" serve --workers {workers} --port {port} '
              f'--model-path "{model_path}"')
    with log.open("w") as file, subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script], stdout=file, stderr=file, text=True,
            env={**os.environ, "TMPDIR": "/dev/shm"}) as process:
        server = RunningServer(process, port)
        try:
            server.wait_until_ready()
            yield server
        finally:
            process.terminate()


def memory_of(server: RunningServer) -> Path:
    """Return the small tmpfs as this process sees it."""
    return Path("/proc", str(server.process.pid), "root", "dev", "shm")


def fill(server: RunningServer) -> None:
    """Take all its space."""
    with open(memory_of(server) / "filler", "wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(4096))


def use(server: RunningServer, turns: int = 20) -> None:
    """Predict, fail and probe, on new connections so that both workers answer; every answer is the usual one."""
    for turn in range(turns):
        assert 200 == server.request("POST", "/batch", BODY)[0]
        assert 422 == server.request("POST", "/batch", b'{"instances": [["a"]]}')[0]
        assert 404 == server.request("DELETE", f"/{turn}")[0]
        assert 200 == server.request("GET", "/health/ready")[0]


def scrape_until(server: RunningServer, condition: Callable[[Scraped], bool]) -> Scraped:
    """Use the server and scrape it until a condition holds, at most fifteen seconds."""
    deadline = time.monotonic() + 15
    while not condition(scraped := scrape(server)):
        assert time.monotonic() < deadline, scraped.text
        use(server, 1)
        time.sleep(0.1)
    return scraped


def reports(log: Path) -> list[str]:
    """Return the log lines about missing space."""
    return [line["message"] for line in lines(log.read_text()) if "metrics are incomplete" in line["message"]]


def test_a_file_system_that_is_full_before_the_start(model_path: Path, tmp_path: Path) -> None:
    """Nothing is counted until there is space; then the counts are complete."""
    with server_with_small_memory(model_path, tmp_path / "log", 64, full=True) as server:
        workers = server.workers()
        use(server)
        during = scrape(server)
        (memory_of(server) / "filler").unlink()
        time.sleep(1.1)
        after = scrape_until(server, lambda scraped: scraped.value("predictions_total") > 40)

        assert workers == server.workers()
    assert 0 == during.value("http_requests_total") and 1 == during.value("model_info")
    assert after.value("http_requests_total", route="/batch", code="200") >= 21
    assert 1 == len(reports(tmp_path / "log"))


def test_a_file_system_that_becomes_full(model_path: Path, tmp_path: Path) -> None:
    """What has a place is counted on, new series are lost until there is space, and a new worker works."""
    with server_with_small_memory(model_path, tmp_path / "log", 256, full=False) as server:
        for _ in range(40):
            assert 200 == server.request("POST", "/batch", BODY)[0]
        before = scrape(server).value("predictions_total")
        fill(server)
        use(server)
        for path in ("/v2", "/v1/model", "/openapi.json", "/docs", "/", "/ping", "/health", "/health/live") * 4:
            assert 200 == server.request("GET", path)[0]
        during = scrape(server)
        os.kill(server.workers()[0], signal.SIGKILL)
        time.sleep(2)
        use(server)
        scrape(server)
        (memory_of(server) / "filler").unlink()
        time.sleep(1.1)
        # Each of the two workers writes what it counted with the first request that it gets from now on. The killed one
        # may have had no place for the 40 predictions of the first use.
        sent = 160
        while (after := scrape(server)).value("predictions_total") < sent - 40 or not after.value(
                "http_requests_total", route="/docs"):
            assert sent < 400, after.text
            use(server, 1)
            sent += 2

    # A worker that predicted nothing before has no place for its predictions.
    assert 80 == before and 80 < during.value("predictions_total") <= 120
    assert 1 <= len(reports(tmp_path / "log")) <= 3
    assert not any("SIGBUS" in line["message"] for line in lines((tmp_path / "log").read_text()))


@pytest.mark.parametrize("content", [b"", b"\0", b"\x7f" * 100, b"\x10\x27\0\0" + bytes(60),
                                     b"\x40\0\0\0\0\0\0\0\x05\0\0\0abcde" + bytes(60)],
                         ids=["empty", "short", "random", "shorter than it says", "no key"])
def test_a_damaged_file_of_a_killed_worker_is_skipped(start_server: Start, content: bytes) -> None:
    """The log names it once, and the other counts are complete."""
    before = set(Path("/dev/shm").glob("linear_regressor_*"))
    server = start_server("--workers", "2")
    (folder,) = set(Path("/dev/shm").glob("linear_regressor_*")) - before
    for name in ("counter_999999.db", "histogram_999999.db", "gauge_livesum_999999.db"):
        (folder / name).write_bytes(content)
    for _ in range(20):
        assert 200 == server.request("POST", "/batch", BODY)[0]
    scrapes = [scrape(server).value("predictions_total") for _ in range(20)]
    skipped = [line for line in lines(server.stop()[0]) if "skipped the metrics" in line["message"]]

    assert {40} == set(scrapes)
    assert 3 <= len(skipped) <= 6 and {"WARNING"} == {line["severity"] for line in skipped}


def test_space_is_reserved_before_it_is_used(tmp_path: Path) -> None:
    """A file has no holes, whatever it grows to."""
    path = tmp_path / "counter_1.db"
    counts = CountFile(str(path))
    for number in range(500):
        counts.write_value(f"series {number}", number, 0.0)

        assert 512 * path.stat().st_blocks >= path.stat().st_size >= 4096
    counts.close()  # type: ignore[no-untyped-call]  # the client is untyped
    written = CountFile.read_all_values_from_file(str(path))  # type: ignore[no-untyped-call]  # the client is untyped
    values = {key: value for key, value, _, _ in written}
    assert {f"series {number}": float(number) for number in range(500)} == values


def test_a_file_that_was_removed_is_counted_on(tmp_path: Path) -> None:
    """Programs that clean temporary folders remove names; the mapped file must grow all the same."""
    path = tmp_path / "counter_1.db"
    counts = CountFile(str(path))
    path.unlink()
    for number in range(500):
        counts.write_value(f"series {number}", number, 0.0)

    assert (499.0, 0.0) == counts.read_value("series 499")  # type: ignore[no-untyped-call]  # the client is untyped
    counts.close()  # type: ignore[no-untyped-call]  # the client is untyped


def test_a_removed_folder_fails_no_request(start_server: Start) -> None:
    """Neither predictions nor scrapes."""
    before = set(Path("/dev/shm").glob("linear_regressor_*"))
    server = start_server("--workers", "2")
    (folder,) = set(Path("/dev/shm").glob("linear_regressor_*")) - before
    shutil.rmtree(folder)
    use(server)

    assert 1 == scrape(server).value("model_info")


def test_no_worker_needs_a_file_system_to_start(model_path: Path, tmp_path: Path) -> None:
    """One worker starts, is watched and is replaced although every folder for temporary files is read-only."""
    log = tmp_path / "log"
    with server_with_own_mounts(model_path, log, "mount -t tmpfs -o ro tmpfs /dev/shm\n", 1) as server:
        first = server.workers()
        os.kill(first[0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while server.workers() in ([], first):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.wait_until_ready()

    assert "cannot start a worker" not in log.read_text()
