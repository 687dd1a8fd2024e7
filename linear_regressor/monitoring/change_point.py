"""``ChangePoint``: evidence for a change after any block, and after which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Blocks with at least this share of the evidence may be the first of the change.
LIKELY = 0.05


def log_weights(blocks: int) -> Array:
    """Logarithms of the weights ``1 / ((j + 1)(j + 2))`` of the change points j = 0, 1, ..., which sum to 1."""
    j = np.arange(blocks, dtype=np.float64)
    return -np.log((j + 1.0) * (j + 2.0))


def log_mixture(log_e: Array) -> Array:
    """Evidence for a change after any of t blocks: ``M = sum_j E_j / ((j + 1)(j + 2)) + 1 / (t + 1)``.

    ``log_e`` has the change points j < t along its first axis; E_j compares the blocks from j on with all rows before
    them. The last term is the weight of the change points to come, whose e-values are 1. So M is a martingale if each
    E_j is one (the mixture over change points of A. N. Shiryaev, "On optimum methods in quickest detection problems",
    Theory of Probability and its Applications 8, 1963, here normalised to hold the error rate for ever).
    """
    t = len(log_e)
    weights = log_weights(t).reshape(-1, *(1,) * (log_e.ndim - 1))
    unstarted = np.full((1, *log_e.shape[1:]), -np.log(t + 1.0))
    mixture: Array = np.logaddexp.reduce(np.concatenate([log_e + weights, unstarted]), axis=0)
    return mixture


def only_at(log_e: Array, places: Sequence[int], total: int) -> Array:
    """E-values of some of the change points among all, 0 for the others.

    The mixture of some is at most that of all, so it is under alpha whenever the latter is.
    """
    if len(log_e) == total:
        return log_e
    spread = np.full((total, *log_e.shape[1:]), -np.inf)
    spread[list(places)] = log_e
    return spread


@dataclass(frozen=True)
class ChangePoint:
    """Evidence after the last block, and the blocks at which the change may have begun."""

    # logarithm of the mixture over all change points
    log_e: float
    # index of the block at which the change most likely began; None if no change point has any evidence
    since: int | None
    # indices of all blocks with at least 5 % of the evidence, in order
    likely: tuple[int, ...]

    @classmethod
    def of(cls, log_e: Array) -> ChangePoint:
        """Combine the e-values of the change points 0, 1, ..., t - 1."""
        evidence = log_e + log_weights(len(log_e))
        largest = float(evidence.max(initial=-np.inf))
        if largest == -np.inf:
            return cls(float(log_mixture(log_e)), None, ())
        shares = np.exp(evidence - largest)
        likely = np.flatnonzero(shares >= LIKELY * shares.sum())
        return cls(float(log_mixture(log_e)), int(evidence.argmax()), tuple(likely.tolist()))
