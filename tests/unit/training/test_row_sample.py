"""The sample from which bins are made: every row of small data, an even share of large ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.model.histogram import FineHistogram
from linear_regressor.training.row_sample import MOST_ROWS, RowSample, bins_from_plain, bins_to_plain, merge_bins


def sampled(X: NDArray[np.float64], ends: list[int], columns: int | None = None) -> RowSample:
    """Sample rows that come in blocks."""
    sample = RowSample(columns or X.shape[1])
    for block in np.split(X, ends):
        sample.add(block.T)
    return sample


@pytest.mark.parametrize("rows", [1, 1000, MOST_ROWS])
def test_every_row_of_few_is_counted(random: np.random.Generator, rows: int) -> None:
    """As by the histograms of whole columns; further columns, such as the target, are left out."""
    X = random.normal(size=(rows, 3))
    bins = sampled(X, [rows // 2], columns=2).histograms()
    assert bins == tuple(FineHistogram.of(column) for column in X.T[:2])


@pytest.mark.parametrize("rows", [MOST_ROWS + 1, 300_000])
def test_blocks_do_not_matter(random: np.random.Generator, rows: int) -> None:
    """Nor whether rows are chosen by their places."""
    X = np.asfortranarray(random.normal(size=(rows, 2)))
    whole = sampled(X, []).histograms()
    ends = sorted(random.integers(0, rows, 7).tolist())
    assert sampled(X, ends).histograms() == whole
    twice = RowSample(2)
    twice.add(np.repeat(X, 2, axis=0).T, np.arange(rows) * 2)
    assert twice.histograms() == whole
    assert whole[0].n == pytest.approx(rows, rel=0.01)


@pytest.mark.parametrize("period", [2, 7, 8, 24, 60, 128, 365, 1024])
def test_periodic_and_sorted_rows_are_sampled_evenly(period: int) -> None:
    """Each phase of a period has its share, and so has each part of a sorted file."""
    rows = 1 << 20
    position = np.arange(rows, dtype=float)
    bins = sampled(np.column_stack([position % period, position]), []).histograms()
    phases = bins[0].counts / bins[0].n
    if period <= 128:
        chance = 5 * (1 / period / (MOST_ROWS / 2)) ** 0.5
        assert len(phases) == period and phases == pytest.approx(1 / period, abs=chance)
    found = bins[1].coarse()
    true = np.histogram(position, [-np.inf, *found.edges, np.inf])[0] / rows
    assert len(true) >= 15 and found.counts / bins[1].n == pytest.approx(true, abs=0.002)


def test_large_data_have_the_quantiles_of_all_rows(random: np.random.Generator) -> None:
    """Shares of all rows in the bins of the sample are those that the sample has, up to chance."""
    x = random.exponential(size=(500_000, 1))
    found = sampled(x, []).histograms()[0].coarse()
    true = np.histogram(x, [-np.inf, *found.edges, np.inf])[0] / len(x)
    assert found.counts / found.counts.sum() == pytest.approx(true, abs=0.01)


def test_samples_of_partitions_merge_in_any_order(random: np.random.Generator) -> None:
    """To the same bits, each with the rows that it stands for; nothing is no exception."""
    parts = [sampled(random.normal(size=(rows, 1)), []).histograms() for rows in (10, 20_000, 100_000)]
    a, b, c = parts
    left = merge_bins(merge_bins(None, a), merge_bins(b, c))
    assert left is not None and left == merge_bins(merge_bins(merge_bins(c, a), b), None)
    assert left[0].n == sum(part[0].n for part in parts)


def test_plain_values_keep_every_bit(random: np.random.Generator) -> None:
    """Also through JSON; an empty or damaged text is an error."""
    bins = sampled(random.normal(size=(20_000, 2)) * 1e200, []).histograms()
    plain = json.loads(json.dumps(bins_to_plain(bins)))
    assert bins_from_plain(plain) == bins
    for damaged in ([[0, "", ""]], [[0]], 7, [[0, plain[0][1], plain[0][2][:40]]], [["x", *plain[0][1:]]]):
        with pytest.raises(ValueError):
            bins_from_plain(damaged)


def test_wide_rows_are_sampled_more_thinly(random: np.random.Generator) -> None:
    """The sample of 1,000 columns takes no more memory than that of 100."""
    assert sampled(random.normal(size=(5_000, 1_000)), [])._rows.nbytes < 9 << 20
