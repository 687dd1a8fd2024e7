"""Fine histograms merge to the same bits in any order; the few bins of a feature."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.errors import DataError, MomentsError
from linear_regressor.model.histogram import MOST_FINE_BINS, FineHistogram, Histogram, coarse_starts

Array = NDArray[np.float64]
values = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200)
seeds = st.integers(0, 2 ** 32 - 1)

DRAWS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda random, n: random.normal(size=n),
    "far from 0": lambda random, n: 1e6 + random.normal(size=n),
    "heavy tails": lambda random, n: random.standard_cauchy(size=n),
    "lognormal": lambda random, n: random.lognormal(0.0, 3.0, size=n),
    "rare category": lambda random, n: (random.random(n) < 0.02).astype(float),
    "frequent zero": lambda random, n: np.where(random.random(n) < 0.5, 0.0, random.normal(size=n)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_parts_merge_to_the_histogram_of_the_whole(name: str, random: np.random.Generator) -> None:
    """Bit for bit, sorted or not, in any order and division."""
    x = DRAWS[name](random, 30_000)
    whole = FineHistogram.of(x)
    for ordered in (x, np.sort(x), np.sort(x)[::-1]):
        ends = np.sort(random.integers(1, len(x), 5))
        parts = [FineHistogram.of(part) for part in np.split(ordered, ends) if len(part)]
        assert reduce(FineHistogram.__add__, random.permutation(np.array(parts, dtype=object))) == whole
    assert len(whole.keys) <= MOST_FINE_BINS
    assert whole.n == len(x)


@given(values, values)
def test_merging_is_commutative_and_exact(left: list[float], right: list[float]) -> None:
    """Any finite values, those at the ends of float64 included."""
    a, b = FineHistogram.of(np.array(left)), FineHistogram.of(np.array(right))
    assert a + b == b + a == FineHistogram.of(np.array(left + right))


@given(values)
def test_coarse_counts_are_those_of_the_edges(given_values: list[float]) -> None:
    """Values are counted in the bins whose edges the fine histogram names."""
    x = np.array(given_values)
    fine = FineHistogram.of(x)
    assert Histogram.of(x, fine.edges()).counts.tolist() == fine.coarse().counts.tolist()


@pytest.mark.parametrize("name", DRAWS)
def test_a_feature_has_at_most_16_bins_of_at_least_a_sixteenth(name: str, random: np.random.Generator) -> None:
    """Rare categories join others; at least 10 bins where the values vary."""
    fine = FineHistogram.of(DRAWS[name](random, 30_000))
    counts = fine.coarse().counts
    assert counts.sum() == 30_000
    assert counts.min() >= 30_000 / 16
    expected = {"rare category": (1, 1), "frequent zero": (7, 11)}.get(name, (12, 16))
    assert expected[0] <= len(counts) <= expected[1]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50).filter(lambda counts: sum(counts) > 0))
def test_groups_of_bins_cover_all_of_them(counts: list[int]) -> None:
    """In order, without gaps, each with a sixteenth."""
    array = np.array(counts, dtype=np.int64)
    starts = coarse_starts(array)
    groups = np.add.reduceat(array, starts)
    assert starts[0] == 0 and (np.diff(starts) > 0).all() and len(starts) <= 16
    assert groups.sum() == array.sum() and groups.min() >= array.sum() / 16


def test_bins_adapt_to_values_far_from_0(random: np.random.Generator) -> None:
    """The edges of values about 1e6 are as close as those about 0."""
    x = random.normal(size=20_000)
    near, far = FineHistogram.of(x).edges(), FineHistogram.of(1e6 + x).edges() - 1e6
    assert len(near) == len(far)
    assert np.abs(near - far).max() < 0.02


def test_a_histogram_without_values_is_one_group() -> None:
    """There is no share to divide by."""
    assert coarse_starts(np.zeros(5, dtype=np.int64)).tolist() == [0]


def test_an_empty_part_changes_nothing() -> None:
    """A file may have no rows."""
    some, none = FineHistogram.of(np.array([1.0, 2.0])), FineHistogram.of(np.empty(0))
    assert some + none == none + some == some
    assert (none + none).n == 0 and len(none.edges()) == 0


def test_signed_zeros_are_one_value() -> None:
    """They are equal and share a bin."""
    assert len(FineHistogram.of(np.array([0.0, -0.0])).keys) == 1


def test_merging_bins_keeps_their_edges() -> None:
    """Bins 0 and 1, then 2, then 3 and 4."""
    merged = Histogram(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 2, 3, 4, 5])).merged(np.array([0, 2, 3]))
    assert (merged.edges.tolist(), merged.counts.tolist()) == ([2.0, 3.0], [3, 3, 9])


def test_values_that_are_no_numbers_are_rejected() -> None:
    """NaN and infinity have no bin."""
    with pytest.raises(DataError, match="finite values"):
        FineHistogram.of(np.array([1.0, np.nan]))


@pytest.mark.parametrize(("edges", "counts"), [([1.0], [1]), ([2.0, 1.0], [1, 1, 1]), ([1.0], [1, -1]),
                                               ([np.inf], [1, 1])])
def test_histograms_that_contradict_themselves_are_rejected(edges: list[float], counts: list[int]) -> None:
    """Wrong numbers of counts, edges out of order, negative counts."""
    with pytest.raises(MomentsError):
        Histogram(np.array(edges), np.array(counts))


def test_histograms_of_different_bins_do_not_merge() -> None:
    """They belong to different models."""
    with pytest.raises(MomentsError, match="different bins"):
        Histogram(np.array([1.0]), np.array([1, 1])) + Histogram(np.array([2.0]), np.array([1, 1]))
