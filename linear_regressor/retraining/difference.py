"""``Difference``: how much larger the error of a new model is than that of the one in use, with its standard error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.inference import predict
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]
Source = Literal["rows", "blocks", "closed form"]

# Fewer blocks estimate their own spread too badly.
LEAST_BLOCKS = 20
# Probability that a one-sided interval does not hold.
ERROR = 0.05

ASSUMPTIONS: dict[Source, str] = {
    "rows": "from the single rows",
    "blocks": "from blocks of rows",
    "closed form": "on the assumption that the errors are independent and have equal variance",
}


class Line(NamedTuple):
    """A model: ``y_hat = W x + b``."""

    W: Array
    b: float


@dataclass(frozen=True)
class Difference:
    """Mean squared error of the challenger minus that of the champion, on the same rows."""

    # below 0 if the challenger is better, in squared units of the target
    mean: float
    standard_error: float
    degrees_of_freedom: float
    source: Source

    @property
    def upper(self) -> float:
        """Upper end of the one-sided 95 % interval."""
        return self.mean + student_quantile(1.0 - ERROR, self.degrees_of_freedom) * self.standard_error

    @classmethod
    def from_rows(cls, champion: Line, challenger: Line, rows: Iterable[tuple[Array, Array]]) -> Difference | None:
        """Standard error of the mean of ``(y - challenger)^2 - (y - champion)^2`` over blocks (X, y) of rows.

        The squares are not subtracted: the difference is ``-2 D (y - middle)``, with D the difference of the
        predictions and the middle between them. Nor are the differences squared, which are squares of the target's unit
        and would leave the range of float64. None for fewer than two rows.
        """
        change, middle = _change(champion, challenger), _middle(champion, challenger)
        n, mean, spread = 0, 0.0, 0.0
        for X, y in rows:
            d = -2.0 * predict(X, change.W, change.b) * (y - predict(X, middle.W, middle.b))
            if len(d) == 0:
                continue
            away, merged = float(d.mean()) - mean, n + len(d)
            spread = hypot(spread, away * sqrt(n * len(d) / merged), *(d - d.mean()).tolist())
            mean, n = mean + away * len(d) / merged, merged
        return cls(mean, spread / sqrt(n - 1) / sqrt(n), n - 1, "rows") if n > 1 else None

    @classmethod
    def from_blocks(cls, champion: Line, challenger: Line, blocks: Sequence[Moments]) -> Difference | None:
        """Standard error from the spread of B blocks: ``B/(B - 1) sum (n_b (d_b - d) / n)^2``; None for under 20."""
        B = len(blocks)
        if B < LEAST_BLOCKS:
            return None
        rows = np.array([block.n for block in blocks])
        means = np.array([mean_difference(champion, challenger, block) for block in blocks])
        mean = float(rows @ means / rows.sum())
        spread = hypot(*(rows / rows.sum() * (means - mean)).tolist())
        return cls(mean, sqrt(B / (B - 1)) * spread, B - 1, "blocks")

    @classmethod
    def closed_form(cls, champion: Line, challenger: Line, moments: Moments) -> Difference | None:
        """Standard error ``sqrt(4 s^2 D'GD) / n``, with D in (W, b), G = sum zz' and s^2 of the rows' own line.

        It needs errors of equal variance: where the variance grows with x, its 95 % interval holds in about 78 % of
        all cases. None if the rows leave no degree of freedom.
        """
        n, freedom = moments.n, moments.n - moments.p - 1.0
        if freedom <= 0:
            return None
        change = _change(champion, challenger)
        at_mean = change.b + float(change.W @ moments.x_mean)
        squared_change = max(float(change.W @ moments.A @ change.W), 0.0) + n * at_mean * at_mean
        variance = n * moments.loss(*moments.solve()) / freedom
        return cls(mean_difference(champion, challenger, moments), 2.0 * sqrt(variance) * sqrt(squared_change) / n,
                   freedom, "closed form")


def mean_difference(champion: Line, challenger: Line, moments: Moments) -> float:
    """``L(challenger) - L(champion) = gradient(middle)'D``, with D in (W, b): the losses themselves would cancel."""
    change, middle = _change(champion, challenger), _middle(champion, challenger)
    residual = moments.y_mean - middle.b - float(middle.W @ moments.x_mean)
    at_mean = change.b + float(change.W @ moments.x_mean)
    covariance = float(change.W @ (moments.c - moments.A @ middle.W)) / moments.n
    return -2.0 * (covariance + at_mean * residual)


def student_quantile(probability: float, degrees_of_freedom: float) -> float:
    """Quantile of Student's t by its expansion in 1 / nu: at 95 % good to 5 digits from 10 degrees of freedom on.

    M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, formula 26.7.5.
    """
    z, nu = NormalDist().inv_cdf(probability), degrees_of_freedom
    terms = ((z ** 3 + z) / 4, (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
             (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
             (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160)
    return z + sum(term / nu ** power for power, term in enumerate(terms, 1))


def _change(champion: Line, challenger: Line) -> Line:
    """D: the challenger minus the champion."""
    return Line(challenger.W - champion.W, challenger.b - champion.b)


def _middle(champion: Line, challenger: Line) -> Line:
    """The line between the two."""
    return Line((challenger.W + champion.W) / 2.0, (challenger.b + champion.b) / 2.0)
