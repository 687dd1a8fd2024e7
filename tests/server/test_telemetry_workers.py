"""Several real workers: each reports the sum of all, also after one was killed or the model changed."""

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
from linear_regressor.serving import server as server_module
from linear_regressor.serving.server import VARIABLE, shared_counts
from tests.applications import artefact_of
from tests.running_server import ROOT, RunningServer
from tests.scraping import lines, scrape

Start = Callable[..., RunningServer]
BODY = b'{"instances": [[0.5], [1.5]]}'


def count_folders() -> set[Path]:
    """Return the folders in which servers count."""
    return {path for parent in ("/dev/shm", "/tmp") for path in Path(parent).glob("linear_regressor_*")}


def workers_of(server: RunningServer) -> list[int]:
    """Return the worker processes of a server."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(child) for child in children.split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc to list a server's workers")
def test_counts_are_summed_over_workers_and_survive_a_killed_one(start_server: Start, line: Artefact) -> None:
    """Requests of a killed worker are no longer in flight; what it counted stays."""
    server = start_server("--workers", "2")
    for _ in range(40):
        assert 200 == server.request("POST", "/batch", BODY)[0]
    server.request("POST", "/batch", b'{"instances": [["a"]]}')
    lost = threading.Thread(target=send_slow_request, args=(server,))
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


def send_slow_request(server: RunningServer) -> None:
    """Send a request that takes a while, with parameters before the rows, and ignore the outcome."""
    body = b'{"parameters": {"explain": true}, "instances": [' + b",".join([b"[1]"] * 400_000) + b"]}"
    with suppress(OSError, HTTPException):
        server.request("POST", "/batch", body)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most twenty seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_reload_changes_the_model_that_every_worker_reports(start_server: Start, model_path: Path) -> None:
    """The server counts one reload, whichever worker noticed the new file."""
    server = start_server("--workers", "2")
    new = artefact_of(1, seed=3)
    save(new, model_path, {})
    wait_for(lambda: scrape(server).value("model_reloads_total", outcome="taken") == 1)
    server.request("POST", "/batch", BODY)
    scrapes = [scrape(server) for _ in range(20)]

    assert {new.digest[:12]} == {labels["version"] for one in scrapes for labels in one.labels("model_info")}
    assert {1} == {len(one.labels("model_info")) for one in scrapes}
    assert 2 == scrapes[0].value("predictions_total", model_version=new.digest[:12])
    assert {1} == {one.value("model_reloads_total", outcome="taken") for one in scrapes}


def test_the_folder_of_the_counts_is_private_and_removed_at_the_end(start_server: Start) -> None:
    """There is one for several workers and none for a single one."""
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


def test_a_folder_named_by_the_environment_is_ignored(start_server: Start, tmp_path: Path) -> None:
    """It may hold counts of another program or of an earlier run."""
    for workers in ("1", "2"):
        server = start_server("--workers", workers, environment={VARIABLE: str(tmp_path / "none")})

        assert 200 == server.request("POST", "/batch", BODY)[0]
        assert 1 == scrape(server).value("http_requests_total", route="/batch")


def test_counts_are_kept_where_there_is_no_memory_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The usual temporary folder replaces the one in memory."""
    monkeypatch.setattr(server_module, "IN_MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environ: dict[str, str] = {}
    with shared_counts(environ, 2) as folder:
        assert folder is not None
        assert (str(tmp_path), folder) == (os.path.dirname(folder), environ[VARIABLE])
    assert {} == environ
    assert [] == list(tmp_path.iterdir())


def test_no_folder_at_all_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is raised before anything listens."""
    monkeypatch.setattr(server_module, "IN_MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ServerError, match="--tmpfs /tmp.*--workers 1"):
        with shared_counts({}, 2):
            pass


def test_the_prometheus_client_is_not_imported_before_an_application_is_made() -> None:
    """On import it decides whether counts are shared."""
    program = "import sys; import linear_regressor.serving.server; print('prometheus_client' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert "False\n" == ended.stdout
