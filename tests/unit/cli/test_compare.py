"""``linear-regressor compare``, on model files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import quantile_table
from tests.command_line import run
from tests.tables import rows_of


def model_of(path: Path, seed: int, n: int = 100, shift: float = 0.0) -> Artefact:
    """Fit and save a model of rows near one plane, with a shifted intercept."""
    rows = rows_of(seed, n)
    moments = Moments.from_arrays(rows[:, :2], rows[:, 2] + shift)
    W, b = moments.solve()
    artefact = Artefact(("age", "bmi"), "score", W, b, moments, rows.min(axis=0)[:2], rows.max(axis=0)[:2],
                        quantile_table(n, 2), {})
    save(artefact, path, {})
    return artefact


def lines_of(text: str) -> dict[str, list[str]]:
    """The lines of the output, by their first word."""
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        lines.setdefault(line.split()[0], []).append(line)
    return lines


def test_a_shift_is_found_and_is_more_than_chance(tmp_path: Path) -> None:
    """Largest change and its point, the change of each weight, and a Wald test."""
    before, after = model_of(tmp_path / "a.joblib", 0), model_of(tmp_path / "b.joblib", 1, shift=20.0)
    done = run("compare", tmp_path / "a.joblib", tmp_path / "b.joblib", "--radius", "2")
    lines = lines_of(done.stdout)

    assert 0 == done.exit_code and "within a Mahalanobis distance of 2" in lines["largest"][0]
    change = float(lines["largest"][0].split()[1])
    point = [float(line.split()[1]) for line in lines["attained"]]
    W_change = after.W - before.W
    assert change == pytest.approx(float(W_change @ point) + after.b - before.b, rel=1e-6)
    spread = np.sqrt(W_change @ before.moments.A @ W_change / 99)
    assert change == pytest.approx(float(W_change @ before.moments.x_mean) + after.b - before.b + 2 * spread, rel=1e-8)
    assert [change for change in W_change] == pytest.approx([float(line.split()[1]) for line in lines["slope"]])
    assert "3 degrees of freedom" in lines["Wald"][0] and float(lines["Wald"][0].split()[-1]) < 1e-6


def test_models_of_the_same_plane_differ_by_chance(tmp_path: Path) -> None:
    """The p-value is not small."""
    model_of(tmp_path / "a.joblib", 0), model_of(tmp_path / "b.joblib", 1)
    done = run("compare", tmp_path / "a.joblib", tmp_path / "b.joblib")
    assert float(lines_of(done.stdout)["Wald"][0].split()[-1]) > 0.01


def test_the_order_of_the_features_does_not_matter(tmp_path: Path) -> None:
    """They are matched by name."""
    model_of(tmp_path / "a.joblib", 0)
    other = model_of(tmp_path / "b.joblib", 1)
    order = np.array([1, 0, 2])
    turned = replace(other, features=("bmi", "age"), W=other.W[::-1],
                     moments=Moments(100, other.moments.m[order], other.moments.C[np.ix_(order, order)]))
    save(turned, tmp_path / "turned.joblib", {})
    straight = run("compare", tmp_path / "a.joblib", tmp_path / "b.joblib")
    crooked = run("compare", tmp_path / "a.joblib", tmp_path / "turned.joblib")
    assert straight.stdout == crooked.stdout


def test_a_change_over_the_allowed_one_is_exit_code_1(tmp_path: Path) -> None:
    """The changes are printed all the same."""
    model_of(tmp_path / "a.joblib", 0), model_of(tmp_path / "b.joblib", 1, shift=20.0)
    pair = (tmp_path / "a.joblib", tmp_path / "b.joblib")
    gate = run("compare", *pair, "--max-change", "1")

    assert 1 == gate.exit_code and gate.stdout.startswith("largest")
    assert gate.stderr.startswith("Error: predictions change by up to 2") and gate.stderr.count("\n") == 1
    assert 0 == run("compare", *pair, "--max-change", "40").exit_code
    assert 0 == run("compare", pair[0], pair[0], "--max-change", "0").exit_code


def test_a_model_without_standard_errors_is_compared_without_a_test(tmp_path: Path) -> None:
    """The reason is printed instead."""
    one = model_of(tmp_path / "a.joblib", 0)
    save(replace(one, moments=Moments(3, one.moments.m, one.moments.C)), tmp_path / "few.joblib", {})
    done = run("compare", tmp_path / "few.joblib", tmp_path / "a.joblib")
    assert 0 == done.exit_code and "need more than 3 rows" in lines_of(done.stdout)["Wald"][0]


def test_models_that_cannot_be_compared_are_rejected(tmp_path: Path) -> None:
    """Other columns, a missing file, a radius or change that is no finite number of at least 0."""
    one = model_of(tmp_path / "a.joblib", 0)
    save(replace(one, target="other"), tmp_path / "b.joblib", {})
    other = run("compare", tmp_path / "a.joblib", tmp_path / "b.joblib")
    missing = run("compare", tmp_path / "a.joblib", tmp_path / "none.joblib")

    assert (1, 1) == (other.exit_code, missing.exit_code)
    assert "age, bmi -> score and age, bmi -> other" in other.stderr and "none.joblib" in missing.stderr
    for option in ("--radius", "--max-change"):
        for value in ("-1", "nan", "inf", "far"):
            assert 2 == run("compare", tmp_path / "a.joblib", tmp_path / "a.joblib", option, value).exit_code


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("slopes", [(1e300, 1e300), (-1.7e308, 0.0), (0.0, 1e300)])
def test_a_change_that_overflows_is_an_error(tmp_path: Path, slopes: tuple[float, float]) -> None:
    """float64 holds the columns, but not the products of the changes."""
    random = np.random.default_rng(0)
    moments = Moments.from_arrays(random.normal(size=(50, 2)) * [1e140, 1e-150], random.normal(size=50))
    for name, W in (("a", (1.7e308, 0.0)), ("b", slopes)):
        save(Artefact(("age", "bmi"), "score", np.array(W), 0.0, moments, np.zeros(2), np.ones(2),
                      quantile_table(50, 2), {}), tmp_path / f"{name}.joblib", {})
    done = run("compare", tmp_path / "a.joblib", tmp_path / "b.joblib", "--max-change", "1")
    assert (1, "", 1) == (done.exit_code, done.stdout, done.stderr.count("\n"))
    assert "leaves the range of float64" in done.stderr
