"""Cross-validation by subtraction is cross-validation: each score is that of refitting without the fold."""

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

seeds = st.integers(0, 2 ** 32 - 1)


@given(seeds, st.integers(1, 4), st.integers(2, 6), st.sampled_from([0.0, 1e3]), st.booleans())
def test_each_score_is_that_of_refitting_without_the_fold(seed: int, p: int, k: int, offset: float,
                                                          standardize: bool) -> None:
    """Losses of every fold and setting, the pooled error and R2, against fits on the rows that stay."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 60, p, 1e2)
    X, fold = X + offset, random.permutation(np.arange(60) % k)
    folds = [Moments.from_arrays(X[fold == i], y[fold == i]) for i in range(k)]
    found = CrossValidation.of(folds, ["auto"], [5, 500], random_state=seed, standardize=standardize)
    for score in found.scores:
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
    """It is told apart before anything is fitted, without a warning; the best is one of the others."""
    X, y = rows_of_condition(random, 60, 2, 10.0)
    folds = [Moments.from_arrays(X[i::3], y[i::3]) for i in range(3)]
    found = CrossValidation.of(folds, [1e6, "auto"], [100, 1000])
    assert [score.losses is None for score in found.scores] == [True, True, False, False]
    assert np.isnan(found.scores[0].r2) and np.isnan(found.scores[0].mean_squared_error)
    assert found.best is not None and found.best.lr == "auto"
    assert CrossValidation.of(folds, [found.rate_limit], [10]).best is None
    assert CrossValidation.of(folds, [found.rate_limit * 0.999], [10]).best is not None


@pytest.mark.parametrize("elsewhere", [0.0, 1e-9])
def test_a_column_that_varies_in_one_fold_alone_is_no_error(random: np.random.Generator, elsewhere: float) -> None:
    """Without that fold it is constant, or tiny beside what went: subtraction refuses, and refitting does not."""
    X, y = rows_of_condition(random, 60, 2, 10.0)
    X[20:, 1] *= elsewhere
    folds = [Moments.from_arrays(X[i:i + 20], y[i:i + 20]) for i in (0, 20, 40)]
    with pytest.raises(MomentsError, match="digits of the rest are lost"):
        (folds[0] + folds[1] + folds[2]) - folds[0]
    (score,) = CrossValidation.of(folds, ["auto"], [100], random_state=3, standardize=True).scores
    losses = []
    for i in (0, 20, 40):
        stays = (np.arange(60) < i) | (np.arange(60) >= i + 20)
        model = SimpleLinearRegression(100, "auto", random_state=3, standardize=True).fit(X[stays], y[stays])
        losses.append(np.mean((y - model.predict(X))[i:i + 20] ** 2))
    assert score.losses is not None and score.losses.tolist() == pytest.approx(losses, rel=1e-6)


def test_one_fold_or_a_fold_that_holds_nearly_all_is_refused(random: np.random.Generator) -> None:
    """What would be left carries no model."""
    X, y = rows_of_condition(random, 20, 3, 10.0)
    with pytest.raises(MomentsError, match="at least two folds"):
        CrossValidation.of([Moments.from_arrays(X, y)], ["auto"], [10])
    with pytest.raises(MomentsError, match="without fold 1 of 2 there would be 3 rows"):
        CrossValidation.of([Moments.from_arrays(X[:17], y[:17]), Moments.from_arrays(X[17:], y[17:])], ["auto"], [10])


def test_a_target_that_does_not_vary_is_refused() -> None:
    """R2 has no meaning there."""
    folds = [Moments.from_arrays(np.arange(9.0)[i::3, None], np.full(3, 0.1)) for i in range(3)]
    with pytest.raises(StatisticsError, match="does not vary"):
        CrossValidation.of(folds, ["auto"], [10])
