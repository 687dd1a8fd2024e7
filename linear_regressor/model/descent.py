"""Gradient descent on the mean squared error: full-batch descent in closed form, mini-batch descent step by step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.cross_products import EPS
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]

# Reads all training rows once, block by block as (X, y), in an order drawn from the generator.
Read = Callable[[np.random.Generator], Iterable[tuple[Array, Array]]]

# Directions with an eigenvalue up to this share of the largest are flat: their optimum is too far away to be a precise
# reference point.
FLAT = 1e-9

# Values copied into shuffled order at a time: few enough to stay in the processor's cache during their steps.
CHUNK_VALUES = 1 << 18


def descend(moments: Moments, spectrum: HessianSpectrum, start: Array, rate: float, steps: int,
            dependent_move: bool = True) -> tuple[Array, Array]:
    """Compute theta after ``steps`` full-batch steps, and the loss before the first and after each of them.

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
        losses = _powers_sum(excess_terms(values, begin - goal)[steep], rho[steep] ** 2, steps + 1)
        losses += moments.loss(optimum[:-1], float(optimum[-1]))
        if flat.any():
            losses -= _flat_gains(values[flat], values[flat] * begin[flat] - slopes, rate, steps + 1)
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


def _shares(r: Array, steps: int) -> tuple[Array, Array]:
    """``P = (1 - r)^steps`` and ``N = 1 - P``, both without cancellation."""
    exponents = steps * np.log1p(-np.minimum(r, 0.5))
    P, N = np.exp(exponents), -np.expm1(exponents)
    if (fast := r > 0.5).any():
        P[fast] = (1.0 - r[fast]) ** steps
        N[fast] = 1.0 - P[fast]
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


def descend_mini_batches(X: Array, y: Array, start: Array, rate: float, batch_size: int,
                         random: np.random.Generator, weight: Array | None = None) -> Iterator[Array]:
    """Yield theta after each pass over the rows, without end.

    Each step takes the next k = ``batch_size`` rows of a random permutation (the last batch may be smaller):
    ``W -= rate dW`` and ``b -= rate db`` with ``dW = -2/k sum x (y - y_hat)`` and ``db = -2/k sum (y - y_hat)``.
    """
    rows, batch_size = _rows(X, y, weight), min(batch_size, len(X))
    theta = _extended(start)
    chunk = np.empty((max(batch_size, CHUNK_VALUES // rows.shape[1] // batch_size * batch_size), rows.shape[1]))
    chunk = chunk[:len(rows)]
    while True:
        order = random.permutation(len(rows))
        with np.errstate(all="ignore"):  # an overflow shows in theta
            for first in range(0, len(order), len(chunk)):
                picked = order[first:first + len(chunk)]
                shuffled = rows.take(picked, axis=0, out=chunk[:len(picked)], mode="clip")
                _steps(shuffled, theta, rate, batch_size)
        yield theta[:-1].copy()


def descend_stream(read: Read, start: Array, rate: float, batch_size: int, seed: int,
                   taken: int = 0) -> Iterator[Array]:
    """Yield theta after each pass over a stream, without end; ``taken`` passes have been made before.

    Rows are shuffled within each block, and batches end with their block: use it for streams not sorted by target.
    """
    theta = _extended(start)
    for number in itertools.count(taken):
        random = np.random.default_rng([seed, number])
        with np.errstate(all="ignore"):  # an overflow shows in theta
            for X, y in read(random):
                rows = _rows(X, y, None)
                _steps(rows.take(random.permutation(len(rows)), axis=0), theta, rate, batch_size)
        yield theta[:-1].copy()


def _extended(theta: Array) -> Array:
    """``[W, b, -1]``, so that one product gives the residuals: ``[x, 1, y] @ [W, b, -1] = y_hat - y``."""
    return np.append(theta, -1.0)


def _rows(X: Array, y: Array, weight: Array | None) -> Array:
    """Rows ``[x, 1, y]``, each times the square root of its weight relative to the mean weight."""
    rows = np.empty((len(X), X.shape[1] + 2))
    rows[:, :-2], rows[:, -2], rows[:, -1] = X, 1.0, y
    if weight is not None:
        rows *= np.sqrt(weight / weight.mean())[:, None]
    return rows


def _steps(shuffled: Array, theta: Array, rate: float, batch_size: int) -> None:
    """Take one step per batch of the shuffled rows, updating theta in place with four NumPy calls a step."""
    weights = theta[:-1]
    residual, step = np.empty(min(batch_size, len(shuffled))), np.empty_like(weights)
    for first in range(0, len(shuffled), batch_size):
        batch = shuffled[first:first + batch_size]
        r = residual[:len(batch)]
        np.dot(batch, theta, out=r)
        np.dot(r, batch[:, :-1], out=step)
        np.multiply(step, 2.0 * rate / len(batch), out=step)
        np.subtract(weights, step, out=weights)
