"""``ContentSum``: the sum of the hashes of rows, which no order of the rows changes, and the digest made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# Version of the values and of the hash; another version gives other digests.
FORMAT = 2


@dataclass
class ContentSum:
    """Number of rows, and two sums over them modulo 2**64."""

    rows: int = 0
    # of the hashes of the rows
    first: int = 0
    # of these hashes times the sums of the states that lead to them
    second: int = 0

    def add(self, hashes: Hashes, states: Hashes) -> None:
        """Add rows by their hashes and the sums of their states."""
        self.rows += len(hashes)
        self.first = (self.first + int(hashes.sum())) % 2**64
        self.second = (self.second + int(np.dot(hashes, states))) % 2**64

    def __add__(self, other: ContentSum) -> ContentSum:
        """Add the rows of another sum."""
        return ContentSum(self.rows + other.rows, (self.first + other.first) % 2**64,
                          (self.second + other.second) % 2**64)

    def digest(self, names: Sequence[str]) -> str:
        """Return the digest of the rows and of the names of these columns."""
        columns = "".join(f"{len(name.encode())}:{name}" for name in names)
        head = f"{FORMAT} {self.rows} {len(names)} {columns} ".encode()
        sums = self.first.to_bytes(8, "little") + self.second.to_bytes(8, "little")
        return f"sha256:{hashlib.sha256(head + sums).hexdigest()}"
