"""Whole processes: wall time and peak memory."""

from __future__ import annotations

import json
import subprocess  # nosec B404  # starts only our commands
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.make_rows import FEATURES
from linear_regressor.errors import ServerError

ROOT = Path(__file__).resolve().parent.parent
# Runs a command and prints its seconds, its peak memory in kB and its exit code. In a small process of its own: until a
# new process starts its program it has the memory of the one that started it, which Linux counts in its peak.
MEASURE = """
import json, os, sys, time
start = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent), 0)
print(json.dumps([time.perf_counter() - start, usage.ru_maxrss, os.waitstatus_to_exitcode(status)]))
"""


class Use(NamedTuple):
    """What a process used: wall time in seconds, and peak memory in MB."""

    seconds: float
    memory: float


def train(data: Path) -> Use:
    """Train on rows of ``make_rows`` with the command, start included."""
    with tempfile.TemporaryDirectory() as made:
        return run([sys.executable, str(ROOT / "main.py"), "train", "--data", str(data), "--features",
                    ",".join(FEATURES), "--target", "y", "--model-save-path", f"{made}/model"])


def run(command: Sequence[str]) -> Use:
    """Run a command, by its full path, to its end without its output."""
    done = subprocess.run(  # nosec B603  # fixed programs and arguments, no shell
        [sys.executable, "-I", "-S", "-c", MEASURE, *command], check=True, stdout=subprocess.PIPE)
    seconds, kilobytes, exit_code = json.loads(done.stdout)
    if exit_code:
        raise ServerError(f"{' '.join(command)} failed with exit code {exit_code}")
    return Use(seconds, kilobytes * 1.024 / 1000)
