"""Gradient descent over all rows at each step, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.curvature import Curvature
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]

# Below this share of the largest eigenvalue the optimum lies too far away to be a good point to measure from.
FLAT = 1e-9


def descend(moments: Moments, curvature: Curvature, start: Array, rate: float,
            steps: int) -> tuple[Array, Array]:
    """Weights after ``steps`` full-batch steps, and the loss before the first and after each of them.

    Each step is ``theta -= rate * (H theta - g)``, so along an eigenvector of H the distance to the optimum shrinks by
    ``rho = 1 - rate * lambda`` a step: ``theta_k = theta_0 - Q phi_k Q' g_0`` with ``phi_k = (1 - rho^k) / lambda``
    and ``loss_k = loss* + sum(w rho^(2k))`` with ``w = (Q' g_0)^2 / (2 lambda)``. Directions that are flat or nearly so
    (lambda up to 1e-9 of the largest) are measured from the start instead of from the optimum.

    Parameters
    ----------
    moments : Moments
        Moments of the training rows.
    curvature : Curvature
        The curvature of these moments.
    start : ndarray of shape (p + 1,), float64
        Weights before the first step: W, then b.
    rate : float
        Learning rate, greater than 0 and below ``2 / lambda_max``.
    steps : int
        Number of steps, at least 0.

    Returns
    -------
    theta : ndarray of shape (p + 1,), float64
        Weights after the last step: W, then b.
    losses : ndarray of shape (steps + 1,), float64
        Mean squared errors. Beside the loop they are right to 1e-9 of ``max(loss, var(y))`` up to a condition number
        of the Hessian of 1e6.

    Examples
    --------
    >>> moments = Moments.from_arrays([[-1.0], [1.0]], [-2.0, 2.0])
    >>> theta, losses = descend(moments, Curvature.of(moments), np.zeros(2), rate=0.25, steps=2)
    >>> theta.tolist(), losses.tolist()
    ([1.5, 0.0], [4.0, 1.0, 0.25])

    References
    ----------
    G. Goh, "Why Momentum Really Works", Distill 2017, section "First Steps: Gradient Descent".
    """
    values, Q = curvature.values, curvature.Q
    dW, db = moments.gradient(start[:-1], float(start[-1]))
    slopes = Q.T @ np.append(dW, db)
    flat = values <= FLAT * values[-1]
    steep_values, steep_slopes = values[~flat], slopes[~flat]
    rho = 1.0 - rate * steep_values
    with np.errstate(under="ignore"):  # powers of rho that vanish are right to be 0
        theta = start - Q @ (_distance(values, rate, steps) * slopes)
        optimum = start - Q[:, ~flat] @ (steep_slopes / steep_values)
        losses = _powers_sum(steep_slopes * (steep_slopes / steep_values) / 2.0, rho ** 2, steps + 1)
        losses += moments.loss(optimum[:-1], float(optimum[-1]))
        if flat.any():
            losses -= _flat_gains(values[flat], slopes[flat], rate, steps + 1)
    return theta, np.maximum(losses, 0.0)


def _distance(values: Array, rate: float, steps: int) -> Array:
    """``phi = (1 - rho^steps) / lambda``: without cancellation where rho is near 1, shape (values,)."""
    short = rate * values < 0.5
    phi = np.empty_like(values)
    phi[short] = _flat_distance(values[short], rate, np.array([float(steps)]))[0]
    phi[~short] = (1.0 - (1.0 - rate * values[~short]) ** steps) / values[~short]
    return phi


def _powers_sum(weights: Array, base: Array, count: int) -> Array:
    """``sum_i weights_i base_i^k`` for k = 0 ... count - 1.

    With ``k = i + side j`` every power is a product out of two small tables, and all sums are one product of them.
    """
    side = int(np.ceil(np.sqrt(count)))
    exponents = np.arange(side, dtype=np.float64)[:, None]
    near, far = base ** exponents, (base ** side) ** exponents
    return ((far * weights) @ near.T).ravel()[:count]


def _flat_gains(values: Array, slopes: Array, rate: float, count: int) -> Array:
    """By how much flat directions have lowered the loss after k = 0 ... count - 1 steps.

    The distance ``phi`` of twice k steps also comes from two small tables:
    ``phi(i + j) = phi(i) + phi(j) - lambda phi(i) phi(j)``.
    """
    side = int(np.ceil(np.sqrt(count)))
    exponents = np.arange(side, dtype=np.float64)
    near = _flat_distance(values, rate, 2.0 * exponents)
    far = _flat_distance(values, rate, 2.0 * side * exponents)
    near_gain, far_gain = near * slopes @ slopes / 2.0, far * slopes @ slopes / 2.0
    both = (far * slopes) @ (near * (values * slopes)).T / 2.0
    gains: Array = (far_gain[:, None] + near_gain - both).ravel()[:count]
    return gains


def _flat_distance(values: Array, rate: float, steps: Array) -> Array:
    """``(1 - (1 - rate lambda)^k) / lambda``, ``rate k`` where lambda is 0, without cancellation: (steps, values)."""
    safe = np.where(values > 0, values, 1.0)
    moved = -np.expm1(steps[:, None] * np.log1p(-rate * values)) / safe
    return np.where(values > 0, moved, rate * steps[:, None])
