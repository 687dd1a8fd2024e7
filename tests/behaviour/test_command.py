"""``linear-regressor check``: its lines, its exit codes and its page."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.behaviour.models import schema
from tests.command_line import run

MODEL = ROOT / "models" / "simple_linear_regressor.joblib"
COLUMNS = [{"name": "bmi", "kind": "number"}, {"name": "id", "kind": "number"},
           {"name": "disease_progression", "kind": "number", "role": "target"}]


def test_without_a_schema_only_the_order_of_rows_is_tested() -> None:
    """It needs no declaration."""
    done = run("check", MODEL)

    assert (0, "", 1) == (done.exit_code, done.stderr, done.stdout.count("\n"))
    assert done.stdout.startswith("ok      order")


def test_a_schema_without_behaviour_is_told(tmp_path: Path) -> None:
    """On standard error; the exit code is 0."""
    done = run("check", MODEL, "--schema", schema(tmp_path, {}, COLUMNS))

    assert (0, f"{tmp_path / 'schema.yaml'} declares no behaviour\n") == (done.exit_code, done.stderr)


@pytest.mark.parametrize(("behaviour", "words"), [
    ({"direction": {"bmi": "decreasing"}}, ["direction bmi", "increasing (slope 937.1", "not decreasing"]),
    ({"direction": {"id": "increasing"}}, ["direction id", "the model has no feature id"]),
    ({"invariant": {"bmi": 1}}, ["invariant bmi", "move by 244.", "more than 1", "-0.0902753 to 0.170555"]),
    ({"examples": [{"row": {"bmi": 0}, "prediction": 100, "tolerance": 50}]}, ["example 1", "152.919", "100"]),
])
def test_a_failed_test_is_one_line_and_the_exit_code_is_5(tmp_path: Path, behaviour: Any, words: list[str]) -> None:
    """With what was found and what to do."""
    done = run("check", MODEL, "--schema", schema(tmp_path, behaviour, COLUMNS))
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]

    assert (5, "", 1, 2) == (done.exit_code, done.stderr, len(failed), done.stdout.count("\n"))
    assert [] == [word for word in words if word not in failed[0]]


@pytest.mark.parametrize(("behaviour", "words"), [
    ({"direction": {"bim": "increasing"}}, ["behaviour: direction names 'bim'"]),
    ({"direction": {"disease_progression": "increasing"}}, ["names 'disease_progression'", "the target or not"]),
    ({"examples": [{"row": {"id": 1}, "prediction": 1, "tolerance": 1}]}, ["example 1", "no value of bmi"]),
    (["direction"], ["behaviour is not a mapping"]),
])
def test_a_schema_that_cannot_be_used_is_one_line(tmp_path: Path, behaviour: Any, words: list[str]) -> None:
    """With the file and the entry; the exit code is 1."""
    path = schema(tmp_path, behaviour, COLUMNS)
    done = run("check", MODEL, "--schema", path)

    assert (1, "", 1) == (done.exit_code, done.stdout, done.stderr.count("\n"))
    assert [] == [word for word in [f"cannot use the schema {path}: ", *words] if word not in done.stderr]


def test_better_than_the_mean_needs_data(tmp_path: Path) -> None:
    """Else the test would be left out without notice."""
    done = run("check", MODEL, "--schema", schema(tmp_path, {"better_than_mean": True}, COLUMNS))

    assert (2, "") == (done.exit_code, done.stdout)
    assert "declares better_than_mean, which needs --data" in done.stderr


@pytest.mark.parametrize(("content", "words", "code"), [
    ("bmi\n1\n", "disease_progression", 1), ("bmi,disease_progression\n1,2\n", "fewer than 2 rows", 1),
    ("bmi,disease_progression\n1,high\n", "disease_progression", 1), (None, "test.csv", 2)])
def test_data_that_cannot_be_used_are_one_line(tmp_path: Path, content: str | None, words: str, code: int) -> None:
    """The exit code is that of other commands, not that of a failed test."""
    path = tmp_path / "test.csv"
    if content is not None:
        path.write_text(content)
    done = run("check", MODEL, "--data", path)

    assert (code, "", 1) == (done.exit_code, done.stdout, done.stderr.count("\n"))
    assert words in done.stderr


def test_the_schema_may_leave_out_the_comparison_with_the_mean(tmp_path: Path) -> None:
    """``better_than_mean: false``; without an entry, --data is enough to ask for it."""
    data = tmp_path / "test.csv"
    data.write_text("bmi,disease_progression\n-0.05,106\n0,153\n0.05,200\n")
    asked = run("check", MODEL, "--data", data)
    left_out = run("check", MODEL, "--data", data, "--schema", schema(tmp_path, {"better_than_mean": False}, COLUMNS))

    assert "mean" in [line.split()[1] for line in asked.stdout.splitlines()]
    assert ["order"] == [line.split()[1] for line in left_out.stdout.splitlines()]


def test_the_example_of_the_page_prints_what_the_page_shows(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/behaviour.md."""
    page = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
    (declared,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (commands,) = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (tmp_path / "models").mkdir()
    shutil.copy(MODEL, tmp_path / "models")
    (tmp_path / "schema.yaml").write_text(declared)
    (tmp_path / "test.csv").write_text(
        "bmi,disease_progression\n-0.08,75\n-0.04,120\n0,150\n0.02,178\n0.05,190\n0.1,240\n")
    monkeypatch.chdir(tmp_path)
    outputs = []
    for line in commands.splitlines():
        done = run(*shlex.split(line)[1:])
        outputs.append((done.exit_code, done.stdout))

    assert [(0, shown)] == outputs
