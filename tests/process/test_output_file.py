"""A file is not damaged by a kill while it is replaced."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path


def test_sigkill_leaves_the_old_file_whole(tmp_path: Path) -> None:
    """Between the first byte and the last."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    program = ("import os, signal, sys\n"
               "from pathlib import Path\n"
               "from linear_regressor.output_file import write_file\n"
               "def write(file):\n"
               "    file.write(b'half')\n"
               "    file.flush()\n"
               "    os.kill(os.getpid(), signal.SIGKILL)\n"
               "write_file(Path(sys.argv[1]), write)\n")
    run = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60)
    assert run.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
