"""Whether rows can carry a model, asked before anything is spent on them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from linear_regressor.data.dataset import Dataset
from linear_regressor.errors import DataError


def verify(dataset: Dataset, least_rows: int = 1) -> Dataset:
    """Give the rows back where a model can be trained and judged on them.

    Parameters
    ----------
    dataset : Dataset
        The rows to verify.
    least_rows : int
        The least number of rows, at least 1.

    Returns
    -------
    Dataset
        The same object.

    Raises
    ------
    DataError
        If there are too few rows, a value is NaN or infinite, or the target is the same in every row; the message
        names every fault.

    Examples
    --------
    >>> verify(Dataset(np.array([[0.0], [np.nan]]), np.array([1.0, 1.0]), ("x",), "y"))
    Traceback (most recent call last):
        ...
    linear_regressor.errors.DataError: x is not finite in row 2 (counted from 1); y is the same in every row
    """
    faults = list(_faults(dataset, least_rows))
    if faults:
        raise DataError("; ".join(faults))
    return dataset


def _faults(dataset: Dataset, least_rows: int) -> Iterator[str]:
    """Every way in which these rows cannot be used."""
    if dataset.rows < least_rows:
        yield f"{dataset.rows} rows are too few: {least_rows} are needed"
    for name, values in zip([*dataset.features, dataset.target], [*dataset.X.T, dataset.y], strict=True):
        finite = np.isfinite(values)
        if not finite.all():
            yield f"{name} is not finite in row {np.argmin(finite) + 1} (counted from 1)"
    if dataset.rows and (dataset.y == dataset.y[0]).all():
        yield f"{dataset.target} is the same in every row"
