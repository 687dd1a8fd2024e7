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
        """Read pieces."""


class LocalEngine:
    """Reads one piece after the other in this process."""

    def moments(self, partitions: Mapping[int, Partition], test_fraction: float,
                report: Report) -> Iterator[tuple[int, PartitionMoments]]:
        """Read pieces in their order; as ``Engine.moments``."""
        for place, partition in partitions.items():
            yield place, PartitionMoments.of(partition, test_fraction, report)
