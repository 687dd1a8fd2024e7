"""Verification of rows before training."""

import numpy as np
import pytest

from linear_regressor.data.dataset import Dataset, verify
from linear_regressor.errors import DataError


def test_valid_rows_are_returned_unchanged() -> None:
    """The same object is returned, so that the call can be nested."""
    data = Dataset(np.arange(4.0)[:, None], np.arange(4.0), ("a",), "y")

    assert data is verify(data, least_rows=4)


def test_all_faults_are_reported_at_once() -> None:
    """One error lists the faults of all columns."""
    X = np.array([[1.0, 1.0], [2.0, np.inf], [np.nan, 3.0]])

    with pytest.raises(DataError) as caught:
        verify(Dataset(X, np.ones(3), ("a", "b"), "y"), least_rows=40)

    assert ["3 rows are too few: 40 are needed", "a is not finite in row 3 (counted from 1)",
            "b is not finite in row 2 (counted from 1)", "y is the same in every row"] == str(caught.value).split("; ")


def test_an_empty_data_set_is_rejected() -> None:
    """The error reports no other fault."""
    with pytest.raises(DataError, match="^0 rows are too few: 1 are needed$"):
        verify(Dataset(np.empty((0, 1)), np.empty(0), ("a",), "y"))
