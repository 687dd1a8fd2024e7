"""``TrafficSummary``: what is kept of the rows that a model answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import MomentsError
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.inference import predict
from linear_regressor.monitoring.moment_stack import MomentStack

Array = NDArray[np.float64]

# Rows of a request that are recorded: of larger ones, this many at even distances.
MOST_ROWS = 128


@lru_cache(64)  # clients often send the same number of rows
def places(rows: int) -> NDArray[np.intp]:
    """Places of the recorded rows in a request with more."""
    return np.arange(MOST_ROWS) * rows // MOST_ROWS


@dataclass(frozen=True, eq=False)
class TrafficSummary:
    """Sums, products and histograms of features: plain sums, so that those of workers and replicas add up exactly.

    These are no ``Moments``, which need a target and at least one row; ``moments`` converts them.
    """

    # number of rows that were answered, and of those that were recorded
    answered: int
    n: int
    # shape (p,): mean of each feature in training, from which sums and products are taken
    centre: Array
    # shape (p,): sum of ``x - centre``
    sums: Array
    # shape (p, p): sum of ``(x - centre)(x - centre)'``
    products: Array
    # one per feature
    histograms: tuple[Histogram, ...]

    def __post_init__(self) -> None:
        """Check that the parts match, and make the arrays read-only."""
        p = len(self.histograms)
        for name, shape in (("centre", (p,)), ("sums", (p,)), ("products", (p, p))):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != shape or not np.isfinite(values).all():
                raise MomentsError(f"{name} of traffic with {p} features must be finite and of shape {shape}")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        if not 0 <= self.n <= self.answered or any(part.counts.sum() != self.n for part in self.histograms):
            raise MomentsError("the numbers of rows in a summary of traffic contradict each other")

    @classmethod
    def empty(cls, centre: Array, edges: Sequence[Array]) -> TrafficSummary:
        """Begin a summary with the features' means in training and the edges of their bins."""
        return cls.of(np.empty((0, len(edges))), centre, edges)

    @classmethod
    def of(cls, X: Array, centre: Array, edges: Sequence[Array], answered: int | None = None) -> TrafficSummary:
        """Summarise recorded rows; ``answered`` counts the rows they were taken from."""
        d = X - centre
        histograms = tuple(Histogram.of(column, bins) for column, bins in zip(X.T, edges, strict=True))
        return cls(len(X) if answered is None else answered, len(X), centre, d.sum(axis=0), d.T @ d, histograms)

    def __add__(self, other: TrafficSummary) -> TrafficSummary:
        """Merge with a summary of other rows of the same model."""
        if not np.array_equal(self.centre, other.centre):
            raise MomentsError("summaries of the traffic of different models cannot be merged")
        histograms = tuple(a + b for a, b in zip(self.histograms, other.histograms, strict=True))
        return TrafficSummary(self.answered + other.answered, self.n + other.n, self.centre, self.sums + other.sums,
                              self.products + other.products, histograms)

    @property
    def moments(self) -> MomentStack:
        """Count, means and centred cross-products, as one group."""
        shift = self.sums / max(self.n, 1)
        C = self.products - np.outer(self.sums, shift)
        np.fill_diagonal(C, np.maximum(C.diagonal(), 0.0))  # rounding must not make a variance negative
        return MomentStack(np.array(float(self.n)), self.centre + shift, C)

    def predictions(self, W: Array, b: float) -> tuple[float, float]:
        """Mean and standard deviation of the predictions ``W x + b``; NaN without rows."""
        if self.n == 0:
            return float("nan"), float("nan")
        moments = self.moments
        return float(predict(moments.m[None], W, b)[0]), sqrt(max(float(W @ moments.C @ W), 0.0) / self.n)
