"""``ContentDifference``: which rows, columns and values only one of two data sets has."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from linear_regressor.tables import row_buckets
from linear_regressor.tables.content_difference import ContentDifference
from linear_regressor.tables.row_buckets import RECORD, RowBuckets, unmatched
from tests.data_sets import ENDINGS, rows, saved

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), min_size=1, max_size=15)


@settings(deadline=None, max_examples=50)
@given(ROWS, ROWS)
def test_the_counts_are_those_of_the_multisets(a: list[tuple[int, str | None]],
                                               b: list[tuple[int, str | None]]) -> None:
    """Repeated rows count as often as they are there; the examples are rows of their own data set."""
    with tempfile.TemporaryDirectory() as folder:
        tables = [pa.table({"n": [row[0] for row in side], "word": pa.array([row[1] for row in side], pa.string())})
                  for side in (a, b)]
        csv.write_csv(tables[0], f"{folder}/a.csv")
        parquet.write_table(tables[1], f"{folder}/b.parquet")
        found = ContentDifference.of(f"{folder}/a.csv", f"{folder}/b.parquet", with_values=True)
    only = Counter(a) - Counter(b), Counter(b) - Counter(a)
    assert (found.a.only, found.b.only) == tuple(side.total() for side in only)
    assert found.equal == (Counter(a) == Counter(b))
    assert {column.name for column in found.changed} == {
        name for place, name in enumerate(("n", "word"))
        if Counter(row[place] for row in a) != Counter(row[place] for row in b)}
    for side, expected, own in zip((found.a, found.b), only, (a, b), strict=True):
        assert len(side.examples) == min(expected.total(), row_buckets.EXAMPLES)
        for example in side.examples:
            row = own[example.row - 1]
            assert row in expected and example.values == {"n": str(row[0]), "word": row[1]}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_changed_value_is_found_in_any_format_and_order(tmp_path: Path, random: np.random.Generator,
                                                          ending: str) -> None:
    """The row in its file on both sides, and the change of the mean of its column alone."""
    table = rows(random, 500)
    saved(table, tmp_path / "a.parquet")
    changed = table.to_pydict()
    changed["x2"][123] += 50.0
    order = random.permutation(500)
    shuffled = pa.table(changed).take(pa.array(order))
    for number in range(2):
        saved(shuffled.slice(number * 250, 250), tmp_path / "b" / f"{number}{ending}")

    found = ContentDifference.of(str(tmp_path / "a.parquet"), str(tmp_path / "b"))

    part, row = divmod(order.tolist().index(123), 250)
    assert (found.a.only, found.b.only, found.compared, found.equal) == (1, 1, True, False)
    assert [(each.file, each.row, each.values) for each in (*found.a.examples, *found.b.examples)] == [
        (str(tmp_path / "a.parquet"), 124, None), (str(tmp_path / "b" / f"{part}{ending}"), row + 1, None)]
    (column,) = found.changed
    assert (column.name, column.missing) == ("x2", (0, 0)) and column.mean[0] is not None and column.mean[1] is not None
    assert column.mean[1] - column.mean[0] == pytest.approx(50.0 / 500)


def test_values_that_rows_exchange_change_rows_and_no_column(tmp_path: Path) -> None:
    """Each column has the same values as before."""
    for name, b in (("a", [1.0, 2.0, 3.0]), ("b", [2.0, 1.0, 3.0])):
        saved(pa.table({"a": [1, 2, 3], "b": b}), tmp_path / f"{name}.parquet")
    found = ContentDifference.of(str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"))
    assert (found.a.only, found.b.only, found.changed) == (2, 2, ())


def test_columns_and_types(tmp_path: Path) -> None:
    """Rows are compared over the columns that both have; other types of equal values are told and are no difference."""
    saved(pa.table({"n": [1, 2], "only": [1, 1]}), tmp_path / "a.parquet")
    saved(pa.table({"n": [2.0, 1.0]}), tmp_path / "b.parquet")
    saved(pa.table({"n": ["1", "2"]}), tmp_path / "c.csv")
    saved(pa.table({"m": ["1", "2"]}), tmp_path / "d.csv")
    a, b, c, d = (str(next(tmp_path.glob(f"{name}.*"))) for name in "abcd")
    wider, untyped, apart = (ContentDifference.of(*pair) for pair in ((a, b), (b, c), (c, d)))
    assert (wider.equal, wider.a.columns, wider.b.columns, wider.a.only) == (False, ("only",), (), 0)
    assert wider.types == {"n": ("int64", "double")} and untyped.types == {} and untyped.equal
    assert not apart.equal and not apart.compared


def test_a_mean_beyond_float64_is_none(tmp_path: Path) -> None:
    """Also of a column without numbers."""
    saved(pa.table({"x": [1.7e308, 1.7e308], "word": ["a", "b"]}), tmp_path / "a.parquet")
    saved(pa.table({"x": [1.0, 2.0], "word": ["a", "c"]}), tmp_path / "b.parquet")
    found = ContentDifference.of(str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"))
    assert {column.name: column.mean for column in found.changed} == {"word": (None, None), "x": (None, 1.5)}


@given(st.lists(st.integers(0, 5), max_size=30), st.lists(st.integers(0, 5), max_size=30))
def test_rows_with_equal_hashes_but_other_states_differ(a: list[int], b: list[int]) -> None:
    """All 128 bits count."""
    sides = [np.array([(7, value, place) for place, value in enumerate(side)], RECORD) for side in (a, b)]
    found = unmatched(*sides)
    assert found.counts == ((Counter(a) - Counter(b)).total(), (Counter(b) - Counter(a)).total())


def test_temporary_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after an error."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), RowBuckets.temporary() as buckets, buckets.writing(0) as writer:
        writer.add(np.arange(9, dtype=np.uint64), np.arange(9, dtype=np.uint64))
        assert any(tmp_path.iterdir())
        raise KeyboardInterrupt
    assert not any(tmp_path.iterdir())
