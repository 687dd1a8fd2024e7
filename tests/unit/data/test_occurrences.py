"""``Occurrences``: equal rows get different hashes, in any division into batches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.data import occurrences, splitting
from linear_regressor.data.occurrences import Occurrences


def numbered(hashes: np.ndarray, sizes: list[int]) -> list[int]:
    """Hashes after they were numbered in batches of these sizes, the last of the rest."""
    counting, parts = Occurrences(), np.split(hashes.copy(), np.minimum(np.cumsum(sizes), len(hashes)))
    for part in parts:
        counting.number(part)
    return [int(each) for part in parts for each in part]


def by_counting(hashes: list[int], window: int) -> list[int]:
    """The same, row by row with Python integers."""
    found: list[int] = []
    seen: dict[int, int] = {}
    for place, each in enumerate(hashes):
        seen = {} if place % window == 0 else seen
        count = seen[each] = seen.get(each, -1) + 1
        later = np.array([(each + count * int(splitting.START)) % 2**64], np.uint64)
        if count:
            splitting.finish(later, np.empty_like(later))
        found.append(int(later[0]))
    return found


@given(st.lists(st.integers(0, 5), max_size=60), st.lists(st.integers(0, 20), max_size=6), st.integers(1, 30),
       st.sampled_from([0, 20, 61]))
def test_batches_of_any_size_give_the_numbers_of_counting(rows: list[int], sizes: list[int], window: int,
                                                          place: int) -> None:
    """Within windows of a fixed number of rows, whichever bits differ; the first of equal rows keeps its hash."""
    rows = [row << place for row in rows]
    hashes = np.array(rows, np.uint64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "WINDOW_ROWS", window)
        assert by_counting(rows, window) == numbered(hashes, sizes)


def test_different_rows_keep_their_hashes(random: np.random.Generator) -> None:
    """Models of data without repeats stay the same, over the borders of windows, too."""
    hashes = splitting.hash_values(random.normal(size=(2, 150_000)))

    assert hashes.tolist() == numbered(hashes, [50_000, 1, 70_000])


@given(st.integers(1, 8), st.sampled_from([0.1, 0.2, 0.5]))
def test_discrete_rows_are_split_by_the_share_that_is_asked_for(distinct: int, fraction: float) -> None:
    """However few values there are; five standard deviations are chance."""
    rows = 20_000
    values = (np.arange(rows) % distinct).reshape(1, -1).astype(np.float64)
    hashes = np.array(numbered(splitting.hash_values(values), []), np.uint64)

    assert abs(splitting.in_test(hashes, fraction).mean() - fraction) < 5 * (fraction * (1 - fraction) / rows) ** 0.5
    sizes = np.bincount(splitting.folds(hashes, 5), minlength=5)
    assert abs(sizes - rows / 5).max() < 5 * (rows * 0.16) ** 0.5
