"""``summarize``: one pass over a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from linear_regressor.data.table import Table
from linear_regressor.errors import DataError
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.verification.data_summary import DataSummary, summarize
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


def test_numbers_too_large_to_square_are_one_line(tmp_path: Path) -> None:
    """Their moments do not exist."""
    with pytest.raises(DataError, match="the moments of a, b cannot be computed: .*; scale the columns"):
        summary_of(tmp_path, "a,b\n1e200,1\n-1e200,2\n")
