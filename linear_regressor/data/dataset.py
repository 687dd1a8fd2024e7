"""``Dataset``: rows in memory with the names of their columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DataError, SettingError

Array = NDArray[np.float64]

TARGET = "disease_progression"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows of named features with their target."""

    # shape (n, p): one column per feature
    X: Array
    # shape (n,): target
    y: Array
    # names of the p features, in order
    features: tuple[str, ...]
    # name of the target
    target: str

    def __post_init__(self) -> None:
        """Check that shapes and names match."""
        if self.X.ndim != 2 or self.X.shape[1] != len(self.features):
            raise DataError(f"X must have {len(self.features)} columns, one per feature, not shape {self.X.shape}")
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
        """Split off the last rows."""
        if not 0 <= rows <= self.rows:
            raise DataError(f"cannot split the last {rows} rows off {self.rows}")
        cut = self.rows - rows
        return replace(self, X=self.X[:cut], y=self.y[:cut]), replace(self, X=self.X[cut:], y=self.y[cut:])


def read_diabetes(features: Sequence[str]) -> Dataset:
    """Read scikit-learn's diabetes data set with these features, in this order."""
    from sklearn.datasets import load_diabetes  # not at the top: it takes a second to import, and streams need none

    bunch = load_diabetes()
    known = list(bunch.feature_names)
    _check_features(features, known)
    columns = [known.index(name) for name in features]
    return Dataset(bunch.data[:, columns], bunch.target, tuple(features), TARGET)


def _check_features(features: Sequence[str], known: list[str]) -> None:
    """Reject unknown names, duplicates, and an empty list."""
    unknown = [name for name in features if name not in known]
    if unknown or not features:
        reason = f"{unknown[0]!r} is not one" if unknown else "there are none"
        raise SettingError(f"features must be some of {', '.join(known)}: {reason}")
    duplicates = [name for name in features if features.count(name) > 1]
    if duplicates:
        raise SettingError(f"feature {duplicates[0]!r} is named twice")


def verify(dataset: Dataset, least_rows: int = 1) -> Dataset:
    """Return the rows if a model can be trained and evaluated on them; an error lists every fault."""
    faults = list(_faults(dataset, least_rows))
    if faults:
        raise DataError("; ".join(faults))
    return dataset


def _faults(dataset: Dataset, least_rows: int) -> Iterator[str]:
    """Yield every reason why these rows cannot be used."""
    if dataset.rows < least_rows:
        yield f"{dataset.rows} rows are too few: {least_rows} are needed"
    for name, values in zip([*dataset.features, dataset.target], [*dataset.X.T, dataset.y], strict=True):
        finite = np.isfinite(values)
        if not finite.all():
            yield f"{name} is not finite in row {np.argmin(finite) + 1} (counted from 1)"
    if dataset.rows and (dataset.y == dataset.y[0]).all():
        yield f"{dataset.target} is the same in every row"
