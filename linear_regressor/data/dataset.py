"""``Dataset``: rows with the names of their columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DataError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of named features with their target.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64
        Features, one a column.
    y : ndarray of shape (n,), float64
        Target.
    features : tuple of str
        Names of the p features, in order.
    target : str
        Name of the target.

    Raises
    ------
    DataError
        If the shapes do not fit each other.
    """

    X: Array
    y: Array
    features: tuple[str, ...]
    target: str

    def __post_init__(self) -> None:
        """Check the parts against each other."""
        if self.X.ndim != 2 or self.X.shape[1] != len(self.features):
            raise DataError(f"X must have {len(self.features)} columns, one a feature, not shape {self.X.shape}")
        if self.y.shape != (len(self.X),):
            raise DataError(f"y must have one value for each of the {len(self.X)} rows, not shape {self.y.shape}")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def limits(self) -> tuple[Array, Array]:
        """Smallest and largest value of each column, the target last, each of shape (p + 1,)."""
        columns = [*self.X.T, self.y]
        return np.array([column.min() for column in columns]), np.array([column.max() for column in columns])

    def split_last(self, rows: int) -> tuple[Dataset, Dataset]:
        """Split off the last rows.

        Parameters
        ----------
        rows : int
            How many, from 0 to all.

        Returns
        -------
        before, last : Dataset

        Raises
        ------
        DataError
            If there are not as many rows.

        Examples
        --------
        >>> before, last = Dataset(np.arange(3.0)[:, None], np.arange(3.0), ("x",), "y").split_last(1)
        >>> before.y.tolist(), last.y.tolist()
        ([0.0, 1.0], [2.0])
        """
        if not 0 <= rows <= self.rows:
            raise DataError(f"cannot split the last {rows} rows off {self.rows}")
        cut = self.rows - rows
        return replace(self, X=self.X[:cut], y=self.y[:cut]), replace(self, X=self.X[cut:], y=self.y[cut:])
