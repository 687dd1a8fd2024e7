"""``RowBuckets``: the hashes of the rows of two data sets in temporary files, and which rows only one of them has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from linear_regressor.data.splitting import Hashes
from linear_regressor.temporary_files import temporary_folder

# 128 bits of a row, and its place in the data set, counted from 0.
RECORD = np.dtype([("hash", "<u8"), ("states", "<u8"), ("place", "<i8")])
# One bucket of each data set is in memory at a time. A power of two.
BUCKETS = 256
# Places of each data set that are kept as examples.
EXAMPLES = 5


@dataclass(frozen=True, eq=False)
class Unmatched:
    """The rows of each data set that the other one does not have, or not as often."""

    # A first, then B
    counts: tuple[int, int] = (0, 0)
    # the first places of each
    places: tuple[NDArray[np.int64], NDArray[np.int64]] = (np.empty(0, np.int64), np.empty(0, np.int64))

    def __add__(self, other: Unmatched) -> Unmatched:
        """Add the rows of another bucket."""
        a, b = (np.sort(np.concatenate(pair))[:EXAMPLES] for pair in zip(self.places, other.places, strict=True))
        return Unmatched((self.counts[0] + other.counts[0], self.counts[1] + other.counts[1]), (a, b))


class RowBuckets:
    """A folder with a file for each bucket and data set; equal rows are in buckets of the same number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator[RowBuckets]:
        """Make the folder, and remove it at the end."""
        with temporary_folder() as folder:
            yield cls(folder)

    @contextmanager
    def writing(self, side: int) -> Iterator[RowWriter]:
        """Open the files of a data set."""
        with ExitStack() as files:
            yield RowWriter([files.enter_context(open(self._path(side, bucket), "wb")) for bucket in range(BUCKETS)])

    def unmatched(self) -> Unmatched:
        """Compare the data sets, bucket by bucket."""
        found = Unmatched()
        for bucket in range(BUCKETS):
            found += unmatched(*(np.fromfile(self._path(side, bucket), RECORD) for side in (0, 1)))
        return found

    def _path(self, side: int, bucket: int) -> Path:
        """The file of a bucket."""
        return self._folder / f"{side}-{bucket}"


class RowWriter:
    """Writes the rows of one data set."""

    def __init__(self, files: Sequence[BinaryIO]) -> None:
        self._files, self._rows = files, 0

    def add(self, hashes: Hashes, states: Hashes) -> None:
        """Write the next rows."""
        records = np.empty(len(hashes), RECORD)
        records["hash"], records["states"] = hashes, states
        records["place"] = np.arange(self._rows, self._rows + len(hashes))
        self._rows += len(hashes)
        buckets = (hashes >> np.uint64(56)).astype(np.uint8)
        ends = np.cumsum(np.bincount(buckets, minlength=BUCKETS))
        records = records[np.argsort(buckets, kind="stable")]
        for file, part in zip(self._files, np.split(records, ends[:-1]), strict=True):
            file.write(part.tobytes())


def unmatched(a: NDArray[np.void], b: NDArray[np.void]) -> Unmatched:
    """Find the rows of each that are not in the other; of rows that one has more often, the last ones."""
    records, side = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    if not len(records):
        return Unmatched()
    order = np.lexsort((records["place"], side, records["states"], records["hash"]))
    records, side = records[order], side[order]
    new = np.ones(len(records), bool)
    new[1:] = (np.diff(records["hash"]) != 0) | (np.diff(records["states"]) != 0)
    group, starts = np.cumsum(new) - 1, np.flatnonzero(new)
    counts = [np.bincount(group[side == each], minlength=len(starts)) for each in (0, 1)]
    # The rows of A come first in a group, each in the order of the data set.
    number = np.arange(len(records)) - starts[group] - np.where(side == 1, counts[0][group], 0)
    extra = number >= np.where(side == 1, counts[0][group], counts[1][group])
    places = [np.sort(records["place"][extra & (side == each)]) for each in (0, 1)]
    return Unmatched((len(places[0]), len(places[1])), (places[0][:EXAMPLES], places[1][:EXAMPLES]))
