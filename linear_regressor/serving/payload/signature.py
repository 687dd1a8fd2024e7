"""``Signature``: what a model takes."""

from __future__ import annotations

from typing import NamedTuple


class Signature(NamedTuple):
    """What bodies of requests are read against.

    Parameters
    ----------
    features : tuple of str
        Names of the p features, in the order of the model.
    max_rows : int
        Most rows of one request.
    levels : tuple of float
        Levels that parameters may name.
    """

    features: tuple[str, ...]
    max_rows: int
    levels: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of features p."""
        return len(self.features)
