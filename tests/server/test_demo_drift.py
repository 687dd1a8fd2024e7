"""``make demo-drift``: the loop closes with real processes, within a minute on a quiet machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.command_line import ROOT, clean_environ

FIGURES = re.compile(r"error     RMSE before ([\d.]+), during ([\d.]+), after ([\d.]+); (\d+) rows, all answered")


def test_the_loop_closes(tmp_path: Path) -> None:
    """Alarm, promotion, recovery, figures and a picture; the server has ended."""
    picture = tmp_path / "error.svg"
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "demo_drift.py"), "--picture", str(picture)],
                          env=clean_environ({"PYTHONPATH": os.fspath(ROOT)}), capture_output=True, text=True,
                          timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    match = FIGURES.search(done.stdout)
    assert match is not None, done.stdout
    before, during, after = (float(text) for text in match.groups()[:3])
    assert after < 1.25 * before < 0.6 * during
    assert "monitor finds no drift" in done.stdout and "recorded    promote 000002" in done.stdout
    assert picture.read_text().count("the world changes") == 1
