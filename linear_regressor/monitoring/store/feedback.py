"""Values of the feedback store: a request's rows, rows as they are read, and stored blocks."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.block import Block

Array = NDArray[np.float64]

# What became of a request's rows: they are new, they were stored before, or its key has other rows.
Outcome = Literal["stored", "repeated", "conflict"]


@dataclass(frozen=True, eq=False)
class Feedback:
    """Rows of one request with their actual values."""

    # shape (n, p), features in the order of the store
    X: Array
    # shape (n,)
    y: Array
    # idempotency key: the same principal and key are stored once
    key: str
    # who sent the rows; None without authentication
    principal: str | None
    # digest of the model that answered
    model: str
    # Unix time
    received: float = field(default_factory=time.time)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the rows; not of the model, which a client that sends a request again need not know."""
        content = np.empty((len(self.y), self.X.shape[1] + 1), "<f8")
        content[:, :-1], content[:, -1] = self.X, self.y
        content += 0.0  # turns -0.0 into 0.0, so that equal rows are equal
        return hashlib.sha256(content.data).digest()

    @cached_property
    def row_bytes(self) -> NDArray[np.void]:
        """Features of each row as the bytes of little-endian float64."""
        X = np.ascontiguousarray(self.X + 0.0, "<f8")  # as in the digest
        return X.view(f"V{8 * X.shape[1]}")[:, 0]


@dataclass(frozen=True, eq=False)
class Rows:
    """Some stored rows in the order of their serial numbers; every array has one entry for each row."""

    serials: NDArray[np.int64]
    # shape (n, p)
    X: Array
    y: Array
    # who sent the row, None without authentication; dtype object, so that ``rows.principals == name`` is a mask
    principals: NDArray[Any]
    # digest of the model that answered; dtype object
    models: NDArray[Any]
    # Unix time at which the row was received
    received: Array

    def __len__(self) -> int:
        return len(self.y)

    def chosen(self, which: Any) -> Rows:
        """Return the rows of a mask, of indices or of a slice."""
        return Rows(self.serials[which], self.X[which], self.y[which], self.principals[which], self.models[which],
                    self.received[which])


@dataclass(frozen=True, eq=False)
class StoredBlock:
    """A closed block: it never changes, even when its rows are pruned."""

    # rows.outside is None: see ``FeedbackStore.outside``
    block: Block
    # SHA-256 of the store, the serial numbers, caller, model and moments
    digest: str
    # when the first and the last of its rows were received
    since: datetime
    until: datetime
    # rows that are equal to an older row under another key
    repeated: int
