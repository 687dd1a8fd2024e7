"""Cross-validation by subtraction equals refitting without each fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import MomentsError, StatisticsError
from linear_regressor.model.cross_validation import CrossValidation
from tests.oracles import rows_of_condition

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

seeds = st.integers(0, 2 ** 32 - 1)


@given(seeds, st.integers(1, 4), st.integers(2, 6), st.sampled_from([0.0, 1e3]), st.booleans())
def test_each_score_equals_that_of_refitting_without_the_fold(seed: int, p: int, k: int, offset: float,
                                                              standardize: bool) -> None:
    """Losses of every fold and setting, the pooled error and R2 equal those of fits on the remaining rows."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 60, p, 1e2)
    X, fold = X + offset, random.permutation(np.arange(60) % k)
    folds = [Moments.from_arrays(X[fold == i], y[fold == i]) for i in range(k)]
    result = CrossValidation.of(folds, ["auto"], [5, 500], random_state=seed, standardize=standardize)
    assert [("auto", 5), ("auto", 500)] == [(score.lr, score.iterations) for score in result.scores]
    for score in result.scores:
        predicted = np.empty(60)
        for i in range(k):
            model = SimpleLinearRegression(score.iterations, "auto", random_state=seed, standardize=standardize)
            predicted[fold == i] = model.fit(X[fold != i], y[fold != i]).predict(X[fold == i])
        size = float(y.var())
        losses = [np.mean((y - predicted)[fold == i] ** 2) for i in range(k)]
        assert score.losses is not None and score.losses.tolist() == pytest.approx(losses, rel=1e-7, abs=1e-9 * size)
        assert score.mean_squared_error == pytest.approx(np.mean((y - predicted) ** 2), rel=1e-7, abs=1e-9 * size)
        assert score.r2 == pytest.approx(r2_score(y, predicted), rel=1e-7, abs=1e-8)


def test_a_rate_that_cannot_converge_has_no_score(random: np.random.Generator) -> None:
    """It is detected before fitting, without a warning; the best score is another."""
    X, y = rows_of_condition(random, 60, 2, 10.0)
    folds = [Moments.from_arrays(X[i::3], y[i::3]) for i in range(3)]
    result = CrossValidation.of(folds, [1e6, "auto"], [100, 1000])
    assert [score.losses is None for score in result.scores] == [True, True, False, False]
    assert np.isnan(result.scores[0].r2) and np.isnan(result.scores[0].mean_squared_error)
    assert result.best is not None and result.best.lr == "auto"
    assert CrossValidation.of(folds, [result.rate_limit], [10]).best is None
    assert CrossValidation.of(folds, [result.rate_limit * 0.999], [10]).best is not None


@pytest.mark.filterwarnings("ignore:the rows have rank:sklearn.exceptions.ConvergenceWarning")  # few rows
@pytest.mark.parametrize("elsewhere", [0.0, 1e-9])
def test_a_column_may_vary_in_one_fold_only(random: np.random.Generator, elsewhere: float) -> None:
    """Without that fold it is constant or relatively tiny: subtraction fails, and cross-validation still works."""
    X, y = rows_of_condition(random, 60, 2, 10.0)
    X[20:, 1] *= elsewhere
    folds = [Moments.from_arrays(X[i:i + 20], y[i:i + 20]) for i in (0, 20, 40)]
    with pytest.raises(MomentsError, match="digits of the rest are lost"):
        (folds[0] + folds[1] + folds[2]) - folds[0]
    (score,) = CrossValidation.of(folds, ["auto"], [100], random_state=3, standardize=True).scores
    losses = []
    for i in (0, 20, 40):
        remaining = (np.arange(60) < i) | (np.arange(60) >= i + 20)
        model = SimpleLinearRegression(100, "auto", random_state=3, standardize=True).fit(X[remaining], y[remaining])
        losses.append(np.mean((y - model.predict(X))[i:i + 20] ** 2))
    assert score.losses is not None and score.losses.tolist() == pytest.approx(losses, rel=1e-6)


def test_a_single_fold_and_too_large_a_fold_are_rejected(random: np.random.Generator) -> None:
    """The remaining rows would be too few for a model."""
    X, y = rows_of_condition(random, 20, 3, 10.0)
    with pytest.raises(MomentsError, match="at least two folds"):
        CrossValidation.of([Moments.from_arrays(X, y)], ["auto"], [10])
    with pytest.raises(MomentsError, match="without fold 1 of 2 there would be 3 rows"):
        CrossValidation.of([Moments.from_arrays(X[:17], y[:17]), Moments.from_arrays(X[17:], y[17:])], ["auto"], [10])


def test_a_constant_target_is_rejected() -> None:
    """R2 is undefined."""
    folds = [Moments.from_arrays(np.arange(9.0)[i::3, None], np.full(3, 0.1)) for i in range(3)]
    with pytest.raises(StatisticsError, match="does not vary"):
        CrossValidation.of(folds, ["auto"], [10])
