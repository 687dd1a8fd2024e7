"""Training compared with the loop, a matrix product, a scan of the same files, an import, and other libraries."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, SGDRegressor

from benchmarks import process, streaming, whole_process
from benchmarks.make_rows import chunks, write
from benchmarks.ratio import Ratio, measured_in_turn, timed_in_turn
from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.model.descent import descend
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from linear_regressor.model.mini_batches import descend_mini_batches
from linear_regressor.training.config import TrainingConfig

Array = NDArray[np.float64]

ITERATIONS = 15000
RATE = 0.1


def loop(X: Array, y: Array, start: Array, rate: float, steps: int) -> tuple[Array, Array]:
    """The challenge's gradient descent, step by step over the rows."""
    W, b, losses = start[:-1].copy(), float(start[-1]), np.empty(steps + 1)
    residuals = y - (X @ W + b)
    losses[0] = np.mean(residuals ** 2)
    for step in range(1, steps + 1):
        W -= rate * (-2.0 / len(y)) * (X.T @ residuals)
        b -= rate * (-2.0 / len(y)) * float(residuals.sum())
        residuals = y - (X @ W + b)
        losses[step] = np.mean(residuals ** 2)
    return np.append(W, b), losses


def ratios(rows: int = 1_000_000, rounds: int = 5) -> Iterator[Ratio]:
    """Yield the ratios that training has a budget for, each as soon as it is measured."""
    yield from against_loop(rounds)
    yield from against_product(rows, rounds)
    yield against_sgd(rows, rounds)
    yield from streaming.ratios(rows, rounds)
    yield against_import(rounds)
    yield from whole_process.ratios(3 * rows, min(rounds, 3))


def against_loop(rounds: int) -> Iterator[Ratio]:
    """Compare 15,000 iterations on bmi with the loop: the whole ``fit``, and the trajectory with its losses only."""
    data, _ = read_diabetes(["bmi"]).split_last(TrainingConfig.test_rows)
    model = SimpleLinearRegression(ITERATIONS, RATE, random_state=0).fit(data.X, data.y)
    moments: Moments = model.moments_
    start, steps = model.start_, ITERATIONS + 1

    def slow() -> None:
        loop(data.X, data.y, start, RATE, steps)

    def trajectory() -> None:
        descend(moments, HessianSpectrum.of(moments), start, RATE, steps)

    yield Ratio.of("loop / fit, bmi, 15,000 iterations with losses", timed_in_turn(
        slow, lambda: model.fit(data.X, data.y), rounds, below_calls=20), "s", floor=50)
    yield Ratio.of("loop / trajectory with losses alone", timed_in_turn(
        slow, trajectory, rounds, below_calls=200), "s", floor=300)


def against_product(rows: int, rounds: int) -> Iterator[Ratio]:
    """Compare ``fit`` of 50 columns with one matrix product of them, and with scikit-learn."""
    X, y = _noisy_line(rows, 50)
    model, other = SimpleLinearRegression(random_state=0), LinearRegression()
    yield Ratio.of(f"fit / X.T @ X, {rows:,} x 50", timed_in_turn(
        lambda: model.fit(X, y), lambda: X.T @ X, rounds), "s", ceiling=2)
    yield Ratio.of(f"fit / LinearRegression.fit, {rows:,} x 50", timed_in_turn(
        lambda: model.fit(X, y), lambda: other.fit(X, y), max(rounds // 2, 1)), "s", ceiling=0.15)


def against_sgd(rows: int, rounds: int) -> Ratio:
    """Compare a pass of mini-batches with a pass of scikit-learn's stochastic descent."""
    X, y = _noisy_line(rows, 10)
    passes = descend_mini_batches(X, y, np.zeros(11), 0.01, 256, np.random.default_rng(0))
    other = SGDRegressor(random_state=0)
    return Ratio.of(f"pass of batches of 256 / SGDRegressor pass, {rows:,} x 10", timed_in_turn(
        lambda: next(passes), lambda: other.partial_fit(X, y), rounds), "s", ceiling=0.35)


def against_import(rounds: int) -> Ratio:
    """Compare the whole command on 1,000 rows with a Python that only imports NumPy."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "rows.csv")
        write(path, chunks(1000))
        return Ratio.of("process: train --data, CSV, 1,000 x 10 / import numpy", measured_in_turn(
            lambda: process.train(path).seconds,
            lambda: process.run([sys.executable, "-c", "import numpy"]).seconds, rounds + 1)[1:], "s", ceiling=5)


def _noisy_line(rows: int, features: int) -> tuple[Array, Array]:
    """Draw standard normal features, weights and noise as C-ordered float64."""
    random = np.random.default_rng(0)
    X = random.standard_normal((rows, features))
    return X, X @ random.standard_normal(features) + random.standard_normal(rows)
