"""Run commands that are killed at a step: ``python -m tests.killed_commands FILE`` with a list of runs as JSON.

A run is ``{"arguments": [...], "step": N}``. A step is a line of the modules that read and write history and store;
step null kills nothing. Prints for each run that ends its exit code and numbers of steps: before it writes the version,
before it writes the promotion, and in all.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import linear_regressor
import linear_regressor.retraining.run  # imported once, before the runs
import linear_regressor.training.refit  # imported once, before the runs
from linear_regressor.cli import main

PACKAGE = str(Path(linear_regressor.__file__).parent)
TRACED = tuple(f"{PACKAGE}/{name}" for name in ("artefact/", "retraining/", "monitoring/store/", "output_file.py"))


class Steps:
    """Counts lines, and kills the process at one of them."""

    def __init__(self, last: int | None) -> None:
        self.count, self._last = 0, last
        # number of the first step in a function
        self.first = {"create_folder": 0, "create": 0}

    def trace(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        """Trace the calls of these modules."""
        name = frame.f_code.co_name
        if self.first.get(name) == 0:
            self.first[name] = self.count
        return self._line if frame.f_code.co_filename.startswith(TRACED) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        """Count a line."""
        if event == "line":
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.count += 1
        return self._line


def run(arguments: list[str], step: int | None) -> None:
    """Run a command in a child, which prints its steps unless it is killed."""
    sys.stdout.flush()
    if child := os.fork():
        os.waitpid(child, 0)
        return
    steps = Steps(step)
    sys.settrace(steps.trace)
    try:
        main(arguments)
    except SystemExit as end:
        sys.settrace(None)
        print(json.dumps([end.code, *steps.first.values(), steps.count]), file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    for each in json.loads(Path(sys.argv[1]).read_text()):
        run(each["arguments"], each["step"])
