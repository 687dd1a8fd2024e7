"""Oracles: slow, simple computations that the fast ones are compared with."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from fractions import Fraction
from operator import mul
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linear_regressor import Moments

Array = NDArray[np.float64]

NIST = Path(__file__).resolve().parent / "nist"


def challenge_loop(X: Array, y: Array, start: Array, rate: float, iterations: int,
                   weight: ArrayLike | None = None) -> tuple[Array, float, Array]:
    """Run the challenge's loop: record the loss, then ``iterations + 1`` times update W and b and record the loss."""
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


def precise_loop(X: Array, y: Array, start: Array, rate: float, steps: int) -> tuple[Array, Array]:
    """Run the challenge's loop in extended precision (80 bits on x86): W, then b, and the losses."""
    rows, target = np.column_stack([X, np.ones(len(X))]).astype(np.longdouble), y.astype(np.longdouble)
    theta, scale, losses = start.astype(np.longdouble), np.longdouble(rate) * 2 / len(y), []
    for _ in range(steps):
        residual = target - rows @ theta
        losses.append(np.mean(residual ** 2))
        theta = theta + scale * (rows.T @ residual)
    losses.append(np.mean((target - rows @ theta) ** 2))
    return theta.astype(np.float64), np.array(losses).astype(np.float64)


def least_squares(X: Array, y: Array) -> Array:
    """Solve by orthogonal decomposition of the rows, without moments: W, then b."""
    return np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)[0].astype(np.float64)


def precision(moments: Moments) -> tuple[float, float]:
    """Tolerance of slopes in units of the standard deviations, and condition number of the correlation matrix."""
    length = np.sqrt(moments.A.diagonal())
    values = np.linalg.eigvalsh(moments.A / np.outer(length, length))
    condition = float(values[-1] / max(values[0], 1e-300))
    offset = float(np.max(np.abs(moments.x_mean) * np.sqrt(moments.n) / length))
    return max(1e-12, 32 * float(np.finfo(np.float64).eps) * condition * (1.0 + offset)), condition


def exact_least_squares(X: Array, y: Array) -> list[Fraction]:
    """Solve the normal equations in fractions: W, then b, without any rounding."""
    rows = [[*map(Fraction, row), Fraction(1)] for row in X.tolist()]
    columns, target = list(zip(*rows, strict=True)), list(map(Fraction, y.tolist()))
    system = [[sum(map(mul, one, other), Fraction(0)) for other in (*columns, target)] for one in columns]
    for place, pivot in enumerate(system):
        for other in (row for row in system if row is not pivot):
            share = other[place] / pivot[place]
            other[:] = [value - share * above for value, above in zip(other, pivot, strict=True)]
    return [row[-1] / row[place] for place, row in enumerate(system)]


def exact_loss(X: Array, y: Array, theta: Sequence[Fraction]) -> Fraction:
    """Mean squared error of a line in fractions."""
    errors = [Fraction(value) - sum(map(mul, [*map(Fraction, row), Fraction(1)], theta), Fraction(0))
              for row, value in zip(X.tolist(), y.tolist(), strict=True)]
    return sum((error ** 2 for error in errors), Fraction(0)) / len(errors)


def rows_of_condition(random: np.random.Generator, n: int, p: int, condition: float) -> tuple[Array, Array]:
    """Draw rows whose Hessian has about this condition number, with an intercept and noise in y."""
    centred = random.normal(size=(n, p))
    Q = np.linalg.qr(centred - centred.mean(axis=0))[0] * np.sqrt(n)
    lengths = np.logspace(0.0, -np.log10(condition) / 2.0, p) if p > 1 else np.array([condition ** -0.5])
    turn = np.linalg.qr(random.normal(size=(p, p)))[0]
    X = (Q * lengths) @ turn
    return X, X @ random.normal(size=p) + random.normal() + random.normal(size=n)


def log_relative_error(answer: ArrayLike, certified: ArrayLike) -> float:
    """Number of correct digits of the least accurate number, at most 16."""
    error = np.abs(np.asarray(answer) - certified) / np.abs(certified)
    return float(-np.log10(max(float(error.max()), 1e-16)))


def reference_set(name: str) -> tuple[Array, Array, Array]:
    """Read one of NIST's reference data sets: X with the powers in its model, y, and the certified W, then b."""
    certified = json.loads((NIST / "certified.json").read_text())[name]
    with open(NIST / f"{name}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    X = np.column_stack([_column(rows, column) for column in certified["columns"]])
    y = np.array([float(row["y"]) for row in rows])
    return X, y, np.array([*certified["coefficients"], certified["intercept"]])


def _column(rows: list[dict[str, str]], name: str) -> Array:
    """Read a column, or a power of one such as ``x^2``."""
    base, _, power = name.partition("^")
    return np.array([float(row[base]) for row in rows]) ** int(power or 1)
