"""``MomentStack``: moments of many groups of rows in three arrays, for computations over all groups at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MomentStack:
    """Row counts, means and centred cross-products of groups of rows; any leading shape, any number of columns.

    Unlike ``Moments``, a group may be empty, and the columns need not include a target.
    """

    # shape (...)
    n: Array
    # shape (..., q)
    m: Array
    # shape (..., q, q)
    C: Array

    @classmethod
    def of(cls, groups: Iterable[Moments | MomentStack]) -> MomentStack:
        """Stack at least one group along a new first axis."""
        parts = list(groups)
        return cls(np.stack([np.asarray(part.n, dtype=np.float64) for part in parts]),
                   np.stack([part.m for part in parts]), np.stack([part.C for part in parts]))

    def group(self) -> Moments:
        """The moments of a single group that has rows and at least two columns."""
        return Moments(float(self.n), self.m, self.C)

    @property
    def columns(self) -> int:
        """Number of columns q."""
        return int(self.m.shape[-1])

    def __len__(self) -> int:
        """Length of the first axis."""
        return len(self.n)

    def __getitem__(self, index: Any) -> MomentStack:
        """Select groups along the first axis."""
        return MomentStack(self.n[index], self.m[index], self.C[index])

    def __add__(self, other: MomentStack) -> MomentStack:
        """Merge group by group, as ``Moments`` does (Chan, Golub, LeVeque 1979)."""
        n = self.n + other.n
        share = np.divide(other.n, n, out=np.zeros_like(n), where=n > 0)
        d = other.m - self.m
        return MomentStack(n, self.m + d * share[..., None],
                           self.C + other.C + (self.n * share)[..., None, None] * outer(d))

    def select(self, columns: Sequence[int]) -> MomentStack:
        """Keep these columns, in this order; a line takes the last one as its target."""
        kept = list(columns)
        return MomentStack(self.n, self.m[..., kept], self.C[..., kept, :][..., kept])

    def before_each(self, first: MomentStack) -> MomentStack:
        """Merge along the first axis: entry j has the rows of ``first`` and of the groups before j."""
        totals = [first]
        for place in range(len(self) - 1):
            totals.append(totals[-1] + self[place])
        return MomentStack.of(totals)

    def from_each(self) -> MomentStack:
        """Merge along the first axis: entry j has the rows of the groups from j on."""
        totals = [self[len(self) - 1]]
        for place in range(len(self) - 2, -1, -1):
            totals.append(self[place] + totals[-1])
        return MomentStack.of(reversed(totals))


def outer(vectors: Array) -> Array:
    """Products of the entries of each vector with each other."""
    return vectors[..., :, None] * vectors[..., None, :]
