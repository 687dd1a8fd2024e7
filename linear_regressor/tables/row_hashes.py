"""Hash rows of a table by their values, so that equal rows are found whatever the formats of their files are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from linear_regressor.data.splitting import CHUNK_ROWS, START, Hashes, finish, hash_keys, mix
from linear_regressor.tables.table import Batch, Values

# What stands for a value that is missing, and for one that is not of its column's kind: NaNs that no file has.
MISSING, WRONG = np.uint64(0x7FF8_0000_0000_0001), np.uint64(0x7FF8_0000_0000_0002)


def hash_rows(batch: Batch, names: Sequence[str]) -> Hashes:
    """Hash some columns of each row; a column that the file lacks is missing in all its rows."""
    columns = [value_bits(batch.columns[name]) if name in batch.columns else None for name in names]
    hashes = np.full(batch.rows, START)
    shifted = np.empty(CHUNK_ROWS, np.uint64)
    for start in range(0, batch.rows, CHUNK_ROWS):
        h = hashes[start:start + CHUNK_ROWS]
        high = shifted[:len(h)]
        for bits in columns:
            h ^= MISSING if bits is None else bits[start:start + CHUNK_ROWS]
            mix(h, high)
        finish(h, high)
    return hashes


def value_bits(values: Values) -> Hashes:
    """Represent each value by 64 bits: numbers by those of float64, with one zero, and texts by their hash."""
    if values.numbers is not None:
        bits = (values.numbers + 0.0).view(np.uint64)
    elif values.texts is None or values.codes is None or not len(values.texts):
        bits = np.zeros(len(values.missing), np.uint64)
    else:
        bits = _hash_texts(values.texts)[values.codes]
    for mask, stands in ((values.missing, MISSING), (values.wrong, WRONG)):
        if mask.any():
            bits[mask] = stands
    return bits


def _hash_texts(texts: pa.Array) -> Hashes:
    """Hash texts; the empty one is missing in every row, so its hash is not used."""
    from pyarrow import compute as pc

    return hash_keys(pc.if_else(pc.equal(texts, ""), " ", texts))
