"""docs/stability.md: no promised name is gone, and the exit codes are those of the commands."""

from __future__ import annotations

import re

import linear_regressor
from linear_regressor.cli import check, command_line, data, monitor, retrain, verify
from scripts.list_promises import promises
from tests import ROOT

PAGE = (ROOT / "docs" / "stability.md").read_text(encoding="utf-8")
RECORDED = (ROOT / "tests" / "repository" / "promises.txt").read_text(encoding="utf-8").splitlines()


def test_no_promised_name_is_gone() -> None:
    """To remove or rename one is a breaking change, which needs version 2."""
    assert [] == sorted(set(RECORDED) - promises())


def test_the_record_has_names_of_every_kind() -> None:
    """Sorted, each once, as the script prints them."""
    kinds = {line.split()[0] for line in RECORDED}

    assert sorted(set(RECORDED)) == RECORDED
    assert {"command", "option", "setting", "route", "error", "metric", "model-format", "name"} == kinds
    for line in ("option linear-regressor train --data", "option linear-regressor serve --model-path",
                 "route POST /v1/models/{name}:predict", "setting MODEL_PATH", "error not_finite",
                 "error unknown_signature", "metric predictions_total", "model-format 1", "name Moments",
                 "name SimpleLinearRegression.fit"):
        assert line in RECORDED


def test_the_exit_codes_are_those_of_the_commands() -> None:
    """And the help of the command line names each of them."""
    table = dict(re.findall(r"^\| ([\d, ]+) \| (.*?) \| ", PAGE.partition("## Exit codes")[2], re.MULTILINE))
    named = {code for cell in table for code in map(int, cell.split(", "))}
    assert retrain.UNUSABLE == verify.FAILED == check.FAILED == 5

    assert {0, 1, 2, monitor.DRIFT, retrain.KEPT, 5, data.DIFFERENT,
            command_line.HUNG_UP, command_line.INTERRUPTED, command_line.TERMINATED} == named
    assert ["`monitor`", "`retrain`", "`verify`, `train`, `retrain`, `check`", "`data diff`"] == [
        table[str(code)] for code in (monitor.DRIFT, retrain.KEPT, 5, data.DIFFERENT)]
    documented = linear_regressor.cli.main.help or ""
    assert [] == [code for code in named if not re.search(rf"\b{code}\b", documented)]
