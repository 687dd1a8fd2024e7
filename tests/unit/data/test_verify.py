"""Verification of rows before training."""

import numpy as np
import pytest

from linear_regressor.data.dataset import Dataset, verify
from linear_regressor.errors import DataError


def test_good_rows_pass_as_they_are() -> None:
    """The same object comes back, so that the call can stand inside another."""
    data = Dataset(np.arange(4.0)[:, None], np.arange(4.0), ("a",), "y")

    assert data is verify(data, least_rows=4)


def test_every_fault_is_named_at_once() -> None:
    """Nobody has to repair, run, and repair again."""
    X = np.array([[1.0, 1.0], [2.0, np.inf], [np.nan, 3.0]])

    with pytest.raises(DataError) as caught:
        verify(Dataset(X, np.ones(3), ("a", "b"), "y"), least_rows=40)

    assert ["3 rows are too few: 40 are needed", "a is not finite in row 3 (counted from 1)",
            "b is not finite in row 2 (counted from 1)", "y is the same in every row"] == str(caught.value).split("; ")


def test_no_rows_are_too_few() -> None:
    """An empty data set has no other fault that could be told."""
    with pytest.raises(DataError, match="^0 rows are too few: 1 are needed$"):
        verify(Dataset(np.empty((0, 1)), np.empty(0), ("a",), "y"))
