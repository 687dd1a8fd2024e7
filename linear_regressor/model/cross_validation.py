"""Cross-validation on moments: each fold is subtracted from the whole, without reading rows again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from operator import add

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import MomentsError, StatisticsError
from linear_regressor.model.descent import Descent
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Score:
    """Held-out errors of one learning rate and number of iterations."""

    lr: float | str
    iterations: int | str
    # shape (k,): mean squared error on each fold of the model fitted without it; None if the rate is too high for
    # descent to converge without one of the folds
    losses: Array | None
    # over all rows, each predicted by the model fitted without its fold; NaN without losses
    mean_squared_error: float
    r2: float


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """The scores of a grid of settings, in the order of the grid."""

    scores: tuple[Score, ...]
    # descent without any one of the folds converges only at a lower learning rate
    rate_limit: float

    @property
    def best(self) -> Score | None:
        """The score of the lowest mean squared error; None if no setting converges."""
        usable = [score for score in self.scores if score.losses is not None]
        return min(usable, key=lambda score: score.mean_squared_error, default=None)

    @classmethod
    def of(cls, folds: Sequence[Moments], rates: Sequence[float | str], iterations: Sequence[int | str],
           random_state: int = 0, standardize: bool = False) -> CrossValidation:
        """Fit each setting without each fold in turn, and evaluate it on that fold."""
        if len(folds) < 2:
            raise MomentsError("cross-validation needs at least two folds")
        whole = reduce(add, folds)
        if whole.v <= 0:
            raise StatisticsError("R2 is undefined: the target does not vary in these rows")
        descents = [Descent.seeded(_without(whole, folds, place), random_state, standardize)
                    for place in range(len(folds))]
        limit = min(descent.spectrum.rate_limit for descent in descents)
        pairs = list(zip(folds, descents, strict=True))
        scores = []
        for rate, count in product(rates, iterations):
            usable = rate == "auto" or float(rate) < limit
            losses = np.array([_loss_without(*pair, count, rate) for pair in pairs]) if usable else None
            scores.append(_score(rate, count, losses, folds, whole))
        return cls(tuple(scores), limit)


def _without(whole: Moments, folds: Sequence[Moments], place: int) -> Moments:
    """Moments of the rows outside a fold: the whole minus the fold.

    If a column varies almost only within the fold, subtraction would lose digits and fails; then the other folds are
    added up instead.
    """
    fold = folds[place]
    if whole.n - fold.n <= whole.p + 1:
        raise MomentsError(f"without fold {place + 1} of {len(folds)} there would be {whole.n - fold.n:g} rows, and a "
                           f"model of {whole.p} features needs more than {whole.p + 1}")
    try:
        return whole - fold
    except MomentsError:
        return reduce(add, [other for number, other in enumerate(folds) if number != place])


def _loss_without(fold: Moments, rest: Descent, iterations: int | str, lr: float | str) -> float:
    """Loss on a fold of the model fitted to the rest."""
    fit = rest.full_batch(iterations, lr)
    return fold.loss(fit.W, fit.b)


def _score(rate: float | str, iterations: int | str, losses: Array | None, folds: Sequence[Moments],
           whole: Moments) -> Score:
    """Average the losses of the folds, weighted by their rows."""
    if losses is None:
        return Score(rate, iterations, None, np.nan, np.nan)
    error = float(np.average(losses, weights=[fold.n for fold in folds]))
    return Score(rate, iterations, losses, error, 1.0 - whole.n * error / whole.v)
