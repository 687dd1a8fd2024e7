"""Simulated feedback: training rows, then a stream in which something changes, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.moment_stack import MomentStack

Array = NDArray[np.float64]
Errors = Literal["normal", "t5", "exponential", "growing variance", "AR(0.3)"]
Change = Literal["nothing", "mean", "slope", "variance", "correlation", "covariate shift"]

# Rows of each stream, and the row at which the change begins.
ROWS, CHANGE = 5000, 1000
# Standard deviations by which mean and slope change, factor of the standard deviation, and correlation.
SHIFT, FACTOR, CORRELATION = 0.3, 1.3, 0.3
# Rows of the first traffic, the reference of the inputs.
FIRST_TRAFFIC = 2000
CHUNK = 50


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    p: int = 1
    training: int = 353
    errors: Errors = "normal"
    change: Change = "nothing"
    # models after each other, each retrained on all rows before it
    models: int = 1
    inputs: bool = False
    # whether the rate of false alarms is claimed to be at most alpha
    claimed: bool = True

    @property
    def name(self) -> str:
        """The setting in words."""
        parts = [f"p {self.p}", f"{self.training:,} rows", self.errors]
        if self.change != "nothing":
            parts.append(self.change)
        if self.models > 1:
            parts.append(f"{self.models} models")
        if self.inputs:
            parts[1:3] = ["inputs"] if self.errors == "normal" else ["inputs", self.errors]
        return ", ".join(parts)

    @property
    def look(self) -> int:
        """Rows between two looks."""
        return 50 if self.p == 1 else 100


@dataclass(frozen=True, eq=False)
class Streams:
    """Some runs of a setting."""

    # moments of the training rows of each run
    training: MomentStack
    # the first traffic, shape (runs, rows, p); empty where the inputs are not tested
    first: Array
    # shapes (runs, rows, p) and (runs, rows)
    X: Array
    y: Array


def simulate(setting: Setting, runs: int, seed: int) -> Iterator[Streams]:
    """Draw runs in chunks that fit into memory."""
    random = np.random.default_rng(seed)
    for start in range(0, runs, CHUNK):
        size = min(CHUNK, runs - start)
        training = _training(setting, size, random)
        first, X = (_features(setting, (size, rows, setting.p), random)
                    for rows in (FIRST_TRAFFIC if setting.inputs else 0, ROWS))
        errors = _errors(setting.errors, X, random)
        y = errors.copy()
        after = slice(CHANGE, None)
        if setting.change == "mean":
            y[:, after] += SHIFT
        elif setting.change == "variance":
            y[:, after] *= FACTOR
        elif setting.change == "slope":
            y[:, after] += SHIFT * X[:, after, 0]
        elif setting.change == "covariate shift":
            X[:, after] = 1.0 + 1.5 * X[:, after]
        elif setting.change == "correlation":
            X[:, after, 1] = CORRELATION * X[:, after, 0] + np.sqrt(1.0 - CORRELATION ** 2) * X[:, after, 1]
        yield Streams(training, first, X, y + X.sum(-1))


def moments_of(X: Array, y: Array | None = None) -> MomentStack:
    """Moments over the last but one axis of X."""
    z = X if y is None else np.concatenate([X, y[..., None]], axis=-1)
    m = z.mean(axis=-2)
    d = z - m[..., None, :]
    return MomentStack(np.full(m.shape[:-1], float(z.shape[-2])), m, np.swapaxes(d, -1, -2) @ d)


def in_blocks(values: Array, rows: int) -> Array:
    """Divide the rows, the second axis, into blocks, which become the first axis."""
    runs, n = values.shape[:2]
    return np.moveaxis(values.reshape(runs, n // rows, rows, *values.shape[2:]), 1, 0)


def _training(setting: Setting, runs: int, random: np.random.Generator) -> MomentStack:
    """Moments of training rows, one run at a time: 100,000 rows of 50 runs would not fit into the caches."""
    found = []
    for _ in range(runs):
        X = random.normal(size=(setting.training, setting.p))
        errors = _errors(setting.errors, X[None], random)[0]
        found.append(moments_of(X, X.sum(-1) + errors))
    return MomentStack.of(found)


def _features(setting: Setting, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Independent features: normal, or exponential where the inputs have such a setting."""
    if setting.inputs and setting.errors == "exponential":
        return random.exponential(size=shape)
    return random.normal(size=shape)


def _errors(kind: Errors, X: Array, random: np.random.Generator) -> Array:
    """Errors of standard deviation 1 for rows of shape (runs, rows, p)."""
    shape = X.shape[:2]
    if kind == "t5":
        heavy: Array = random.standard_t(5, size=shape) * np.sqrt(0.6)
        return heavy
    if kind == "exponential":
        return random.exponential(size=shape) - 1.0
    if kind == "growing variance":  # from a third to about three times
        scale: Array = np.exp(0.5 * X[..., 0] - 0.25)
        return scale * random.normal(size=shape)
    if kind == "AR(0.3)":
        errors = random.normal(size=shape)
        errors[:, 1:] *= np.sqrt(1.0 - 0.09)
        for row in range(1, shape[1]):
            errors[:, row] += 0.3 * errors[:, row - 1]
        return errors
    return random.normal(size=shape)
