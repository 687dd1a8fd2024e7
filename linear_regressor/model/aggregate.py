"""What is kept of rows once they have been read: their moments, their limits, and a digest that knows them again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import MomentsError
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Aggregate:
    """Moments of rows ``z = (x_1, ..., x_p, y)`` with the smallest and largest value of each column.

    Parameters
    ----------
    moments : Moments
        Moments of the rows.
    minimum, maximum : ndarray of shape (p + 1,), float64, or None
        Smallest and largest value of each column, the target last, in its unit; None once rows have been subtracted,
        because nothing tells whether the smallest and the largest were among them.

    Raises
    ------
    MomentsError
        If a limit is missing where the other is there, has another shape than the mean, or is not finite.

    Examples
    --------
    >>> from linear_regressor.model.accumulator import Accumulator
    >>> left, right = Accumulator(2), Accumulator(2)
    >>> left.add(np.array([[0.0, 1.0], [1.0, 3.0]]))
    >>> right.add(np.array([[2.0, 5.0]]))
    >>> whole = left.aggregate() + right.aggregate()
    >>> whole.moments.n, whole.minimum.tolist(), whole.maximum.tolist()
    (3.0, [0.0, 1.0], [2.0, 5.0])
    """

    moments: Moments
    minimum: Array | None
    maximum: Array | None

    def __post_init__(self) -> None:
        """Check the limits and make them unchangeable."""
        if (self.minimum is None) != (self.maximum is None):
            raise MomentsError("an aggregate has both minimum and maximum, or neither")
        for name in ("minimum", "maximum"):
            if (given := getattr(self, name)) is None:
                continue
            values = np.array(given, dtype=np.float64)
            if values.shape != self.moments.m.shape or not np.isfinite(values).all():
                raise MomentsError(f"{name} must be {self.moments.p + 1} finite numbers, one a column")
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of every number as little-endian float64, 64 hexadecimal digits: equal rows, equal digest.

        It is the same for any file format and any size of blocks, on machines whose processors round alike.
        """
        limits = [limit for limit in (self.minimum, self.maximum) if limit is not None]
        numbers = np.concatenate([[self.moments.n], self.moments.m, self.moments.C.ravel(), *limits])
        return hashlib.sha256((numbers + 0.0).astype("<f8").tobytes()).hexdigest()  # + 0.0 makes -0.0 equal 0.0

    def __add__(self, other: Aggregate) -> Aggregate:
        """Aggregate of both sets of rows together.

        Raises
        ------
        MomentsError
            If the two have different numbers of features.
        """
        if not isinstance(other, Aggregate):
            return NotImplemented
        moments = self.moments + other.moments
        if self.minimum is None or self.maximum is None or other.minimum is None or other.maximum is None:
            return Aggregate(moments, None, None)
        return Aggregate(moments, np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum))

    def __sub__(self, other: Aggregate) -> Aggregate:
        """Aggregate of the rows that stay when the rows of ``other`` are taken away: without minimum and maximum.

        Raises
        ------
        MomentsError
            As ``Moments`` refuses a subtraction, or if a row to take away lies beyond the limits of all rows.
        """
        if not isinstance(other, Aggregate):
            return NotImplemented
        moments = self.moments - other.moments
        if self._is_exceeded_by(other):
            raise MomentsError("these rows are not part of those moments: a value of them lies outside the limits")
        return Aggregate(moments, None, None)

    def _is_exceeded_by(self, other: Aggregate) -> bool:
        """Tell whether the other's limits, where both are known, lie outside these."""
        if self.minimum is None or self.maximum is None or other.minimum is None or other.maximum is None:
            return False
        return bool((other.minimum < self.minimum).any() or (other.maximum > self.maximum).any())
