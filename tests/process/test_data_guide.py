"""Every example of docs/data.md is run, in order, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import ROOT
from tests.command_line import clean_environ

PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
# `name`:, then the content of that file; or commands with their output.
BLOCKS = re.compile(r"`(?P<name>[\w.]+)`:\n\n```text\n(?P<content>.*?)```|```console\n(?P<session>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A command of the page, and what it prints; a line of three dots stands for any lines."""

    command: str
    output: str

    def matches(self, printed: str) -> bool:
        """Whether this is what was printed."""
        lines = [".*" if line == "...\n" else re.escape(line) for line in self.output.splitlines(keepends=True)]
        return re.fullmatch("".join(lines), printed, re.DOTALL) is not None


def steps(session: str) -> list[Step]:
    """Divide a session at its prompts."""
    found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE)
    return [Step(command, output) for command, output in found]


def printed(command: str, folder: Path) -> str:
    """Run a command in a shell, and return what it prints."""
    environ = clean_environ({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"})
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environ, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=120)
    return done.stdout


def test_the_examples_print_what_the_page_says(tmp_path: Path) -> None:
    """Files are written as the page shows them."""
    for block in BLOCKS.finditer(PAGE):
        if block["name"]:
            (tmp_path / block["name"]).write_text(block["content"], encoding="utf-8")
        for step in steps(block["session"] or ""):
            output = printed(step.command, tmp_path)
            assert step.matches(output), f"{step.command}\nprints\n{output}instead of\n{step.output}"


def test_the_page_has_an_example_of_each_kind() -> None:
    """A page whose blocks are not found would pass."""
    commands = [step.command for block in BLOCKS.finditer(PAGE) for step in steps(block["session"] or "")]

    assert len(commands) > 20
    for option in ("--decimal", "--thousands", "--encoding", "--missing-values", "--missing drop", "--missing null",
                   "--where", "--hide-values", "--data -", "--interval"):
        assert any(option in command for command in commands), option


@pytest.mark.parametrize(("output", "found", "same"), [
    ("a\nb\n", "a\nb\n", True), ("a\n...\nd\n", "a\nb\nc\nd\n", True), ("a\n...\n", "b\n", False),
    ("a.c\n", "abc\n", False), ("", "a\n", False)])
def test_an_output_is_compared_line_by_line(output: str, found: str, same: bool) -> None:
    """Three dots stand for any lines, other text for itself."""
    assert same == Step("", output).matches(found)
