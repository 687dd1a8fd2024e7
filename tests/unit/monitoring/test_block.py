"""Blocks: what is tested, in which order, and how they merge."""

from __future__ import annotations

import numpy as np
import pytest

from linear_regressor import Moments
from linear_regressor.errors import MomentsError
from linear_regressor.monitoring.block import Block, Interval, intervals, since_cut


def block(first: int, last: int, principal: str = "ann", outside: int | None = 1, model: str = "a") -> Block:
    """A block of three rows."""
    random = np.random.default_rng([first, last])
    moments = Moments.from_arrays(random.normal(size=(3, 2)), random.normal(size=3))
    return Block(Interval(first, last, moments, outside), principal, model)


def test_only_rows_after_the_cut_are_tested() -> None:
    """In the order of their serial numbers."""
    blocks = [block(21, 30), block(1, 10), block(11, 20), block(11, 20, "bob")]
    assert since_cut(blocks, 10) == [blocks[2], blocks[3], blocks[0]]
    assert since_cut(blocks, 30) == []


@pytest.mark.parametrize("cut", [11, 15, 19])
def test_a_block_on_both_sides_of_the_cut_is_an_error(cut: int) -> None:
    """A model is made between two blocks."""
    with pytest.raises(MomentsError, match="rows 11 to 20 is neither before nor after"):
        since_cut([block(11, 20)], cut)


def test_callers_and_models_of_an_interval_are_merged() -> None:
    """Rows and counts are added up."""
    blocks = [block(11, 20, "bob", 2), block(1, 10), block(11, 20, "ann", 1, "b")]
    first, second = intervals(blocks)
    assert (first.first, first.last, first.moments.n, first.outside) == (1, 10, 3.0, 1)
    assert (second.first, second.last, second.outside) == (11, 20, 3)
    assert second.moments == blocks[0].rows.moments + blocks[2].rows.moments


def test_one_block_without_counts_leaves_the_interval_without() -> None:
    """Not counted is not 0."""
    assert intervals([block(1, 10), block(1, 10, "bob", None)])[0].outside is None


def test_overlapping_blocks_are_an_error() -> None:
    """A row would count twice."""
    with pytest.raises(MomentsError, match="rows 1 to 10 and 10 to 20 overlap"):
        intervals([block(10, 20), block(1, 10)])


@pytest.mark.parametrize(("first", "last", "outside"), [(2, 1, 0), (1, 2, -1), (1, 2, 4)])
def test_intervals_that_contradict_themselves_are_rejected(first: int, last: int, outside: int) -> None:
    """Order of the serial numbers; number of rows."""
    with pytest.raises(MomentsError):
        block(first, last, outside=outside)
