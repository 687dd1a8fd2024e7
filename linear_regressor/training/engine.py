"""``Engine``: who reads the pieces of a data set; every engine gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from linear_regressor.data.source import Partition
from linear_regressor.training.partition_moments import PartitionMoments

Report = Callable[[int], object]


class Engine(Protocol):
    """Maps ``PieceMoments.of`` over pieces, wherever and in whichever order that is quickest."""

    def moments(self, partitions: Mapping[int, Partition], test_fraction: float,
                report: Report) -> Iterator[tuple[int, PartitionMoments]]:
        """Read pieces.

        Parameters
        ----------
        pieces : mapping of int to Piece
            The pieces to read, each under its place in the data set.
        test_fraction : float
            The share of the test, from 0 to less than 1.
        report : callable
            Told how many rows more have been read.

        Yields
        ------
        place : int
            The place of a piece, each once, in any order.
        moments : PieceMoments
            Its moments, as soon as it has been read.

        Raises
        ------
        DataError
            If a file cannot be read or a value cannot be used.
        """


class LocalEngine:
    """Reads one piece after the other in this process.

    Examples
    --------
    >>> list(LocalEngine().moments({}, 0.0, print))
    []
    """

    def moments(self, partitions: Mapping[int, Partition], test_fraction: float,
                report: Report) -> Iterator[tuple[int, PartitionMoments]]:
        """Read pieces in their order; as ``Engine.moments``."""
        for place, partition in partitions.items():
            yield place, PartitionMoments.of(partition, test_fraction, report)
