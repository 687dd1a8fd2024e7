"""Hashes of rows, which split them into training and test."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.data import splitting

MASK = 2**64 - 1


def reference_hash(words: list[int], start: int) -> int:
    """Hash words one after the other with Python integers."""
    h = start
    for word in words:
        h = (h ^ word) * int(splitting.FIRST) & MASK
        h ^= h >> 32
    for shift, factor in ((30, splitting.FIRST), (27, splitting.SECOND)):
        h = (h ^ h >> shift) * int(factor) & MASK
    return h ^ h >> 31


@given(st.lists(st.tuples(*[st.floats(allow_nan=False)] * 3), min_size=1, max_size=20))
def test_hashes_of_values_follow_the_formula(rows: list[tuple[float, float, float]]) -> None:
    """Bit for bit, on every machine."""
    block = np.asfortranarray(np.array(rows) + 0.0)

    expected = [reference_hash([int(word) for word in row.view(np.uint64)], int(splitting.START))
                for row in np.ascontiguousarray(block)]

    assert expected == splitting.hash_values(block.T).tolist()


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=20), st.integers(0, 5))
def test_hashes_of_keys_follow_the_formula(keys: list[str], skipped: int) -> None:
    """Text of any length, eight bytes at a time, and slices of a column."""
    encoded = [key.encode() for key in keys]
    expected = [reference_hash([int.from_bytes(key[at:at + 8], "little") for at in range(0, len(key), 8)],
                               int(splitting.START) ^ len(key)) for key in encoded]

    assert expected[skipped:] == splitting.hash_keys(pa.array(keys).slice(skipped)).tolist()


@given(st.lists(st.integers(-2**63, 2**63 - 1), min_size=1, max_size=20))
def test_integer_and_text_keys_hash_alike(keys: list[int]) -> None:
    """A CSV file and its copy in Parquet are split alike."""
    assert (splitting.hash_keys(pa.array(keys)) == splitting.hash_keys(pa.array([str(key) for key in keys]))).all()
    assert (splitting.hash_keys(pa.array(keys)) == splitting.hash_keys(pa.array(keys).dictionary_encode())).all()


def test_hashes_stay_the_same_from_version_to_version() -> None:
    """A changed hash would move rows between training and test."""
    values, keys = np.array([[0.0], [1.5]], order="F"), pa.array(["7", "patient 12"])

    assert [1352044998279862280, 8521173096907472290] == splitting.hash_values(values.T).tolist()
    assert [9520877468318238931, 9634830122043111155] == splitting.hash_keys(keys).tolist()


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["normal", "small integers", "keys"])
def test_the_share_of_test_rows_is_the_fraction(random: np.random.Generator, kind: str, fraction: float) -> None:
    """Within five standard deviations, also for values with few digits and consecutive keys."""
    count = 200_000
    if kind == "keys":
        hashes = splitting.hash_keys(pa.array(np.arange(count)))
    elif kind == "normal":
        hashes = splitting.hash_values(random.normal(size=(count, 2)).T)
    else:
        grid = np.stack(np.meshgrid(*[np.arange(22.0)] * 4), axis=-1).reshape(-1, 4)
        hashes = splitting.hash_values(grid[:count].T)
    share = splitting.in_test(hashes, fraction).mean()

    assert abs(share - fraction) < 5 * np.sqrt(fraction * (1 - fraction) / len(hashes))
    assert len(np.unique(hashes)) == len(hashes)


def test_folds_of_training_rows_have_similar_sizes(random: np.random.Generator) -> None:
    """Folds are independent of the test split."""
    hashes = splitting.hash_values(random.normal(size=(100_000, 1)).T)
    folds = splitting.folds(hashes[~splitting.in_test(hashes, 0.3)], 7)

    counts = np.bincount(folds, minlength=7)

    assert 7 == len(counts)
    assert np.abs(counts / counts.sum() - 1 / 7).max() < 5 * np.sqrt(1 / 7 / counts.sum())
