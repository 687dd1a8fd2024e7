"""Memory of a running server, and of ``predict`` for files of different lengths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linear_regressor.artefact.file import save
from tests.artefacts import artefact_of
from tests.command_line import run_with_peak
from tests.running_server import RunningServer


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of the server from /proc")
def test_bad_bodies_do_not_make_the_server_grow(start_server: Callable[..., RunningServer]) -> None:
    """After 100 bad megabytes the worker is at most 64 MB larger than after the first ten."""
    running = start_server()
    bodies = [b"[" * 1_000_000, b'{"instances": [' + b"[1]," * 250_000 + b'["a"]]}', b'{"a": "' + b"x" * 1_000_000,
              b'{"instances": [[' + b"9" * 1_000_000 + b"]]}", b"\xff" * 1_000_000]

    def sent(times: int) -> float:
        for _ in range(times):
            for body in bodies:
                assert running.request("POST", "/batch", body)[0] in (400, 422)
        return sum(map(megabytes, descendants(running.process.pid)))

    first = sent(2)
    assert sent(20) < first + 64


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of the process from /proc")
def test_predict_takes_no_more_memory_for_more_rows(tmp_path: Path) -> None:
    """From 200,000 to 1,000,000 rows of CSV, which are 54 MB more: at most 10 % and 8 MB, and 250 MB in all.

    ``large/`` measures 10 million rows and other formats. Both files are longer than what is read ahead.
    """
    save(artefact_of(("x1", "x2"), np.array([1.0, 2.0])), tmp_path / "model", {})
    peaks = []
    for rows in (200_000, 1_000_000):
        data = tmp_path / f"{rows}.csv"
        lines = "".join(f"{row % 100},{row % 7}.5,{'n' * 60}\n" for row in range(1000))
        data.write_text("x1,x2,note\n" + lines * (rows // 1000))
        output, peak = run_with_peak("predict", data, tmp_path / "out.csv", "--model-path", tmp_path / "model")
        assert f"{rows} predictions" in output
        peaks.append(peak)
    print("peaks in MB", peaks)
    assert peaks[1] <= min(250, 1.1 * peaks[0] + 8)


def descendants(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    status: dict[str, Any] = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024
