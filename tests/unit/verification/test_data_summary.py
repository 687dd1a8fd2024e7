"""``summarize``: one pass over a data set."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import isfinite, isinf, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor.errors import DataError
from linear_regressor.formats import file_format
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.tables.table import Table
from linear_regressor.verification.data_summary import FIRST_ROWS, DataSummary, summarize
from linear_regressor.verification.finding import MOST_ROWS
from linear_regressor.verification.learning import learn
from linear_regressor.verification.schema import Column, Schema


def summary_of(folder: Path, content: str, schema: Schema | None = None) -> DataSummary:
    """Summarize one CSV file."""
    path = folder / "a.csv"
    path.write_text(content)
    return summarize(Table.of(str(path)), schema)


def test_a_value_of_each_fault_is_counted_with_its_row(tmp_path: Path) -> None:
    """Rows are numbered from 1, without the header."""
    schema = Schema((Column("n", "number", minimum=0.0, maximum=9.0), Column("c", "category", categories=("a", "b")),
                     Column("d", "time", role="time"), Column("m", "number")))
    found = summary_of(tmp_path, "n,c,d,m\n5,a,2026-01-02,1\nx,b,2026-01-03,2\n,z,2026-01-01,3\n10,,2026-01-04,4\n-1,a,"
                       "2026-01-04,\n", schema)
    n, c, d = (found.columns[name] for name in "ncd")
    assert (n.missing, n.missing_rows, n.not_numbers, n.not_number_rows) == (1, (3,), 1, (2,))
    assert (n.minimum, n.minimum_row, n.maximum, n.maximum_row) == (-1.0, 5, 10.0, 4)
    assert (n.outside, n.outside_rows) == (2, (4, 5))
    assert (c.undeclared, c.undeclared_rows, c.missing, c.categories) == (1, (3,), 1, {"a": 2, "b": 1, "z": 1})
    assert (d.decreases, d.decrease_rows) == (1, (3,))
    assert found.rows == 5 and found.numbers == ("n", "m")
    assert found.moments == Moments.from_arrays([[5.0], [10.0]], [1.0, 4.0])


@pytest.mark.parametrize("seed", range(3))
def test_the_summary_does_not_depend_on_the_division_into_files(tmp_path: Path, seed: int) -> None:
    """Of several batches, with missing values; moments up to rounding."""
    print("seed", seed)
    random = np.random.default_rng(seed)
    rows = 120_000
    values = np.where(random.random((2, rows)) < 0.1, np.nan, random.normal(size=(2, rows)))
    table = pa.table({"a": values[0], "b": values[1], "c": random.choice(["x", "y"], rows)})
    (tmp_path / "parts").mkdir()
    pa.parquet.write_table(table, tmp_path / "whole.parquet")
    cut = int(random.integers(1, rows))
    pa.parquet.write_table(table.slice(0, cut), tmp_path / "parts" / "1.parquet")
    pa.parquet.write_table(table.slice(cut), tmp_path / "parts" / "2.parquet")
    whole, parts = (summarize(Table.of(str(tmp_path / name)), None) for name in ("whole.parquet", "parts"))
    assert {**vars(whole.columns["a"])} == {**vars(parts.columns["a"])}
    assert whole.columns["a"].missing == np.isnan(values[0]).sum()
    assert whole.columns["c"].categories == parts.columns["c"].categories
    histogram = whole.columns["a"].histogram
    assert histogram is not None and histogram.n == rows - np.isnan(values[0]).sum()
    complete = ~np.isnan(values).any(axis=0)
    expected = Moments.from_arrays(values[:1, complete].T, values[1, complete])
    for found in (whole, parts):
        assert found.moments is not None and found.moments.n == complete.sum()
        np.testing.assert_allclose(found.moments.C, expected.C, rtol=1e-10, atol=1e-10 * rows)


def test_all_values_are_counted_in_the_bins_of_the_reference(tmp_path: Path) -> None:
    """Those of the reference's own rows have its own counts."""
    random = np.random.default_rng(7)
    rows = random.normal(size=(500, 2))
    content = "a,b\n" + "".join(f"{a},{b}\n" for a, b in rows)
    schema = learn(summary_of(tmp_path, content))
    found = summary_of(tmp_path, content, schema)
    assert schema.reference is not None
    bins, counted = schema.reference.bins["a"], found.columns["a"].bins
    assert counted is not None and counted.counts.tolist() == bins.counts.tolist()
    assert bins.counts.tolist() == Histogram.of(rows[:, 0], bins.edges).counts.tolist()
    assert found.columns["a"].histogram is None


def test_values_beyond_the_extremes_of_the_reference_are_counted(tmp_path: Path) -> None:
    """Those that equal an extreme are not beyond it; without a reference there are none."""
    schema = learn(summary_of(tmp_path, "a,b\n1,1\n5,2\n3,4\n"))
    content = "a,b\n1,1\n0,2\n9,3\n5,1\n,2\n-1,1\n7,2\n6,2\n"
    found = summary_of(tmp_path, content, schema).columns["a"]
    assert (found.below, found.below_rows, found.above, found.above_rows) == (2, (2, 6), 3, (3, 7, 8))
    found = summary_of(tmp_path, content).columns["a"]
    assert (found.below, found.below_rows, found.above, found.above_rows) == (0, (), 0, ())


def test_the_first_rows_are_kept_in_order(tmp_path: Path) -> None:
    """Over several files, without the others; missing and wrong values are NaN."""
    (tmp_path / "1.csv").write_text("a,c,b\n1,x,2\n,x,y\n3,x,4\n5,x,6\n")
    (tmp_path / "2.csv").write_text("a,c\n" + "7,x\n" * FIRST_ROWS)
    found = summarize(Table.of(str(tmp_path)), None)
    assert found.numbers == ("a", "b")
    assert found.first_rows.shape == (FIRST_ROWS, 2)
    np.testing.assert_array_equal(found.first_rows[:6], [[1, 2], [np.nan, np.nan], [3, 4], [5, 6], [7, np.nan],
                                                         [7, np.nan]])


@pytest.mark.parametrize("seed", range(4))
def test_a_column_is_counted_as_value_by_value(tmp_path: Path, seed: int) -> None:
    """Over several files and formats, with repeated extremes, zeros of both signs, nulls, NaN and infinity."""
    print("seed", seed)
    random = np.random.default_rng(seed)
    schema = learn(summary_of(tmp_path, "a,b\n" + "".join(f"{a},{b}\n" for a, b in random.normal(size=(400, 2)))))
    limits = (float(random.normal(-1)), float(random.normal(1)))
    schema = replace(schema, columns=(Column("a", "number", role="time", minimum=limits[0], maximum=limits[1]),
                                      Column("b", "number")))
    (tmp_path / "data").mkdir()
    values: list[float | None] = []
    for number, (ending, most) in enumerate([("parquet", file_format.BATCH_ROWS * 5 // 4), ("csv", 900),
                                             ("feather", 900)]):
        part = random.normal(size=random.integers(most // 2, most)).round(int(random.integers(0, 4)))
        part[random.random(len(part)) < random.choice([0.0, 0.01])] = random.choice([np.nan, -0.0, np.inf])
        column = pa.array(part, mask=random.random(len(part)) < random.choice([0.0, 0.01]))
        table, path = pa.table({"a": column, "b": column}), tmp_path / "data" / f"{number}.{ending}"
        {"parquet": pa.parquet.write_table, "csv": pa.csv.write_csv, "feather": pa.feather.write_feather}[ending](
            table, path)
        values += column.to_pylist()
    assert schema.reference is not None
    found = summarize(Table.of(str(tmp_path / "data")), schema).columns["a"]
    assert vars(found) == {**vars(found), **_counted(values, limits, schema.reference.minimum["a"],
                                                     schema.reference.maximum["a"])}
    present = [value for value in values if value is not None and isfinite(value)]
    bins = Histogram.of(np.array(present), schema.reference.bins["a"].edges)
    assert found.bins is not None and found.bins.counts.tolist() == bins.counts.tolist()


def _counted(values: list[float | None], limits: tuple[float, float], least: float, most: float) -> dict[str, Any]:
    """Count a column value by value."""
    present = [(row, value) for row, value in enumerate(values, 1) if value is not None and isfinite(value)]
    rows = {"missing": [row for row, value in enumerate(values, 1) if value is None or isnan(value)],
            "not_number": [row for row, value in enumerate(values, 1) if value is not None and isinf(value)],
            "outside": [row for row, value in present if not limits[0] <= value <= limits[1]],
            "below": [row for row, value in present if value < least],
            "above": [row for row, value in present if value > most],
            "decrease": [row for (_, before), (row, value) in pairwise(present) if value < before]}
    low = min(present, key=lambda each: (each[1], each[0]))
    high = min(present, key=lambda each: (-each[1], each[0]))
    counts = {name: len(rows[name]) for name in ("missing", "outside", "below", "above")}
    return {**counts, "not_numbers": len(rows["not_number"]), "decreases": len(rows["decrease"]), "increasing": False,
            "minimum": low[1], "minimum_row": low[0], "maximum": high[1], "maximum_row": high[0],
            **{f"{name}_rows": tuple(found[:MOST_ROWS]) for name, found in rows.items()}}


def test_ranks_are_the_shares_of_the_reference_below_each_bin(tmp_path: Path) -> None:
    """Of complete rows; they are bounded, whatever the values are."""
    random = np.random.default_rng(8)
    rows = random.normal(size=(400, 2))
    header = "a,b\n"
    schema = learn(summary_of(tmp_path, header + "".join(f"{a},{b}\n" for a, b in rows)))
    found = summary_of(tmp_path, header + "-1e9,1e9\n1e9,-1e9\n,1\nx,1\n", schema).ranks
    assert schema.reference is not None and found is not None and found.n == 2
    shares = [schema.reference.bins[name].counts / 400 for name in "ab"]
    expected = [[shares[0][0] / 2, 1 - shares[1][-1] / 2], [1 - shares[0][-1] / 2, shares[1][0] / 2]]
    np.testing.assert_allclose(found.m, np.mean(expected, axis=0))
    np.testing.assert_allclose(found.C, np.cov(expected, rowvar=False), atol=1e-12)
    assert summary_of(tmp_path, header + "1,2\n", None).ranks is None


def test_a_column_that_a_file_lacks_is_missing_in_its_rows(tmp_path: Path) -> None:
    """Whether it is the first file or a later one."""
    for number, content in enumerate(["a,b\n1,2\n", "a,c\n3,4\n5,6\n"]):
        (tmp_path / f"{number}.csv").write_text(content)
    found = summarize(Table.of(str(tmp_path)), None)
    assert {name: (values.missing, values.missing_rows) for name, values in found.columns.items()} == {
        "a": (0, ()), "b": (2, (2, 3)), "c": (1, (1,))}
    assert [file[-5:] for file in found.layouts.values()] == ["0.csv", "1.csv"]


def test_more_than_a_hundred_texts_are_no_categories(tmp_path: Path) -> None:
    """Neither in one batch nor over all."""
    assert summary_of(tmp_path, "a,b\n" + "".join(f"t{row},1\n" for row in range(101))).columns["a"].categories is None


def test_a_data_set_without_rows_cannot_be_verified(tmp_path: Path) -> None:
    """A header alone is not data."""
    with pytest.raises(DataError, match="there are no rows to verify"):
        summary_of(tmp_path, "a,b\n")


def test_numbers_too_large_to_square_are_counted(tmp_path: Path) -> None:
    """With their rows, which the error of the moments does not know; the other columns are summed up."""
    found = summary_of(tmp_path, "a,b\n1,1\n1e200,1\n-1e200,2\n1e150,3\n1.7e308,4\n")
    assert (found.columns["a"].too_large, found.columns["a"].too_large_rows) == (3, (2, 3, 5))
    assert found.moments is None and (found.columns["b"].too_large, found.columns["b"].maximum) == (0, 4.0)


def test_numbers_that_are_too_small_to_square_are_one_line(tmp_path: Path) -> None:
    """Their moments do not exist; it says once what to do."""
    with pytest.raises(DataError, match="the moments of a, b cannot be computed: .*; scale the columns$") as raised:
        summary_of(tmp_path, "a,b\n" + "".join(f"{row}e-310,{row}\n" for row in range(1, 30)))
    assert str(raised.value).count("scale the columns") == 1
