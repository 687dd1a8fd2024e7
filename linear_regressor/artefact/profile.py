"""``Profile``: how the features of the training rows were distributed, for the monitoring of traffic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.plain_values import listed, members, number, numbers, whole_numbers
from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.histogram import Histogram

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

KEYS = {"edges", "counts", "highest_outside_share"}


@dataclass(frozen=True, eq=False)
class Profile:
    """Bins of each feature with the number of training rows in them, and the share of rows outside their intervals."""

    # one per feature: increasing edges; bin i holds the values from edge i - 1 on and below edge i
    edges: tuple[Array, ...]
    # one per feature: training rows in each bin, one more than edges; large data sets are counted by a sample of their
    # rows, each of which counts for the rows it stands for
    counts: tuple[Counts, ...]
    # the highest share of rows outside their 90 % intervals that an unchanged model has by chance; None for too few
    # rows
    highest_outside_share: float | None

    def __post_init__(self) -> None:
        """Check that edges and counts match."""
        if len(self.edges) != len(self.counts):
            raise ArtefactError("a profile must have edges and counts for each feature")
        try:
            histograms = [Histogram(*pair) for pair in zip(self.edges, self.counts, strict=True)]
        except MomentsError as error:
            raise ArtefactError(f"the profile has an invalid feature: {error}") from None
        object.__setattr__(self, "edges", tuple(each.edges for each in histograms))
        object.__setattr__(self, "counts", tuple(each.counts for each in histograms))
        share = self.highest_outside_share
        if share is not None and not 0.0 < share < 1.0:
            raise ArtefactError("highest_outside_share must be between 0 and 1")

    def without_bins(self, rows: float, highest_outside_share: float | None) -> Profile:
        """Keep the number of rows only: one bin for each feature, without edges, which are values of rows."""
        return Profile(tuple(np.empty(0) for _ in self.edges), tuple(np.array([round(rows)]) for _ in self.edges),
                       highest_outside_share)

    @property
    def histograms(self) -> tuple[Histogram, ...]:
        """Counts of each feature."""
        return tuple(Histogram(*pair) for pair in zip(self.edges, self.counts, strict=True))

    def with_rows(self, X: Array, highest_outside_share: float | None) -> Profile:
        """Count further training rows in the same bins."""
        counts = tuple(old + Histogram.of(column, edges).counts
                       for old, column, edges in zip(self.counts, X.T, self.edges, strict=True))
        return Profile(self.edges, counts, highest_outside_share)

    def to_plain(self) -> dict[str, Any]:
        """Return the profile as plain values."""
        return {"edges": [each.tolist() for each in self.edges], "counts": [each.tolist() for each in self.counts],
                "highest_outside_share": self.highest_outside_share}

    @classmethod
    def from_plain(cls, plain: Any) -> Profile:
        """Build a profile from plain values; any invalid content is an ArtefactError."""
        values = members(plain, "profile", KEYS)
        edges = tuple(numbers(each, "edges") for each in listed(values["edges"], "edges"))
        counts = tuple(whole_numbers(each, "counts") for each in listed(values["counts"], "counts"))
        share = values["highest_outside_share"]
        return cls(edges, counts, None if share is None else number(share, "highest_outside_share"))
