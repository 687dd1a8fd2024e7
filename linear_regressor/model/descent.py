"""``Descent``: gradient descent on the mean squared error, whose full-batch steps are computed in closed form."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DivergenceError, RateError
from linear_regressor.model.cross_products import EPS
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from linear_regressor.model.moments import Moments
from linear_regressor.model.scaling import Scaling

Array = NDArray[np.float64]

# Of theta = (W, b) on the rows of moments.
Loss = Callable[[Moments, Array], float]
# Yields theta = (W, b) after each pass, given the start, the learning rate and the scaling of the features.
Passes = Callable[[Array, float, Scaling | None], Iterator[Array]]

# Directions with an eigenvalue up to this share of the largest are flat: their optimum is too far away to be a precise
# reference point.
FLAT = 1e-9

# Descent has converged when its excess over the lowest loss is at most this share of the variance of the target: the
# weights are then exact to rounding.
CONVERGED = 2.0 ** -104
# float64 represents every number of steps up to here.
MOST_STEPS = 2 ** 53
# If more losses than this were computed, they are thinned to about as many.
MOST_LOSSES = 15_002

SECONDS_BETWEEN_LOG_LINES = 1.0

logger = logging.getLogger(__name__)


def mean_squared_error(moments: Moments, theta: Array) -> float:
    """Mean squared error of theta = (W, b) on the rows of these moments."""
    return moments.loss(theta[:-1], float(theta[-1]))


@dataclass(frozen=True, eq=False)
class Fit:
    """What a descent reached."""

    # weights in the units of the data
    W: Array
    b: float
    # weights before the first update, in the coordinates of the descent
    start: Array
    # learning rate used
    lr: float
    # updates of full-batch descent, or passes of stochastic descent
    count: int
    # number of updates or passes after which each loss was computed, from 0, and the losses
    steps: Array
    losses: Array
    # directions in which more than half of the random start is left; 0 for stochastic descent
    slow: int


class Descent:
    """Gradient descent on the rows of some moments, from a start that is drawn: coordinates, spectrum and rates."""

    def __init__(self, moments: Moments, draw: Array, standardize: bool, loss: Loss = mean_squared_error) -> None:
        self._loss = loss
        self._scaling = Scaling.of(moments) if standardize else None
        self._moments = self._scaling.moments(moments) if self._scaling else moments
        self._origin = self._scaling.origin if self._scaling else np.zeros(len(draw))
        self.spectrum = HessianSpectrum.of(self._moments)
        self._start = self.spectrum.determined(draw) * (self._scaling.unit if self._scaling else 1.0)

    @classmethod
    def seeded(cls, moments: Moments, seed: int, standardize: bool) -> Descent:
        """Draw the start as ``SimpleLinearRegression`` does for this ``random_state``."""
        return cls(moments, np.random.RandomState(seed).standard_normal(moments.p + 1), standardize)

    def require_converging(self, lr: float | str) -> None:
        """Raise RateError if full-batch descent cannot converge at a learning rate."""
        limit, safe = self.spectrum.rate_limit, self.spectrum.safe_rate
        if lr != "auto" and float(lr) >= limit:
            raise RateError(f"a learning rate of {float(lr):g} cannot converge on these data: it must be below "
                            f"{limit:.6g}; 'auto' uses {safe:.6g}")

    def stochastic_rate(self, batch_size: int, minimum: Array, maximum: Array, heaviest: float = 1.0) -> float:
        """Learning rate at which steps over ``batch_size`` rows keep the mean square of the error from growing.

        ``B / (2 beta + (B - 1) lambda_max)``, where beta is at least the squared length of every row (z, 1): at B = 1
        no step moves away from the row's own line. A batch of r < B rows needs a step of ``r / B`` of that rate. Rows
        are between minimum and maximum, shape (p,), and count at most ``heaviest`` times as much as the mean row.
        """
        low, high = (self._scaling.rows(limit) if self._scaling else limit for limit in (minimum, maximum))
        beta = heaviest * (1.0 + float((np.maximum(np.abs(low), np.abs(high)) ** 2).sum()))
        return float(batch_size / (2.0 * beta + (batch_size - 1) * self.spectrum.values[-1]))

    def steps_to_optimum(self, rate: float) -> int:
        """Smallest number of steps, at least 1 and at most 2^53, after which full-batch descent has converged."""
        spectrum, moments = self.spectrum, self._moments
        optimum, unit = np.append(*moments.solve()), np.sqrt(moments.v / moments.n) or 1.0  # squares stay in range
        away = spectrum.Q.T @ spectrum.determined(self._start - optimum) / unit
        terms, least = excess_terms(spectrum.values, away), CONVERGED if moments.v > 0 else 0.0
        hidden = spectrum.hidden(optimum) / unit
        if (hidden[:-1] @ moments.A @ hidden[:-1]) / moments.n + (hidden @ np.append(moments.x_mean, 1.0)) ** 2 > least:
            return MOST_STEPS

        def is_near(steps: int) -> bool:
            with np.errstate(under="ignore"):  # powers may vanish
                return float(terms @ _shares(rate * spectrum.values, steps)[0] ** 2) <= least

        high = 1
        while high < MOST_STEPS and not is_near(high):
            high *= 2
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if is_near(middle) else (middle, high)
        return high

    def full_batch(self, iterations: int | str, lr: float | str) -> Fit:
        """Take ``iterations + 1`` full-batch steps, or as many as it takes to converge, in closed form."""
        rate = self.spectrum.safe_rate if lr == "auto" else float(lr)
        steps = self.steps_to_optimum(rate) if iterations == "auto" else int(iterations) + 1
        at = _thinned(steps) if iterations == "auto" and steps >= MOST_LOSSES else None
        with np.errstate(all="ignore"):  # an overflow is reported once, below
            theta, losses = descend(self._moments, self.spectrum, self._start, rate, steps, self._scaling is None, at)
        slow = self.spectrum.slow_directions(rate, steps)
        return self._fit(theta, losses, rate, np.arange(steps + 1.0) if at is None else at, slow)

    def stochastic(self, passes: Passes, count: int, rate: float) -> Fit:
        """Make passes of stochastic steps, and log the progress about once a second."""
        theta, losses, logged = self._start, [np.nan], time.monotonic()
        with np.errstate(all="ignore"):  # an overflow is reported once, below
            steps = passes(self._start + self._origin, rate, self._scaling)
            for number in range(1, count + 1):
                theta = next(steps) - self._origin
                losses.append(self._loss(self._moments, theta))
                if not np.isfinite(losses[-1]):
                    break
                if time.monotonic() - logged >= SECONDS_BETWEEN_LOG_LINES:
                    logged = time.monotonic()
                    logger.info("pass %d of %d, loss %.6g", number, count, losses[-1])
        return self._fit(theta, np.array(losses), rate, np.arange(float(len(losses))), 0)

    def _fit(self, theta: Array, losses: Array, rate: float, steps: Array, slow: int) -> Fit:
        """Convert to the units of the data."""
        with np.errstate(all="ignore"):
            losses[0] = self._loss(self._moments, self._start)
        if not (np.isfinite(theta).all() and np.isfinite(losses).all()):
            raise DivergenceError(f"descent leaves the range of float64 at a learning rate of {rate:g}; use a lower "
                                  f"rate, larger batches or scaled columns")
        theta = theta + self._origin
        W, b = self._scaling.weights(theta) if self._scaling else (theta[:-1], float(theta[-1]))
        return Fit(W, b, self._start + self._origin, rate, int(steps[-1]), steps, losses, slow)


def _thinned(steps: int) -> Array:
    """About MOST_LOSSES numbers of steps, from 0 to the last, with growing distances."""
    return np.unique(np.append(0.0, np.geomspace(1.0, steps, MOST_LOSSES - 1).round()))


def descend(moments: Moments, spectrum: HessianSpectrum, start: Array, rate: float, steps: int,
            dependent_move: bool = True, at: Array | None = None) -> tuple[Array, Array]:
    """Compute theta after ``steps`` full-batch steps, and the loss before the first and after each, or ``at`` some.

    A step is ``theta -= rate * (H theta - g)`` with ``g = 2/n Z'y``. Along an eigenvector of ``H = Q Lambda Q'`` it
    leaves the share ``rho = 1 - rate lambda`` of the distance to theta*: ``theta_k = Q P Q' theta_0 + Q N Q' theta*``
    with ``P = rho^k`` and ``N = 1 - P``. The start is never subtracted from the optimum, so that neither costs the
    other digits. Flat directions use ``N / lambda`` of g, because theta* is imprecise there; those that the rows do not
    determine to the digits move as in the loop, unless ``dependent_move`` is false.
    """
    values, Q = spectrum.values, spectrum.Q
    optimum = np.append(*moments.solve())
    begin, goal = Q.T @ start, Q.T @ optimum
    flat = values <= FLAT * values[-1]
    steep, rho = ~flat, 1.0 - rate * values
    with np.errstate(under="ignore"):  # powers may vanish
        P, N = _shares(rate * values, steps)
        if flat.any():
            pull = -np.append(*moments.gradient(np.zeros(moments.p), 0.0))
            pull = pull if dependent_move else spectrum.determined(pull)
            slopes, begin[flat] = _beyond_rounding(Q[:, flat], pull), _beyond_rounding(Q[:, flat], start)
            goal[steep], goal[flat] = (Q[:, steep].T @ pull) / values[steep], begin[flat]
            optimum, moved = Q @ goal, N * goal
            moved[flat] = _flat_distance(values[flat], rate, np.array([float(steps)]))[0] * slopes
            theta = Q @ moved
        else:
            theta = optimum - Q @ (P * goal) if np.abs(P).max() <= 0.5 else Q @ (N * goal)
        theta += Q @ (P * begin)
        terms = excess_terms(values, begin - goal)[steep]
        losses = (_powers_sum(terms, rho[steep] ** 2, steps + 1) if at is None else
                  _each(lambda k: _shares(rate * values[steep], k)[0] ** 2 @ terms, at))
        losses += moments.loss(optimum[:-1], float(optimum[-1]))
        if flat.any():
            away = values[flat] * begin[flat] - slopes
            losses -= (_flat_gains(values[flat], away, rate, steps + 1) if at is None else
                       _each(lambda k: _flat_distance(values[flat], rate, 2.0 * k[:, 0]) @ away ** 2 / 2.0, at))
    return theta, np.maximum(losses, 0.0)


def _beyond_rounding(Q: Array, theta: Array) -> Array:
    """Components of theta along the columns of Q, with 0 for what rounding leaves of none."""
    along = Q.T @ theta
    along[np.abs(along) <= 4.0 * EPS * np.sqrt(theta @ theta)] = 0.0
    return along


def excess_terms(values: Array, away: Array) -> Array:
    """What each direction adds to the lowest loss at a distance ``away = Q' (theta - theta*)``: ``lambda/2 away^2``.

    After k steps from there it is ``rho^(2k)`` of that. The terms are positive: their sum does not cancel.
    """
    terms: Array = values * away / 2.0 * away
    return terms


def _each(compute: Callable[[Array], Array], steps: Array) -> Array:
    """Compute something for a column of numbers of steps, some at a time, to save memory."""
    return np.concatenate([compute(part[:, None]) for part in np.array_split(steps, len(steps) // 1000 + 1)])


def _shares(r: Array, steps: int | Array) -> tuple[Array, Array]:
    """``P = (1 - r)^steps`` and ``N = 1 - P``, both without cancellation."""
    exponents = steps * np.log1p(-np.minimum(r, 0.5))
    P, N = np.exp(exponents), -np.expm1(exponents)
    if (fast := r > 0.5).any():
        P[..., fast] = (1.0 - r[fast]) ** steps
        N[..., fast] = 1.0 - P[..., fast]
    return P, N


def _flat_distance(values: Array, rate: float, steps: Array) -> Array:
    """``phi_k`` for each k of ``steps`` without cancellation (``rate k`` where lambda is 0), shape (steps, values)."""
    safe = np.where(values > 0, values, 1.0)
    moved = -np.expm1(steps[:, None] * np.log1p(-rate * values)) / safe
    return np.where(values > 0, moved, rate * steps[:, None])


def _powers_sum(weights: Array, base: Array, count: int) -> Array:
    """``sum_i weights_i base_i^k`` for k = 0 ... count - 1.

    With ``k = i + side * j`` each power is a product of entries of two small tables, and one matrix product adds all.
    """
    side = int(np.ceil(np.sqrt(count)))
    exponents = np.arange(side, dtype=np.float64)[:, None]
    near, far = base ** exponents, (base ** side) ** exponents
    return ((far * weights) @ near.T).ravel()[:count]


def _flat_gains(values: Array, slopes: Array, rate: float, count: int) -> Array:
    """Decrease of the loss in flat directions after k = 0 ... count - 1 steps.

    ``phi`` of 2k steps also comes from two small tables: ``phi_(i+j) = phi_i + phi_j - lambda phi_i phi_j``.
    """
    side = int(np.ceil(np.sqrt(count)))
    exponents = np.arange(side, dtype=np.float64)
    near = _flat_distance(values, rate, 2.0 * exponents)
    far = _flat_distance(values, rate, 2.0 * side * exponents)
    near_gain, far_gain = near * slopes @ slopes / 2.0, far * slopes @ slopes / 2.0
    both = (far * slopes) @ (near * (values * slopes)).T / 2.0
    gains: Array = (far_gain[:, None] + near_gain - both).ravel()[:count]
    return gains
