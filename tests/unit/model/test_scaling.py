"""Descent on standardised features, and fitting from moments."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import UnavailableError
from linear_regressor.model.evaluate import Certificate
from linear_regressor.model.scaling import Scaling
from tests.command_line import run
from tests.oracles import challenge_loop, least_squares, rows_of_condition
from tests.unit.model.test_moments import assert_same

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

seeds = st.integers(0, 2 ** 32 - 1)


@given(seeds, st.integers(1, 5), st.sampled_from([1e-6, 1.0, 1e6]), st.booleans())
def test_a_fit_from_moments_equals_the_fit_from_the_rows(seed: int, p: int, unit: float, standardize: bool) -> None:
    """Rate, losses, weights and predictions are the same bit for bit."""
    X, y = rows_of_condition(np.random.default_rng(seed), 40, p, 1e3)
    settings: dict[str, Any] = {"iterations": 50, "lr": "auto", "random_state": seed, "standardize": standardize}
    by_rows = SimpleLinearRegression(**settings).fit(X * unit, y)
    by_moments = SimpleLinearRegression(**settings).fit_moments(Moments.from_arrays(X * unit, y))
    assert by_rows.W.tolist() == by_moments.W.tolist() and by_rows.b == by_moments.b
    assert np.array_equal(by_rows.losses, by_moments.losses) and by_rows.lr_ == by_moments.lr_
    assert np.array_equal(by_rows.predict(X), by_moments.predict(X))


@given(seeds, st.lists(st.integers(5, 30), min_size=2, max_size=4))
def test_a_fit_from_merged_moments_equals_the_fit_from_all_rows(seed: int, parts: list[int]) -> None:
    """For any split of the rows."""
    X, y = rows_of_condition(np.random.default_rng(seed), sum(parts), 3, 1e2)
    ends = np.cumsum(parts)
    merged = Moments.from_arrays(X[:ends[0]], y[:ends[0]])
    for start, end in zip(ends[:-1], ends[1:], strict=True):
        merged = merged + Moments.from_arrays(X[start:end], y[start:end])
    model = SimpleLinearRegression(random_state=seed, standardize=True)
    whole = np.append(*(lambda fit: (fit.W, fit.b))(model.fit(X, y)))
    assert np.append(*(lambda fit: (fit.W, fit.b))(model.fit_moments(merged))) == pytest.approx(whole, rel=1e-9,
                                                                                                abs=1e-9)


@pytest.mark.parametrize("scaled", [True, False])
def test_the_diabetes_set_converges_within_the_default_iterations(scaled: bool) -> None:
    """With all ten features, scaled and raw; neither converges without standardising."""
    data = load_diabetes(scaled=scaled)
    model = SimpleLinearRegression(random_state=0, standardize=True).fit(data.data, data.target)
    certificate = Certificate.of(model.moments_, model.W, model.b)
    oracle = LinearRegression().fit(data.data, data.target)
    assert certificate.gap <= 1e-12 * certificate.loss
    assert np.append(model.W, model.b) == pytest.approx(np.append(oracle.coef_, oracle.intercept_), rel=1e-7)
    slow = SimpleLinearRegression(random_state=0, lr="auto").fit(data.data, data.target)
    assert Certificate.of(slow.moments_, slow.W, slow.b).gap > 1.0


@pytest.mark.parametrize("raw", [True, False])
def test_the_certificate_on_the_command_line_shows_the_convergence(tmp_path: Path, raw: bool) -> None:
    """``train --standardize`` with all ten features ends at the lowest loss."""
    data = load_diabetes(scaled=not raw)
    columns = dict(zip(data.feature_names, data.data.T, strict=True))
    pa.parquet.write_table(pa.table({**columns, "y": data.target}), tmp_path / "rows.parquet")
    source = ("--data", tmp_path / "rows.parquet", "--target", "y") if raw else ()
    done = run("train", *source, "--features", ",".join(data.feature_names), "--standardize",
               "--model-save-path", tmp_path / "model.joblib", "--report-path", tmp_path, "--min-r2", "0")
    assert 0 == done.exit_code, done.stderr
    (gap,) = re.findall(r"no line gets more than (\S+) below it", done.stdout)
    assert float(gap) < 1e-9


@given(seeds, st.integers(1, 5), st.lists(st.floats(-6.0, 6.0), min_size=5, max_size=5),
       st.lists(st.floats(-100.0, 100.0), min_size=5, max_size=5))
def test_units_and_offsets_change_neither_losses_nor_predictions(seed: int, p: int, powers: list[float],
                                                                 offsets: list[float]) -> None:
    """Descent in scaled coordinates does not depend on the original units."""
    X, y = rows_of_condition(np.random.default_rng(seed), 40, p, 1e2)
    other = X * 10.0 ** np.array(powers[:p])
    other = other + np.array(offsets[:p]) * other.std(axis=0)
    model = SimpleLinearRegression(iterations=30, lr="auto", random_state=seed, standardize=True)
    losses, predictions = model.fit(X, y).losses, model.predict(X)
    assert model.fit(other, y).losses == pytest.approx(losses, rel=1e-6, abs=1e-9)
    assert model.predict(other) == pytest.approx(predictions, rel=1e-6, abs=1e-6 * float(np.abs(predictions).max()))


def test_standardised_descent_equals_the_challenges_loop_on_scaled_rows(random: np.random.Generator) -> None:
    """The weights are converted back to the original units."""
    X, y = random.normal(size=(50, 2)) * [1e3, 1e-3] + [5e3, 0.0], random.normal(size=50)
    model = SimpleLinearRegression(iterations=20, random_state=1, standardize=True).fit(X, y)
    rows = (X - X.mean(axis=0)) / X.std(axis=0)
    V, a, losses = challenge_loop(rows, y, model.start_, model.lr_, 20)
    assert model.losses == pytest.approx(losses, rel=1e-9)
    assert model.predict(X) == pytest.approx(rows @ V + a, rel=1e-9, abs=1e-9)


def test_mini_batches_are_standardised_too(random: np.random.Generator) -> None:
    """Raw columns of very different scales reach the least-squares weights within a few passes."""
    X = random.normal(size=(2000, 2)) * [1e4, 1e-4] + [5e4, 3.0]
    y = X @ [1e-4, 1e4] + 0.1 * random.normal(size=2000)
    model = SimpleLinearRegression(30, 0.01, batch_size=50, random_state=0, standardize=True).fit(X, y)
    assert model.losses[-1] == pytest.approx(0.01, rel=0.2)
    assert model.W == pytest.approx(least_squares(X - X.mean(axis=0), y - y.mean())[:-1], rel=0.01)


def test_partial_fit_standardises_by_all_rows_so_far(random: np.random.Generator) -> None:
    """Fitting in parts equals one fit, although the parts differ in mean and deviation."""
    X, y = random.normal(size=(60, 2)) * [100.0, 0.01] + np.arange(60.0)[:, None], random.normal(size=60)
    settings: dict[str, Any] = {"iterations": 100, "random_state": 3, "standardize": True}
    parts = SimpleLinearRegression(**settings).fit(X[:20], y[:20]).partial_fit(X[20:], y[20:])
    whole = SimpleLinearRegression(**settings).fit(X, y)
    assert parts.W == pytest.approx(whole.W, rel=1e-9) and parts.b == pytest.approx(whole.b, rel=1e-9)


@pytest.mark.parametrize("constant", [0.0, 1e6, 1e16, 1e200])
def test_a_constant_column_gets_no_slope(constant: float) -> None:
    """Its deviation is 0, and predictions are correct whatever its value."""
    X = np.column_stack([np.arange(9.0), np.full(9, constant)])
    with pytest.warns(ConvergenceWarning, match="rank 1 .* x1$"):
        model = SimpleLinearRegression(random_state=0, standardize=True).fit(X, 2.0 * np.arange(9.0) + 1.0)
    assert 0.0 == model.W[1]
    assert model.predict(X) == pytest.approx(2.0 * np.arange(9.0) + 1.0, rel=1e-9)


def test_fit_moments_discards_earlier_feature_names(random: np.random.Generator) -> None:
    """Moments have a number of features and no names."""
    model = SimpleLinearRegression(random_state=0).fit(random.normal(size=(9, 2)), random.normal(size=9))
    model.feature_names_in_ = np.array(["a", "b"], dtype=object)
    model.fit_moments(Moments.from_arrays([[1.0], [2.0], [4.0]], [1.0, 2.0, 4.0]))
    assert model.n_features_in_ == 1 and not hasattr(model, "feature_names_in_")


def test_fit_moments_is_unavailable_with_mini_batches() -> None:
    """The method does not exist while ``batch_size`` is set."""
    model = SimpleLinearRegression(batch_size=8)
    assert not hasattr(model, "fit_moments")
    with pytest.raises(UnavailableError, match="batch_size=None"):
        model.fit_moments(Moments.from_arrays([[1.0], [2.0]], [1.0, 2.0]))


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_standardize_must_be_a_boolean(value: Any) -> None:
    """Other values are errors, even 1."""
    with pytest.raises(ValueError, match="standardize="):
        SimpleLinearRegression(standardize=value).fit([[1.0], [2.0]], [1.0, 2.0])


@given(seeds, st.integers(1, 5))
def test_scaled_moments_are_those_of_scaled_rows(seed: int, p: int) -> None:
    """Both change to the same coordinates, the target to its distance from the mean."""
    X, y = rows_of_condition(np.random.default_rng(seed), 30, p, 1e2)
    moments = Moments.from_arrays(X * 7.0 + 3.0, y)
    scaling = Scaling.of(moments)
    assert_same(scaling.moments(moments), Moments.from_arrays(scaling.rows(X * 7.0 + 3.0), y - y.mean()))


@pytest.mark.parametrize(("eps", "dependent"), [(1e-9, True), (1e-3, False)])
def test_the_command_line_reports_features_dependent_up_to_rounding(tmp_path: Path, eps: float,
                                                                    dependent: bool) -> None:
    """The target depends on their difference, which is lost in rounding: a lower loss may exist."""
    one, other = np.random.default_rng(1).normal(size=(2, 500))
    lines = [f"{a!r},{a + eps * b!r},{a + 2.0 * b!r}" for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(["x1,x2,y", *lines, ""]))
    done = run("train", "--data", data, "--features", "x1,x2", "--target", "y", "--standardize", "--min-r2", "-9",
               "--model-save-path", tmp_path / "model", "--report-path", tmp_path)

    assert 0 == done.exit_code
    assert dependent == ("depend on each other to rounding" in done.stdout)
