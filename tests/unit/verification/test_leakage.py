"""Leakage: what is no chance is found, also where values are missing or very large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.typing import NDArray

from linear_regressor.tables.table import Table
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import verify

Array = NDArray[np.float64]

SCHEMA = Schema((Column("x", "number"), Column("y", "number", role="target")))
Y = np.random.default_rng(1).normal(size=300)


def reasons(folder: Path, x: Array, y: Array) -> list[str]:
    """Verify two columns."""
    pa.parquet.write_table(pa.table({"x": x, "y": y}), folder / "a.parquet")
    found = verify(Table.of(str(folder / "a.parquet")), SCHEMA).report.findings
    return [each.message for each in found if each.check == "leakage"]


def rare(events: int, rows: int = 4096, first: int = 100) -> Array:
    """Zeros, and a few ones."""
    values = np.zeros(rows)
    values[first:first + events] = 1.0
    return values


@pytest.mark.parametrize("factor", [1.0, 2.54])
@pytest.mark.parametrize("rows", [4096, 20_000])
def test_rare_events_that_fall_together_are_no_leakage(tmp_path: Path, rows: int, factor: float) -> None:
    """In fewer than ten rows; ten are enough."""
    assert reasons(tmp_path, rare(9, rows) * factor, rare(9, rows)) == []
    assert reasons(tmp_path, rare(1, rows) * factor, rare(1, rows)) == []
    (found,) = reasons(tmp_path, rare(10, rows) * factor, rare(10, rows))
    assert ("equals the target" if factor == 1.0 else "alone explains 100.0000%") in found


def test_a_target_that_varies_only_later_is_looked_at(tmp_path: Path) -> None:
    """By the moments of all rows, if no single row makes them."""
    later = rare(5000, 20_000, 10_000)
    assert ["alone explains 100.0000%" in each for each in reasons(tmp_path, later * 2.54, later)] == [True]
    assert reasons(tmp_path, rare(9, 20_000, 10_000) * 2.54, rare(9, 20_000, 10_000)) == []


def test_the_rows_without_missing_values_are_counted(tmp_path: Path) -> None:
    """All others are compared."""
    (found,) = reasons(tmp_path, Y, Y)
    assert "equals the target 'y' in the same row in each of the first 300 rows: " in found
    missing = np.where(np.arange(300) % 10 == 0, np.nan, Y)
    (found,) = reasons(tmp_path, missing, Y)
    assert "equals the target 'y' in the same row in all 270 of the first 300 rows that have both values: " in found


@pytest.mark.parametrize("scale", [1e-80, 1.0, 1e80, 1e140])
def test_the_unit_does_not_matter(tmp_path: Path, scale: float) -> None:
    """Also where the product of two variances is beyond float64."""
    (found,) = reasons(tmp_path, Y * scale * 2.0, Y * scale)
    assert "alone explains 100.0000%" in found
    assert reasons(tmp_path, np.roll(Y, 7) * scale, Y * scale) == []
