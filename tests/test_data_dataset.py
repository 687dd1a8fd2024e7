"""``Dataset``: splitting and shapes."""

import numpy as np
import pytest

from linear_regressor.data.dataset import Dataset
from linear_regressor.errors import DataError


def test_split_last_keeps_targets_and_names() -> None:
    """Both parts keep the names, and together they are the whole in its order."""
    whole = Dataset(np.arange(10.0).reshape(5, 2), np.arange(5.0), ("a", "b"), "y")

    before, last = whole.split_last(2)

    assert (3, 2) == (before.rows, last.rows)
    assert ("a", "b") == before.features == last.features
    np.testing.assert_array_equal(whole.X, np.vstack([before.X, last.X]))
    np.testing.assert_array_equal(whole.y, np.append(before.y, last.y))


@pytest.mark.parametrize("rows", [-1, 3])
def test_split_last_rejects_more_rows_than_exist(rows: int) -> None:
    """The message has both numbers."""
    with pytest.raises(DataError, match=f"cannot split the last {rows} rows off 2"):
        Dataset(np.zeros((2, 1)), np.zeros(2), ("a",), "y").split_last(rows)


@pytest.mark.parametrize(("X", "y", "message"), [
    (np.zeros((2, 2)), np.zeros(2), r"X must have 1 columns, one per feature, not shape \(2, 2\)"),
    (np.zeros(2), np.zeros(2), r"X must have 1 columns, one per feature, not shape \(2,\)"),
    (np.zeros((2, 1)), np.zeros(3), r"y must have one value for each of the 2 rows, not shape \(3,\)"),
], ids=["too many columns", "no columns", "too many targets"])
def test_mismatched_shapes_are_rejected(X: np.ndarray, y: np.ndarray, message: str) -> None:
    """A data set has one name per column and one target per row."""
    with pytest.raises(DataError, match=message):
        Dataset(X, y, ("a",), "y")
