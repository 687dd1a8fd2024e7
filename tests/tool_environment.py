"""Whether a program in build/tools runs here."""

from __future__ import annotations

import subprocess
from pathlib import Path


def runs(program: Path) -> bool:
    """A checkout that is mounted in a container has the program, but not the Python that it was installed with."""
    try:
        return not subprocess.run([program, "--version"], capture_output=True, timeout=60).returncode
    except OSError:
        return False
