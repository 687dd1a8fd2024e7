"""Accumulator and RowSummary: a stream of blocks has the moments of its rows, bit for bit for any block sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.errors import DataError, MomentsError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.moments import Moments, RowSummary
from tests.unit.model.test_moments import assert_same, two_pass

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)


def rows_of(seed: int, n: int, p: int = 2, offset: float = 0.0) -> Array:
    """Draw n rows of p features and a target."""
    return np.asfortranarray(offset + np.random.default_rng(seed).normal(size=(n, p + 1)))


def summary(*blocks: Array) -> RowSummary:
    """Accumulate blocks in order."""
    accumulator = Accumulator(blocks[0].shape[1])
    for block in blocks:
        accumulator.add(block.T)
    return accumulator.summary()


@given(seeds, st.integers(1, 6), st.sampled_from([0.0, 1e3, 1e8]), st.lists(st.integers(0, 9000), max_size=6))
def test_blocks_of_any_size_give_the_same_bits(seed: int, p: int, offset: float, cuts: list[int]) -> None:
    """Moments and digest, which covers the limits, do not depend on the block sizes."""
    rows = rows_of(seed, 20_000, p, offset)
    whole, cut = summary(rows), summary(*np.split(rows, np.cumsum(cuts)[np.cumsum(cuts) < 20_000]))
    assert whole.moments == cut.moments
    assert whole.digest == cut.digest


@given(seeds, st.integers(1, 6), st.integers(1, 300), st.sampled_from([0.0, 1.0, 1e8]))
def test_a_stream_has_the_moments_and_limits_of_its_rows(seed: int, p: int, n: int, offset: float) -> None:
    """By their definition."""
    rows = rows_of(seed, n, p, offset)
    result = summary(*np.array_split(rows, 3))
    assert_same(result.moments, two_pass(rows[:, :-1], rows[:, -1]))
    assert result.minimum is not None and np.array_equal(result.minimum, rows.min(axis=0))
    assert result.maximum is not None and np.array_equal(result.maximum, rows.max(axis=0))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("columns", [2, 11, 200])
def test_several_full_buffers_and_a_remainder_are_all_counted(random: np.random.Generator, columns: int,
                                                              order: str) -> None:
    """In both memory orders, and with wide rows that make the buffer short."""
    rows = np.array(1e6 + random.normal(size=(20_001, columns)), order="F" if order == "F" else "C")
    accumulator = Accumulator(columns)
    accumulator.add(rows.T)
    assert accumulator.rows == 20_001
    assert_same(accumulator.summary().moments, two_pass(rows[:, :-1], rows[:, -1]))


@given(seeds, st.integers(1, 6), st.integers(0, 20_000), st.floats(0, 1))
def test_rows_at_some_places_are_added_as_a_block_of_these_rows(seed: int, p: int, n: int, share: float) -> None:
    """Bit for bit, in blocks that are larger and smaller than the buffer."""
    rows = np.asfortranarray(rows_of(seed, n + 1, p, 10.0))
    places = np.append(np.flatnonzero(np.random.default_rng(seed).random(n) < share), n)
    accumulator = Accumulator(p + 1)
    accumulator.add(rows.T, places)
    assert accumulator.rows == len(places)
    assert accumulator.summary().digest == summary(rows[places]).digest


def test_adding_does_not_modify_the_block(random: np.random.Generator) -> None:
    """The caller may use it again."""
    rows = random.normal(size=(100, 3))
    before = rows.copy()
    summary(rows)
    assert np.array_equal(rows, before)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("place", [0, 19_999])
def test_an_invalid_value_is_reported_at_the_end(value: float, place: int) -> None:
    """In any row, it raises DataError without a warning."""
    rows = np.zeros((20_000, 2))
    rows[place, 0] = value
    with pytest.raises(DataError, match="NaN, infinite, or so large"):
        summary(rows)


def test_an_empty_stream_has_no_moments() -> None:
    """A summary of empty blocks is an error."""
    with pytest.raises(DataError, match="no rows"):
        summary(np.empty((0, 3)))


@given(seeds, st.integers(1, 5), st.lists(st.integers(1, 30), min_size=2, max_size=5))
def test_summaries_of_any_split_add_up(seed: int, p: int, parts: list[int]) -> None:
    """Moments and limits of parts, merged in any order, are those of the whole."""
    blocks = np.split(rows_of(seed, sum(parts), p), np.cumsum(parts)[:-1])
    whole = summary(*blocks)
    order = np.random.default_rng(seed).permutation(len(blocks))
    merged = summary(blocks[order[0]])
    for number in order[1:]:
        merged = merged + summary(blocks[number])
    assert_same(merged.moments, whole.moments)
    limits = [None if limit is None else limit.tolist() for limit in (merged.minimum, merged.maximum)]
    rows = np.concatenate(blocks)
    assert [rows.min(axis=0).tolist(), rows.max(axis=0).tolist()] == limits


def test_subtracting_drops_the_limits() -> None:
    """The extreme values may have been subtracted, and merging cannot bring them back."""
    rows = rows_of(0, 30)
    whole, part = summary(rows), summary(rows[:10])
    assert_same((whole - part).moments, summary(rows[10:]).moments, within=whole.moments)
    assert (whole - part).minimum is None and (whole - part).maximum is None
    assert ((whole - part) + part).minimum is None
    assert (whole - part - summary(rows[10:12])).maximum is None


def test_rows_outside_the_limits_cannot_be_subtracted() -> None:
    """They cannot have been included, although the moments alone would not show it."""
    rows = rows_of(1, 1000)
    strange = np.array([[0.0, 0.0, float(rows[:, 2].max()) + 0.001]])
    with pytest.raises(MomentsError, match="outside the limits"):
        summary(rows) - summary(strange)


@given(seeds, st.integers(1, 40))
def test_a_changed_value_changes_the_digest(seed: int, n: int) -> None:
    """One value changed by 0.001 is enough; -0.0 counts as 0.0."""
    rows = np.round(rows_of(seed, n), 3)
    changed = rows.copy()
    changed[np.random.default_rng(seed).integers(n), 1] += 1e-3
    assert summary(rows).digest != summary(changed).digest
    assert summary(rows * 0.0).digest == summary(np.abs(rows) * 0.0).digest


def test_invalid_limits_are_rejected() -> None:
    """One without the other, of the wrong length, or not finite."""
    moments = Moments.from_arrays([[1.0], [2.0]], [1.0, 2.0])
    ends = np.array([1.0, 2.0])
    with pytest.raises(MomentsError, match="both"):
        RowSummary(moments, ends, None)
    with pytest.raises(MomentsError, match="minimum must be 2 finite"):
        RowSummary(moments, ends[:1], ends)
    with pytest.raises(MomentsError, match="maximum must be 2 finite"):
        RowSummary(moments, ends, np.array([1.0, np.inf]))


def test_only_summaries_can_be_combined() -> None:
    """Adding or subtracting anything else is a TypeError."""
    rows = summary(rows_of(0, 5))
    with pytest.raises(TypeError):
        rows + 1  # type: ignore[operator]  # the type error is tested
    with pytest.raises(TypeError):
        rows - 1  # type: ignore[operator]  # the type error is tested


def test_negative_zero_is_zero() -> None:
    """Files may have either; moments and limits are the same to the bit."""
    rows = np.array([[-0.0, 1.0, -0.0], [-0.0, 2.0, -3.0], [-0.0, -0.0, 5.0]])
    found, expected = summary(rows), summary(rows + 0.0)
    assert (found.moments, found.digest) == (expected.moments, expected.digest)
    assert found.minimum is not None and found.maximum is not None
    for limits in (found.minimum, found.maximum):
        assert not np.signbit(limits[limits == 0.0]).any()
