"""Faults in the data that a schema's behaviour finds in the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.file import load
from tests import ROOT
from tests.behaviour.models import Array, check, plane, saved, schema, trained
from tests.command_line import run
from tests.tables import rows_of, write

PLANE = {"direction": {"age": "increasing", "bmi": "decreasing"}, "invariant": {"id": 0}, "better_than_mean": True,
         "examples": [{"row": {"age": 50, "bmi": 3}, "prediction": 15, "tolerance": 2}]}


def sign_flip(rows: Array) -> Array:
    """The age is negative."""
    return rows * [-1.0, 1.0, 1.0]


def unit_change(rows: Array) -> Array:
    """The target is in thousandths."""
    return rows * [1.0, 1.0, 1000.0]


def shuffled_target(rows: Array) -> Array:
    """The target belongs to other rows."""
    return np.column_stack([rows[:, :2], np.random.default_rng(8).permutation(rows[:, 2])])


def swapped_columns(rows: Array) -> Array:
    """The two features have each other's name."""
    return rows[:, [1, 0, 2]]


@pytest.mark.parametrize(("fault", "failed"), [
    (None, set()),
    (sign_flip, {("direction", "age"), ("example", "1"), ("mean", None)}),
    (unit_change, {("example", "1"), ("mean", None)}),
    (swapped_columns, {("direction", "age"), ("direction", "bmi"), ("example", "1"), ("mean", None)}),
])
def test_a_fault_fails_the_tests_that_it_breaks(
        tmp_path: Path, fault: Callable[[Array], Array] | None, failed: set[tuple[str, str | None]]) -> None:
    """The test rows are right; without a fault all hold."""
    rows = rows_of(9, 400)
    path = trained(tmp_path, rows if fault is None else fault(rows))
    test = write(tmp_path / "test.csv", rows_of(10, 200))
    done, results = check(path, "--schema", schema(tmp_path, PLANE), "--data", test)

    assert failed == {key for key, result in results.items() if not result["holds"]}
    assert (5 if failed else 0) == done.exit_code


def test_a_model_of_shuffled_rows_is_not_better_than_the_mean(tmp_path: Path) -> None:
    """Its slopes are chance, so their confidence is low, too."""
    path = trained(tmp_path, shuffled_target(rows_of(11, 400)), "--min-r2", "-1")
    test = write(tmp_path / "test.csv", rows_of(12, 200))
    _, results = check(path, "--schema", schema(tmp_path, PLANE), "--data", test)

    assert not results["mean", None]["holds"]
    assert not (results["direction", "age"]["holds"] and results["direction", "bmi"]["holds"])


def test_the_comparison_with_the_mean_is_that_of_the_single_rows(tmp_path: Path) -> None:
    """Upper end of the one-sided interval of the mean difference of squared errors, over several files."""
    path, artefact = plane(tmp_path / "model", 13)
    rows = rows_of(14, 50)
    write(tmp_path / "test" / "1.csv", rows[:20])
    write(tmp_path / "test" / "2.parquet", rows[20:])
    _, results = check(path, "--data", tmp_path / "test" / "*")
    error = rows[:, 2] - rows[:, :2] @ artefact.W - artefact.b
    d = error ** 2 - (rows[:, 2] - artefact.moments.y_mean) ** 2

    assert results["mean", None]["value"] == pytest.approx(
        d.mean() + 1.6765508926168537 * d.std(ddof=1) / np.sqrt(50), rel=1e-9)  # t of 49 degrees of freedom


def test_an_unfinished_descent_fails_the_test_of_order(tmp_path: Path) -> None:
    """It says what to do."""
    rows = rows_of(15, 300)
    path = trained(tmp_path, rows, "--iterations", "2", "--lr", "0.01", "--min-r2", "-100")
    done, results = check(path)

    assert (5, False) == (done.exit_code, results["order", None]["holds"])
    assert "more iterations" in results["order", None]["message"]


def test_a_model_whose_range_is_unknown_needs_a_declared_one(tmp_path: Path) -> None:
    """Removing rows may have removed the extreme ones."""
    _, artefact = plane(tmp_path)
    path = saved(replace(artefact, minimum=None, maximum=None, profile=None), tmp_path / "removed.joblib")
    _, unknown = check(path, "--schema", schema(tmp_path, {"invariant": {"bmi": 1000}}))
    columns = [{"name": "age", "kind": "number"}, {"name": "bmi", "kind": "number", "minimum": 2, "maximum": 4}]
    _, known = check(path, "--schema", schema(tmp_path, {"invariant": {"bmi": 1000}}, columns))

    assert not unknown["invariant", "bmi"]["holds"] and "declare its minimum" in unknown["invariant", "bmi"]["message"]
    assert known["invariant", "bmi"]["value"] == pytest.approx(2 * abs(artefact.W[1]))


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_numbers_at_the_end_of_float64_fail_without_a_traceback(tmp_path: Path, scale: float) -> None:
    """The report is JSON."""
    _, artefact = plane(tmp_path)
    path = saved(replace(artefact, W=artefact.W * scale, b=artefact.b * scale), tmp_path / "scaled.joblib")
    behaviour = {**PLANE, "invariant": {"bmi": 5}}
    done, _ = check(path, "--schema", schema(tmp_path, behaviour), "--data", tmp_path / "rows")

    assert (5, "") == (done.exit_code, done.stderr)


def test_the_committed_model_behaves_as_required(tmp_path: Path) -> None:
    """On the last 20 rows, which it was not trained on."""
    from linear_regressor.data.dataset import read_diabetes

    path = ROOT / "models" / "simple_linear_regressor.joblib"
    _, test = read_diabetes(("bmi",)).split_last(20)
    lines = [f"{x},{y}" for x, y in zip(test.X[:, 0].tolist(), test.y.tolist(), strict=True)]
    data = tmp_path / "test.csv"
    data.write_text("\n".join(["bmi,disease_progression", *lines]) + "\n")
    done = run("check", path, "--schema", ROOT / "tests" / "behaviour" / "diabetes.yaml", "--data", data)

    assert 0 == done.exit_code, done.output
    assert ["direction", "invariant", "example", "example", "order", "mean"] == [
        line.split()[1] for line in done.stdout.splitlines()]
    assert load(path).features == ("bmi",)
