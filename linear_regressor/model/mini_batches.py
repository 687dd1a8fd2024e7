"""Stochastic gradient descent on the mean squared error, step by step over mini-batches of rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Reads all training rows once, block by block as (X, y), in an order drawn from the generator.
Read = Callable[[np.random.Generator], Iterable[tuple[Array, Array]]]

# Values copied into shuffled order at a time: few enough to stay in the processor's cache during their steps.
CHUNK_VALUES = 1 << 18


def descend_mini_batches(X: Array, y: Array, start: Array, rate: float, batch_size: int,
                         random: np.random.Generator, weight: Array | None = None,
                         rate_rows: int = 1) -> Iterator[Array]:
    """Yield theta after each pass over the rows, without end.

    Each step takes the next k = ``batch_size`` rows of a random permutation (the last batch may be smaller):
    ``W -= rate dW`` and ``b -= rate db`` with ``dW = -2/k sum x (y - y_hat)`` and ``db = -2/k sum (y - y_hat)``.
    A rate that is safe only for ``rate_rows`` or more rows is multiplied by ``k / rate_rows`` in a batch of fewer.
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
                _steps(shuffled, theta, rate, batch_size, rate_rows)
        yield theta[:-1].copy()


def descend_stream(read: Read, start: Array, rate: float, batch_size: int, seed: int,
                   taken: int = 0, rate_rows: int = 1) -> Iterator[Array]:
    """Yield theta after each pass over a stream, without end; ``taken`` passes have been made before.

    Rows are shuffled within each block, and batches end with their block: use it for streams not sorted by target.
    ``rate_rows`` is that of ``descend_mini_batches``.
    """
    theta = _extended(start)
    for number in itertools.count(taken):
        random = np.random.default_rng([seed, number])
        with np.errstate(all="ignore"):  # an overflow shows in theta
            for X, y in read(random):
                rows = _rows(X, y, None)
                _steps(rows.take(random.permutation(len(rows)), axis=0), theta, rate, batch_size, rate_rows)
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


def _steps(shuffled: Array, theta: Array, rate: float, batch_size: int, rate_rows: int) -> None:
    """Take one step per batch of the shuffled rows, updating theta in place with four NumPy calls a step."""
    weights = theta[:-1]
    residual, step = np.empty(min(batch_size, len(shuffled))), np.empty_like(weights)
    for first in range(0, len(shuffled), batch_size):
        batch = shuffled[first:first + batch_size]
        r = residual[:len(batch)]
        np.dot(batch, theta, out=r)
        np.dot(r, batch[:, :-1], out=step)
        np.multiply(step, 2.0 * rate / max(len(batch), rate_rows), out=step)
        np.subtract(weights, step, out=weights)
