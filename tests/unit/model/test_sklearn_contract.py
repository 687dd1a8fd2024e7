"""The estimator follows scikit-learn's conventions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from linear_regressor import SimpleLinearRegression

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")


def checks_that_cannot_hold(estimator: SimpleLinearRegression) -> dict[str, str]:
    """Checks that fail with mini-batches, with the reason."""
    if estimator.batch_size is None:
        return {}
    return {"check_sample_weight_equivalence_on_dense_data":
            "repeated rows form different mini-batches than weighted rows, so the steps differ"}


# The limit of the checks' data is often far below the default rate of 0.1, so the warning is expected.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(  # type: ignore[untyped-decorator]  # scikit-learn is not typed
    [SimpleLinearRegression(), SimpleLinearRegression(standardize=True),
     SimpleLinearRegression(iterations=300, lr="auto", batch_size=16)],
    expected_failed_checks=checks_that_cannot_hold, xfail_strict=True)
def test_every_check_of_scikit_learn_passes(estimator: Any, check: Any) -> None:
    """All with the defaults and standardised; all but the declared one with mini-batches."""
    check(estimator)


def line(random: np.random.Generator, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of a linear model with little noise."""
    X = random.normal(size=(n, 2))
    return X, X @ [2.0, -1.0] + 3.0 + 0.1 * random.normal(size=n)


def test_a_pipeline_scales_before_it_fits(random: np.random.Generator) -> None:
    """After a scaler, columns of very different scales are fitted to the least-squares optimum."""
    X, y = line(random)
    uneven = X * [1e4, 1e-4] + [1e5, 0.0]
    pipeline = make_pipeline(StandardScaler(), SimpleLinearRegression(random_state=0)).fit(uneven, y)
    assert pipeline.predict(uneven) == pytest.approx(LinearRegression().fit(X, y).predict(X), rel=1e-7, abs=1e-7)


def test_cross_val_score_works(random: np.random.Generator) -> None:
    """Five folds, each with an R2 near 1."""
    X, y = line(random, 100)
    scores = cross_val_score(SimpleLinearRegression(random_state=0), X, y, cv=5)
    assert scores.shape == (5,) and (scores > 0.98).all()


def test_a_grid_search_selects_the_rate(random: np.random.Generator) -> None:
    """The better of two rates."""
    X, y = line(random)
    search = GridSearchCV(SimpleLinearRegression(iterations=50, random_state=0), {"lr": [1e-5, "auto"]}, cv=3).fit(X, y)
    assert search.best_params_ == {"lr": "auto"}


def test_a_clone_has_the_parameters_and_is_unfitted(random: np.random.Generator) -> None:
    """Cloning copies the five parameters."""
    model = SimpleLinearRegression(iterations=3, lr="auto", batch_size=None, random_state=5, standardize=True)
    model.fit(*line(random))
    copy = clone(model)
    assert copy.get_params() == model.get_params() == {
        "iterations": 3, "lr": "auto", "batch_size": None, "random_state": 5, "standardize": True}
    with pytest.raises(NotFittedError):
        copy.predict([[1.0, 2.0]])


def test_sample_weights_work_as_in_linear_regression(random: np.random.Generator) -> None:
    """``sample_weight`` gives the weighted least-squares solution."""
    X, y = line(random)
    weight = random.uniform(0.0, 3.0, size=60)
    model, oracle = SimpleLinearRegression(lr="auto", random_state=0), LinearRegression()
    model.fit(X, y, sample_weight=weight)
    oracle.fit(X, y, sample_weight=weight)
    assert np.append(model.W, model.b) == pytest.approx(np.append(oracle.coef_, oracle.intercept_), rel=1e-8)


def test_a_column_vector_y_is_accepted_with_scikit_learns_warning(random: np.random.Generator) -> None:
    """A target of shape (n, 1) is flattened with DataConversionWarning, and predictions have shape (n,)."""
    X, y = line(random)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        model = SimpleLinearRegression(random_state=0).fit(X, y[:, None])
    assert model.predict(X).shape == (60,)
    assert np.array_equal(model.W, SimpleLinearRegression(random_state=0).fit(X, y).W)


def test_score_is_the_coefficient_of_determination(random: np.random.Generator) -> None:
    """``score`` equals LinearRegression's."""
    X, y = line(random)
    assert SimpleLinearRegression(lr="auto", random_state=0).fit(X, y).score(X, y) == pytest.approx(
        LinearRegression().fit(X, y).score(X, y), rel=1e-9)


def test_the_warning_points_to_the_callers_line(random: np.random.Generator) -> None:
    """It names the file that called fit."""
    with pytest.warns(ConvergenceWarning) as caught:
        SimpleLinearRegression(lr=100.0, random_state=0).fit(*line(random))
    assert caught[0].filename == __file__
