"""What a terminal gets: control characters of data are shown and not obeyed."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from linear_regressor.cli.terminal import Terminal
from tests.command_line import ROOT, clean_environ

NAME = "a\x1b[2K\x9b1A\x07\x7f"
SHOWN = r"a\x1b[2K\x9b1A\x07\x7f"


def on_terminal(*arguments: str) -> tuple[int, str]:
    """Run a command whose output and errors are a terminal; returns its exit code and all that it printed."""
    outer, inner = pty.openpty()
    with subprocess.Popen([sys.executable, str(ROOT / "main.py"), *arguments], env=clean_environ({}), stdin=inner,
                          stdout=inner, stderr=inner) as process:
        os.close(inner)
        printed = b""
        while part := _read(outer):
            printed += part
    os.close(outer)
    return process.returncode, printed.decode()


def _read(terminal: int) -> bytes:
    """Read what there is; nothing once the command has ended, which Linux reports as an error."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


def test_control_characters_are_escaped(tmp_path: Path) -> None:
    """In output and in errors."""
    data = tmp_path / "data.csv"
    data.write_text(f"{NAME},b\n1,2\n2,3\n4,5\n")
    code, printed = on_terminal("data", "show", str(data))
    assert code == 0 and f" {SHOWN}\r\n" in printed and "\x1b" not in printed, printed
    code, printed = on_terminal("train", "--data", str(data), "--features", "x", "--target", "b")
    assert code == 1 and printed.startswith("Error: ") and SHOWN in printed and "\x1b" not in printed, printed


def test_a_progress_bar_still_moves() -> None:
    """A carriage return goes back to the start of the line; tabs, line ends and other text stay, too."""
    stream = io.StringIO()
    text = "\r50 % of größe\tx\n"
    assert Terminal(stream).write(text) == len(text)
    assert stream.getvalue() == text
