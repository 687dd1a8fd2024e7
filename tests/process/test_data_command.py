"""``linear-regressor data``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command_line import run, run_process


def test_show_as_text_and_json(tmp_path: Path) -> None:
    """Text and JSON tell the same digest."""
    path = tmp_path / "rows.csv"
    path.write_text("b,a\n1,x\n2,y\n")
    shown = json.loads(run_process("data", "show", path, "--json").stdout)
    assert (shown["rows"], list(shown["types"]), shown["files"]) == (2, ["b", "a"], {str(path): 12})
    text = run("data", "show", path)
    assert text.exit_code == 0
    assert text.output.splitlines()[:2] == [f"digest       {shown['digest']}", "rows         2"]


def test_unreadable_data_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """Invalid files end with one line."""
    path = tmp_path / "rows.parquet"
    path.write_text("no Parquet")
    done = run_process("data", "show", path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "rows.parquet cannot be read as parquet" in done.stderr
