"""Tests of a data set against its reference; all of them share one error rate, so they get the number of tests."""

from __future__ import annotations

from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring import mean_change, shape_change
from linear_regressor.monitoring.line_change import LineTest, Withheld
from linear_regressor.monitoring.moment_stack import MomentStack

Array = NDArray[np.float64]
Found = NDArray[np.bool_]

# Probability of any finding about two disjoint random samples of the same rows.
ALPHA = 0.002
# Least size of a change that is reported: of means in standard deviations, of shares as their root mean square relative
# change, of correlations on Fisher's scale.
LEAST_SIZE = 0.1
# Least change of a share of missing values.
LEAST_SHARE = 0.01
# The errors of ranks may vary more for some values of a column than for others: a row counts as half a row, as if their
# variance were twice as large.
ROWS_PER_ROW = 0.5
# Terms of a tail's sum; later ones are negligible.
MOST_TERMS = 100_000


def means(before: Moments, after: Moments, tests: int) -> Found:
    """Whether the mean of each column has changed, by at least a tenth of its standard deviation."""
    first, second = (MomentStack(np.full(len(each.m), each.n), each.m[:, None], each.C.diagonal()[:, None, None])
                     for each in (before, after))
    spread = np.sqrt(before.C.diagonal() / before.n)
    found: Found = (mean_change.log_e(first, second) >= log(tests / ALPHA)) & (
        np.abs(after.m - before.m) >= LEAST_SIZE * spread)
    return found


def pairs(before: Moments, after: Moments, tests: int) -> Found:
    """Whether the relation of each pair of columns of ranks has changed, as a symmetric matrix."""
    left, right = np.triu_indices(len(before.m), 1)
    first, second = (_halved(each, left, right) for each in (before, after))
    test = LineTest.of(first)
    found = (test.counted(second) >= log(tests / ALPHA)) & (
        np.abs(_fisher(second) - _fisher(first)) >= LEAST_SIZE)
    for place in np.flatnonzero(test.withheld == Withheld.NO_ERRORS):
        found[place] = _no_longer_exact(test[[place]], second[[place]], tests)
    matrix = np.zeros(before.C.shape, bool)
    matrix[left, right] = matrix[right, left] = found
    return matrix


def _halved(ranks: Moments, left: NDArray[np.intp], right: NDArray[np.intp]) -> MomentStack:
    """Moments of pairs of columns, in which each row counts as half a row."""
    both = np.stack([left, right], axis=-1)
    C = ranks.C[both[:, :, None], both[:, None, :]]
    return MomentStack(np.full(len(left), ranks.n * ROWS_PER_ROW), ranks.m[both], C * ROWS_PER_ROW)


def _fisher(pair: MomentStack) -> Array:
    """Correlations on Fisher's scale, on which a change means as much near 1 as near 0."""
    lengths = np.sqrt(pair.C[..., 0, 0] * pair.C[..., 1, 1])
    r = np.divide(pair.C[..., 0, 1], lengths, out=np.zeros_like(lengths), where=lengths > 0)
    scaled: Array = np.arctanh(np.clip(r, -1.0 + 1e-9, 1.0 - 1e-9))
    return scaled


def _no_longer_exact(test: LineTest, after: MomentStack, tests: int) -> bool:
    """Whether later rows leave a line on which all earlier rows lie; each has a square of at most 1."""
    d = after.m[0] - test.before.m[0]
    slope = test.W[0, 0]
    C = after.C[0]
    squares = C[1, 1] - 2.0 * slope * C[0, 1] + slope * slope * C[0, 0] + after.n[0] * (d[1] - slope * d[0]) ** 2
    rows = [round(float(each.n[0] / ROWS_PER_ROW)) for each in (test.before, after)]
    off = min(int(squares / ROWS_PER_ROW), rows[1])
    return bool(squares >= LEAST_SIZE ** 2 * test.before.C[0, 1, 1] * after.n[0] / test.before.n[0]
                and more_often(rows[0], 0, rows[1], off) < ALPHA / tests)


def line(before: Moments, after: Moments, tests: int) -> bool:
    """Whether the line of the last column of ranks on the others has changed, by a tenth of its errors' spread."""
    first, second = (MomentStack.of([Moments(each.n * ROWS_PER_ROW, each.m, each.C * ROWS_PER_ROW)])
                     for each in (before, after))
    old = LineTest.of(first)
    change = (LineTest.of(second).W - old.W)[0]
    size = float(change @ first.C[0, :-1, :-1] @ change)
    return bool(old.counted(second)[0] >= log(tests / ALPHA) and size >= LEAST_SIZE ** 2 * float(old.rss[0]))


def shares(before: Histogram | NDArray[np.int64], after: Histogram | NDArray[np.int64], tests: int) -> bool:
    """Whether the shares of bins or categories have changed."""
    counts = [np.asarray(each.counts if isinstance(each, Histogram) else each, np.float64) for each in (before, after)]
    return bool(shape_change.log_e(*counts) >= log(tests / ALPHA)
                and shape_change.relative_change(*counts) >= LEAST_SIZE)


def more_often(rows_before: int, before: int, rows_after: int, after: int) -> float:
    """Probability that at least so many of all affected rows are in the second group, if the groups are random.

    The tail of the hypergeometric distribution (R. A. Fisher, "On the interpretation of chi-squared from contingency
    tables", Journal of the Royal Statistical Society 85, 1922).
    """
    affected, rows = before + after, rows_before + rows_after
    if after * rows <= affected * rows_after:
        return 1.0  # no more than expected
    k = np.arange(after, min(affected, rows_after, after + MOST_TERMS), dtype=np.float64)
    ratios = (rows_after - k) * (affected - k) / ((k + 1.0) * (rows_before - affected + k + 1.0))
    first = (_log_choices(rows_before, before) + _log_choices(rows_after, after) - _log_choices(rows, affected))
    return min(exp(first) * (1.0 + float(np.cumprod(ratios).sum())), 1.0)


def _log_choices(of: int, chosen: int) -> float:
    """Logarithm of the number of ways to choose some of all rows."""
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)
