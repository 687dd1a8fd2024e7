"""Slow and plain ways to the right answer, to hold the fast ones against."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

NIST = Path(__file__).resolve().parent / "nist"


def challenge_loop(X: Array, y: Array, start: Array, rate: float, iterations: int,
                   weight: ArrayLike | None = None) -> tuple[Array, float, Array]:
    """Run the challenge's loop: note the loss, then ``iterations + 1`` times update W and b and note the loss.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Features.
    y : ndarray of shape (n,)
        Target.
    start : ndarray of shape (p + 1,)
        Weights before the first update: W, then b.
    rate : float
        Learning rate.
    iterations : int
        One less than the number of updates.
    weight : array-like of shape (n,), optional
        How often each row counts.

    Returns
    -------
    W : ndarray of shape (p,)
    b : float
    losses : ndarray of shape (iterations + 2,)

    Examples
    --------
    >>> challenge_loop(np.array([[-1.0], [1.0]]), np.array([-2.0, 2.0]), np.zeros(2), rate=0.25, iterations=1)
    (array([1.5]), 0.0, array([4.  , 1.  , 0.25]))
    """
    share = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    n, W, b = float(share.sum()), start[:-1].copy(), float(start[-1])
    residual = y - (X @ W + b)
    losses = [float(share @ residual ** 2) / n]
    for _ in range(iterations + 1):
        weighted = share * residual
        W = W - rate * (-2.0 / n * (X.T @ weighted))
        b = b - rate * (-2.0 / n * float(weighted.sum()))
        residual = y - (X @ W + b)
        losses.append(float(share @ residual ** 2) / n)
    return W, b, np.array(losses)


def least_squares(X: Array, y: Array) -> Array:
    """Solve by orthogonal decomposition of the rows themselves, without moments: W, then b.

    Examples
    --------
    >>> least_squares(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])).round(12).tolist()
    [2.0, 1.0]
    """
    return np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)[0].astype(np.float64)


def rows_of_condition(random: np.random.Generator, n: int, p: int, condition: float) -> tuple[Array, Array]:
    """Draw rows whose loss has a Hessian of about this condition number, with an intercept and noise in y.

    Examples
    --------
    >>> X, y = rows_of_condition(np.random.default_rng(0), 40, 3, 1e4)
    >>> Z = np.column_stack([X, np.ones(40)])
    >>> bool(0.1e4 < np.linalg.cond(Z.T @ Z) < 10e4)
    True
    """
    centred = random.normal(size=(n, p))
    Q = np.linalg.qr(centred - centred.mean(axis=0))[0] * np.sqrt(n)
    lengths = np.logspace(0.0, -np.log10(condition) / 2.0, p) if p > 1 else np.array([condition ** -0.5])
    turn = np.linalg.qr(random.normal(size=(p, p)))[0]
    X = (Q * lengths) @ turn
    return X, X @ random.normal(size=p) + random.normal() + random.normal(size=n)


def log_relative_error(answer: ArrayLike, certified: ArrayLike) -> float:
    """Count the right digits of the worst number, 16 where all are right to the last bit.

    Examples
    --------
    >>> round(log_relative_error([1.0, 2.002], [1.0, 2.0]), 9)
    3.0
    """
    wrong = np.abs(np.asarray(answer) - certified) / np.abs(certified)
    return float(-np.log10(max(float(wrong.max()), 1e-16)))


def reference_set(name: str) -> tuple[Array, Array, Array]:
    """Read one of NIST's reference sets: X with the powers its model names, y, and the certified W, then b."""
    certified = json.loads((NIST / "certified.json").read_text())[name]
    with open(NIST / f"{name}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    X = np.column_stack([_column(rows, column) for column in certified["columns"]])
    y = np.array([float(row["y"]) for row in rows])
    return X, y, np.array([*certified["coefficients"], certified["intercept"]])


def _column(rows: list[dict[str, str]], name: str) -> Array:
    """Take a column, or the power of one that its name stands for: ``x^2``."""
    base, _, power = name.partition("^")
    return np.array([float(row[base]) for row in rows]) ** int(power or 1)
