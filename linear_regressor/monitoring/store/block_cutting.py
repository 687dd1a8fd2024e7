"""Blocks of complete intervals, from rows in the order of their serial numbers; no database here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import numpy as np

from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.block import Block, Interval
from linear_regressor.monitoring.store.feedback import Rows, StoredBlock

# Fewer rows in a block say little, and a block of fewer than p + 1 rows determines no line.
LEAST_ROWS = 50


def interval_length(features: int) -> int:
    """Rows of an interval, the same for all callers and models."""
    return max(LEAST_ROWS, features + 1)


def cut(pieces: Iterable[Rows], length: int, whole: bool, repeated: set[int],
        identity: str) -> Iterator[list[StoredBlock]]:
    """Yield the blocks of one interval after the other; serial numbers between them may be missing."""
    waiting: list[Rows] = []
    for piece in pieces:
        waiting.append(piece)
        if sum(len(rows) for rows in waiting) < length:
            continue
        rows = joined(waiting)
        complete = len(rows) - len(rows) % length
        for start in range(0, complete, length):
            yield _blocks(rows.chosen(slice(start, start + length)), repeated, identity)
        waiting = [rows.chosen(slice(complete, None))]
    if whole and any(len(rows) for rows in waiting):
        yield _blocks(joined(waiting), repeated, identity)


def joined(pieces: list[Rows]) -> Rows:
    """Put pieces together."""
    if len(pieces) == 1:
        return pieces[0]
    names = ("serials", "X", "y", "principals", "models", "received")
    return Rows(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))


def _blocks(rows: Rows, repeated: set[int], identity: str) -> list[StoredBlock]:
    """Divide the rows of an interval by caller and model."""
    first, last = int(rows.serials[0]), int(rows.serials[-1])
    sources = list(zip(rows.principals, rows.models, strict=True))
    found = []
    for principal, model in dict.fromkeys(sources):
        part = rows.chosen(np.array([source == (principal, model) for source in sources]))
        block = Block(Interval(first, last, Moments.from_arrays(part.X, part.y), None), principal, model)
        since, until = (datetime.fromtimestamp(time, UTC) for time in (part.received.min(), part.received.max()))
        found.append(StoredBlock(block, digest_of(block, identity), since, until,
                                 len(repeated.intersection(part.serials.tolist()))))
    return found


def digest_of(block: Block, identity: str) -> str:
    """SHA-256 of a block of the store with this identity, in hexadecimal."""
    moments = block.rows.moments
    named = json.dumps([identity, block.rows.first, block.rows.last, block.principal, block.model])
    numbers = np.concatenate([[moments.n], moments.m, moments.C.ravel()]) + 0.0
    return hashlib.sha256(named.encode() + numbers.astype("<f8").tobytes()).hexdigest()
