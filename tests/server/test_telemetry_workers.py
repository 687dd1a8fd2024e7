"""Several real workers: what any of them tells is the sum of all, also after one died or the model changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.errors import ServerError
from linear_regressor.serving.server import VARIABLE, shared_counts
from tests.applications import artefact_of
from tests.running_server import ROOT, RunningServer
from tests.scraping import lines, scrape

Start = Callable[..., RunningServer]
BODY = b'{"instances": [[0.5], [1.5]]}'


def count_folders() -> set[Path]:
    """Find the folders in which servers count, wherever they may be."""
    return {path for parent in ("/dev/shm", "/tmp") for path in Path(parent).glob("linear_regressor_*")}


def workers_of(server: RunningServer) -> list[int]:
    """Find the worker processes of a server."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(child) for child in children.split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc to find a server's workers in")
def test_counts_of_all_workers_are_told_and_survive_a_killed_one(start_server: Start, line: Artefact) -> None:
    """What a worker had in hand when it was killed is in flight no more; what it counted stays."""
    server = start_server("--workers", "2")
    for _ in range(40):
        assert 200 == server.request("POST", "/batch", BODY)[0]
    server.request("POST", "/batch", b'{"instances": [["a"]]}')
    lost = threading.Thread(target=send_in_vain, args=(server,))
    lost.start()
    wait_for(lambda: scrape(server).value("inflight_requests") == 1)
    before = scrape(server)
    old = workers_of(server)
    for worker in old:
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: len(workers_of(server)) == 2 and not set(old) & set(workers_of(server)))
    lost.join()
    server.wait_until_ready()
    server.request("POST", "/batch", BODY)
    after = scrape(server)

    assert [40, 80, 1] == [before.value("http_requests_total", route="/batch", code="200"),
                           before.value("predictions_total", model_version=line.digest[:12]),
                           before.value("validation_errors_total", code="not_a_number")]
    assert (41, 82) == (after.value("http_requests_total", route="/batch", code="200"),
                        after.value("predictions_total"))
    assert 42 == after.value("http_request_duration_seconds_bucket", route="/batch", le="+Inf")
    assert 0 == after.value("inflight_requests")
    assert 8 == after.value("request_threads")


def send_in_vain(server: RunningServer) -> None:
    """Send what takes a while to answer, whatever becomes of it."""
    body = b'{"instances": [' + b",".join([b"[1]"] * 400_000) + b'], "parameters": {"explain": true}}'
    with suppress(OSError, HTTPException):
        server.request("POST", "/batch", body)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so, at most twenty seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_reload_changes_the_model_that_every_worker_tells(start_server: Start, model_path: Path) -> None:
    """Whichever worker answers the scrape; each counts its own reload."""
    server = start_server("--workers", "2")
    new = artefact_of(1, seed=3)
    save(new, model_path, {})
    wait_for(lambda: scrape(server).value("model_reloads_total", outcome="taken") == 2)
    server.request("POST", "/batch", BODY)
    told = [scrape(server) for _ in range(20)]

    assert {new.digest[:12]} == {labels["version"] for one in told for labels in one.labels("model_info")}
    assert {1} == {len(one.labels("model_info")) for one in told}
    assert 2 == told[0].value("predictions_total", model_version=new.digest[:12])


def test_the_folder_of_the_counts_is_private_and_gone_at_the_end(start_server: Start) -> None:
    """One for several workers, none for a single one."""
    before = count_folders()
    single = start_server("--workers", "1")
    assert set() == count_folders() - before
    several = start_server("--workers", "2")
    (folder,) = count_folders() - before

    assert 0o700 == folder.stat().st_mode & 0o777
    single.stop()
    out, _ = several.stop()
    assert not folder.exists()
    assert not any(line["severity"] == "ERROR" for line in lines(out))


def test_a_folder_that_the_environment_names_is_not_trusted(start_server: Start, tmp_path: Path) -> None:
    """Counts of another program, or of an earlier run, are never told as ours."""
    for workers in ("1", "2"):
        server = start_server("--workers", workers, environment={VARIABLE: str(tmp_path / "none")})

        assert 200 == server.request("POST", "/batch", BODY)[0]
        assert 1 == scrape(server).value("http_requests_total", route="/batch")


def test_counts_are_kept_where_there_is_no_memory_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The usual temporary folder takes the place of the one in memory."""
    monkeypatch.setattr(shared_counts, "IN_MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environ: dict[str, str] = {}
    with shared_counts(environ, 2) as folder:
        assert folder is not None
        assert (str(tmp_path), folder) == (os.path.dirname(folder), environ[VARIABLE])
    assert [] == list(tmp_path.iterdir())


def test_no_folder_at_all_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything listens."""
    monkeypatch.setattr(shared_counts, "IN_MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ServerError, match="--tmpfs /tmp.*--workers 1"):
        with shared_counts({}, 2):
            pass


def test_the_prometheus_client_is_not_imported_before_an_application_is_made() -> None:
    """It finds out whether counts are shared as it is imported."""
    program = "import sys; import linear_regressor.serving.server; print('prometheus_client' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert "False\n" == ended.stdout
