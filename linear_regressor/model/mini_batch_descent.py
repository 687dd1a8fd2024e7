"""Stochastic gradient descent over shuffled mini-batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Reads all training rows once more, block by block, in an order of its own choice.
Read = Callable[[np.random.Generator], Iterable[tuple[Array, Array]]]

# Rows copied into shuffled order at a time: few enough to stay in the cache until their steps are done.
CHUNK_VALUES = 1 << 18


def descend(X: Array, y: Array, start: Array, rate: float, batch_size: int, random: np.random.Generator,
            weight: Array | None = None) -> Iterator[Array]:
    """Give the weights after each further pass over the rows, for as long as they are asked for.

    A step takes the next ``batch_size`` rows of a fresh full permutation: ``dW = -2/k sum x (y - y_hat)``,
    ``db = -2/k sum (y - y_hat)``, ``W -= rate dW``, ``b -= rate db``, k rows in the batch (the last may be smaller).

    Parameters
    ----------
    X : ndarray of shape (n, p), float64
        Features, finite.
    y : ndarray of shape (n,), float64
        Target, finite.
    start : ndarray of shape (p + 1,), float64
        Weights before the first step: W, then b.
    rate : float
        Learning rate, greater than 0.
    batch_size : int
        Rows a step, at least 1; more than n means all.
    random : numpy.random.Generator
        Source of the permutations.
    weight : ndarray of shape (n,), float64, optional
        How often each row counts, with a positive sum.

    Yields
    ------
    ndarray of shape (p + 1,), float64
        Weights after one more pass: W, then b; not finite where the descent diverged.

    Examples
    --------
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0])
    >>> passes = descend(X, y, np.zeros(2), rate=0.25, batch_size=2, random=np.random.default_rng(0))
    >>> next(passes).tolist(), next(passes).tolist()
    ([1.0, 0.0], [1.5, 0.0])

    References
    ----------
    L. Bottou, F. E. Curtis, J. Nocedal, "Optimization Methods for Large-Scale Machine Learning", 2018, section 3.
    """
    rows, batch_size = _rows(X, y, weight), min(batch_size, len(X))
    # A last entry of -1 lets one product give the residuals: [x, 1, y] @ [W, b, -1] = y_hat - y.
    theta = np.append(start, -1.0)
    chunk = np.empty((max(batch_size, CHUNK_VALUES // rows.shape[1] // batch_size * batch_size), rows.shape[1]))
    chunk = chunk[:len(rows)]
    while True:
        order = random.permutation(len(rows))
        with np.errstate(all="ignore"):  # what overflows shows in the weights
            for first in range(0, len(order), len(chunk)):
                picked = order[first:first + len(chunk)]
                shuffled = rows.take(picked, axis=0, out=chunk[:len(picked)], mode="clip")
                _steps(shuffled, theta, rate, batch_size)
        yield theta[:-1].copy()


def descend_stream(read: Read, start: Array, rate: float, batch_size: int, seed: int,
                   taken: int = 0) -> Iterator[Array]:
    """Give the weights after each further pass over a stream of blocks, for as long as they are asked for.

    The rows are shuffled within each block, and a batch does not go beyond its block, whose last one may be smaller:
    right for streams whose rows are not sorted by the target.

    Parameters
    ----------
    read : callable
        Given a source of random numbers, gives the blocks of one pass: X of shape (rows, p) and y of shape (rows,),
        float64, finite.
    start : ndarray of shape (p + 1,), float64
        Weights before the next pass: W, then b.
    rate : float
        Learning rate, greater than 0.
    batch_size : int
        Rows a step, at least 1; more than a block has means all of it.
    seed : int
        At least 0. Pass k is shuffled by seed and k alone, so that passes can go on where they were.
    taken : int
        How many passes have been taken before, at least 0.

    Yields
    ------
    ndarray of shape (p + 1,), float64
        Weights after one more pass: W, then b; not finite where the descent diverged.

    Examples
    --------
    >>> block = (np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0]))
    >>> passes = descend_stream(lambda random: [block], np.zeros(2), rate=0.25, batch_size=2, seed=0)
    >>> next(passes).tolist(), next(passes).tolist()
    ([1.0, 0.0], [1.5, 0.0])
    """
    theta = np.append(start, -1.0)
    for number in itertools.count(taken):
        random = np.random.default_rng([seed, number])
        with np.errstate(all="ignore"):  # what overflows shows in the weights
            for X, y in read(random):
                rows = _rows(X, y, None)
                _steps(rows.take(random.permutation(len(rows)), axis=0), theta, rate, batch_size)
        yield theta[:-1].copy()


def _rows(X: Array, y: Array, weight: Array | None) -> Array:
    """Rows ``[x, 1, y]``, each times the root of its weight relative to the mean weight."""
    rows = np.empty((len(X), X.shape[1] + 2))
    rows[:, :-2], rows[:, -2], rows[:, -1] = X, 1.0, y
    if weight is not None:
        rows *= np.sqrt(weight / weight.mean())[:, None]
    return rows


def _steps(shuffled: Array, theta: Array, rate: float, batch_size: int) -> None:
    """Take one step for each batch of the shuffled rows, changing theta in place: four NumPy calls a step."""
    weights = theta[:-1]
    residual, step = np.empty(min(batch_size, len(shuffled))), np.empty_like(weights)
    for first in range(0, len(shuffled), batch_size):
        batch = shuffled[first:first + batch_size]
        r = residual[:len(batch)]
        np.dot(batch, theta, out=r)
        np.dot(r, batch[:, :-1], out=step)
        np.multiply(step, 2.0 * rate / len(batch), out=step)
        np.subtract(weights, step, out=weights)
