"""Data sets in files of every format, read block by block."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.data import source
from linear_regressor.data.columns import Columns
from linear_regressor.errors import DataError, SettingError
from linear_regressor.formats import csv_format, file_format, remedies
from tests import data_sets
from tests.data_sets import ENDINGS, rows, saved

Array = NDArray[np.float64]


def values(location: object, features: str = "x1,x2,x3", target: str | None = "y", where: str | None = None) -> Array:
    """Read all rows of a data set."""
    found = data_sets.source(location, features, target, where)
    blocks = [block.copy() for part in found.partitions() for block in part.blocks()]
    return np.vstack([np.empty((0, len(found.columns.numbers))), *blocks])


def error_of(location: object, features: str = "x1,x2,x3", target: str | None = "y", where: str | None = None) -> str:
    """Read an invalid data set and return the message."""
    with pytest.raises(DataError) as caught:
        for part in data_sets.source(location, features, target, where).partitions():
            if not all(np.isfinite(block).all() for block in part.blocks()):  # as moments do
                raise part.explain()
    return str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_gives_the_same_numbers(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """Columns by name, in the requested order, whatever their order in the file."""
    table = rows(random, 1000)
    path = saved(table.select(["y", "group", "x2", "id", "x3", "x1"]), tmp_path / f"rows{ending}", batch_rows=300)

    found = values(path, "x3,x1")

    np.testing.assert_array_equal(np.column_stack([table["x3"], table["x1"], table["y"]]), found)


def test_files_of_several_formats_are_read_in_order(tmp_path: Path, random: np.random.Generator) -> None:
    """In the order of their names."""
    tables = [rows(random, 10) for _ in ENDINGS]
    for number, (table, ending) in enumerate(zip(tables, ENDINGS, strict=True)):
        saved(table, tmp_path / f"{number}{ending}")

    np.testing.assert_array_equal(np.concatenate([table["y"] for table in tables]), values(tmp_path)[:, -1])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("where", "take"), [
    ("x1 > 0", lambda table: table["x1"] > 0),
    ("id in (3, 5) or x1 < -1", lambda table: np.isin(table["id"], [3, 5]) | (table["x1"] < -1)),
    ("\"group\" = 'a' and not x2 >= 0.5", lambda table: (table["group"] == "a") & (table["x2"] < 0.5)),
    ("id > 1000000", lambda table: table["id"] > 1000000),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_filter_takes_the_same_rows_of_every_format(tmp_path: Path, random: np.random.Generator, ending: str,
                                                      where: str, take: Any) -> None:
    """By columns that are features, and by others."""
    table = rows(random, 500)
    arrays = {name: table[name].to_numpy() for name in table.column_names}

    found = values(saved(table, tmp_path / f"rows{ending}"), where=where)

    np.testing.assert_array_equal(arrays["y"][take(arrays)], found[:, -1])


@given(st.integers(1, 400), st.integers(1, 97), st.integers(1, 100), st.sampled_from(ENDINGS))
def test_blocks_do_not_depend_on_batch_sizes(tmp_path_factory: pytest.TempPathFactory, count: int,
                                             batch_rows: int, block_rows: int, ending: str) -> None:
    """All blocks but the last have the fixed number of rows; hashes of values and of keys are the same too."""
    table = rows(np.random.default_rng(count), count)
    path = saved(table, tmp_path_factory.mktemp("rows") / f"rows{ending}", batch_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "BLOCK_ROWS", block_rows)
        patch.setattr(file_format, "BATCH_ROWS", max(batch_rows // 2, 1))
        (part,) = data_sets.source(path, key="id").partitions()
        found = [(block.copy(), hashes.copy()) for block, hashes in part.hashed_blocks()]

    sizes = [len(block) for block, _ in found]
    expected = saved(table, tmp_path_factory.mktemp("rows") / "rows.parquet")
    (whole,) = data_sets.source(expected, key="id").partitions()
    ((block, hashes),) = [(block.copy(), hashes) for block, hashes in whole.hashed_blocks()]
    assert [block_rows] * (count // block_rows) + [count % block_rows] * (count % block_rows > 0) == sizes
    np.testing.assert_array_equal(block, np.vstack([block for block, _ in found]))
    np.testing.assert_array_equal(hashes, np.concatenate([hashes for _, hashes in found]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_without_rows_has_no_blocks(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """A header alone is a table; an empty NDJSON file has no columns."""
    path = saved(rows(random, 3).slice(0, 0), tmp_path / f"rows{ending}")

    if ending == ".ndjson":
        assert "has no rows: it needs objects with a key for each column" in error_of(path)
    else:
        assert (0, 4) == values(path).shape


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_large_files_are_divided_into_partitions(tmp_path: Path, random: np.random.Generator, ending: str,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of row groups or of record batches, each read by itself; partitions can be pickled."""
    monkeypatch.setattr(source, "PARTITION_ROWS", 250)
    table = rows(random, 1000)
    partitions = data_sets.source(saved(table, tmp_path / f"rows{ending}", batch_rows=100)).partitions()

    again = [np.vstack([block.copy() for block in pickle.loads(pickle.dumps(part)).blocks()]) for part in partitions]

    assert [range(0, 2), range(2, 4), range(4, 6), range(6, 8), range(8, 10)] == [part.parts for part in partitions]
    assert [200] * 5 == [part.rows for part in partitions] == [len(block) for block in again]
    np.testing.assert_array_equal(table["y"], np.vstack(again)[:, -1])


@pytest.mark.parametrize("ending", [".csv", ".ndjson"])
def test_the_number_of_rows_of_text_is_estimated(tmp_path: Path, random: np.random.Generator,
                                                 ending: str) -> None:
    """To within 5 percent, for the progress bar."""
    (part,) = data_sets.source(saved(rows(random, 20_000), tmp_path / f"rows{ending}")).partitions()

    assert part.rows == pytest.approx(20_000, rel=0.05)


@pytest.mark.parametrize("content", [
    b"\xef\xbb\xbfx1,id,y\r\n1,a,0\r\n2,b,0\r\n",
    b"x1,id,y\n 1 ,a,0\n\n2,b,0",
    b'"x1",id,y\n"1","a",0\n2,"b\nc",0\n',
], ids=["byte order mark and Windows lines", "blanks and an empty line", "quotes and a line break"])
def test_dialects_of_csv_are_read(tmp_path: Path, content: bytes) -> None:
    """Line ends, byte order marks, blanks and quotes differ between programs."""
    (tmp_path / "rows.csv").write_bytes(content)

    assert [[1.0, 0.0], [2.0, 0.0]] == values(tmp_path / "rows.csv", "x1").tolist()


@pytest.mark.parametrize("column", [
    pa.array([1, 2], pa.int8()),
    pa.array([1.0, 2.0], pa.float32()),
    pa.array(["1", " 2"]),
    pa.array([Decimal("1.0"), Decimal("2.0")]),
], ids=["integers", "short floats", "text", "decimals"])
def test_every_numeric_type_of_parquet_is_read(tmp_path: Path, column: Any) -> None:
    """Integers, short floats, decimals, and text that is a number."""
    pa.parquet.write_table(pa.table({"x1": column}), tmp_path / "rows.parquet")

    assert [[1.0], [2.0]] == values(tmp_path / "rows.parquet", "x1", None).tolist()


@pytest.mark.parametrize(("value", "fault"), [
    ("abc", f"is not a number: 'abc'; {remedies.OTHER_TEXT}"),
    ("1_000", "is not a number: '1_000'; read it with --thousands _"),
    ("", "is missing"),
    ("nan", "is missing: 'nan'"),
    ("inf", f"is not a number: 'inf'; {remedies.INFINITE}"),
    ("1e999", "is not a number that float64 can hold: '1e999'; float64 does not hold it: store the column in another "
     "unit"),
], ids=["a word", "an underscore", "nothing", "NaN", "infinity", "too large"])
@pytest.mark.parametrize("where", [None, "y < 100"])
def test_an_invalid_value_in_csv_is_named_by_file_column_and_row(tmp_path: Path, value: str, fault: str,
                                                                 where: str | None) -> None:
    """The first one, also when the filter drops rows before it."""
    path = tmp_path / "rows.csv"
    path.write_text(f"id,y,x1\n1,100,0\n2,0,0\n3,0,{value}\n4,0,0\n5,0,{value}\n")

    assert (f"{path}: column 'x1', row 3 (counted from 1, without the header) {fault}"
            == error_of(path, "x1", where=where))


def test_a_missing_value_in_a_filtered_row_is_allowed(tmp_path: Path) -> None:
    """A filter can drop incomplete rows."""
    (tmp_path / "rows.csv").write_text("x1,y\n1,2\n,3\n4,5\n")

    assert [[1.0, 2.0], [4.0, 5.0]] == values(tmp_path / "rows.csv", "x1", where="y != 3").tolist()


@pytest.mark.parametrize(("column", "fault"), [
    (pa.array([1.0, None]), "row 2 (counted from 1, without the header) is missing"),
    (pa.array([np.nan, 1.0]), "row 1 (counted from 1, without the header) is missing"),
    (pa.array([1, 2**53 + 1]), "row 2 (counted from 1, without the header) is not a number that float64 can hold: "
                               f"9007199254740993; {remedies.WIDE}"),
    (pa.array([None, None]), "row 1 (counted from 1, without the header) is missing"),
    (pa.array(["1", "x"]), f"row 2 (counted from 1, without the header) is not a number: 'x'; {remedies.OTHER_TEXT}"),
    (pa.array([[1.0], [2.0]]), ", not numbers; store its parts as columns of their own"),
], ids=["null", "NaN", "too long for float64", "nulls only", "text", "lists"])
@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_an_invalid_value_in_a_typed_file_is_named_by_file_column_and_row(tmp_path: Path, ending: str, column: Any,
                                                                          fault: str) -> None:
    """Unsuitable types are named too."""
    path = saved(pa.table({"x1": column}), tmp_path / f"rows{ending}")

    message = error_of(path, "x1", None)

    assert message.startswith(f"{path}: column 'x1'") and message.endswith(fault)


@pytest.mark.parametrize(("line", "fault"), [
    ('{"x1": "abc"}', "column 'x1', row 3 (counted from 1, without the header) is not a number: 'abc'; "
                      f"{remedies.OTHER_TEXT}"),
    ('{"x1": true}', "column 'x1', row 3 (counted from 1, without the header) is not a number: 'true'; "
                     f"{remedies.MAP}"),
    ('{"x1": [1, 2]}', "column 'x1', row 3 (counted from 1, without the header) is not a number: '[1, 2]'; "
                       f"{remedies.NESTED}"),
    ('{"x1": null}', "column 'x1', row 3 (counted from 1, without the header) is missing"),
    ('{"x2": 1}', "column 'x1', row 3 (counted from 1, without the header) is missing"),
    ('{"x1": 1', "row 3 (counted from 1, without the header) is not JSON: it is cut short"),
    ("[1]", "row 3 (counted from 1, without the header) is not an object; " + remedies.ROWS),
])
def test_an_invalid_line_of_ndjson_is_named_by_file_column_and_row(tmp_path: Path, line: str, fault: str) -> None:
    """Empty lines do not count as rows."""
    path = tmp_path / "rows.ndjson"
    path.write_text(f'{{"x1": 1}}\n\n{{"x1": 2.5, "x2": {{"a": []}}}}\n{line}\n')

    assert f"{path}: {fault}" == error_of(path, "x1", None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_missing_column_is_named_with_the_existing_ones(tmp_path: Path, random: np.random.Generator,
                                                          ending: str) -> None:
    """In whichever file it is missing."""
    saved(rows(random, 5), tmp_path / f"a{ending}")
    path = saved(rows(random, 5).drop_columns(["x2"]), tmp_path / f"b{ending}")

    assert f"{path} must have one column 'x2'; its columns: id, x1, x3, group, y" == error_of(tmp_path)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_duplicate_column_is_rejected(tmp_path: Path, ending: str) -> None:
    """It is ambiguous."""
    path = tmp_path / f"rows{ending}"
    if ending == ".csv":
        path.write_text("x1,x1\n1,2\n")
    else:
        pa.parquet.write_table(pa.table([pa.array([1.0]), pa.array([2.0])], names=["x1", "x1"]), path)

    expected = f"{path} must have one column 'x1'; its columns: x1, x1; give each column a name of its own"
    assert expected == error_of(path, "x1", None)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_file_is_named(tmp_path: Path, random: np.random.Generator, ending: str, share: float) -> None:
    """Whether nothing is left, half of it, or nearly all; for text the row is named too."""
    whole = saved(rows(random, 5000), tmp_path / f"rows{ending}").read_bytes()
    path = tmp_path / f"cut{ending}"
    path.write_bytes(whole[:whole.rfind(b"\n", 0, int(len(whole) * share)) + 6] if share else b"")

    message = error_of(path)

    assert message.startswith(str(path))
    if share and ending in (".csv", ".ndjson"):
        last = path.read_bytes().count(b"\n") + (ending == ".ndjson")
        assert f"row {last} (counted from 1" in message


@pytest.mark.parametrize("ending", [".csv", ".ndjson"])
def test_an_invalid_value_far_down_is_found(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """After the rows from which PyArrow infers types, and beyond its first block."""
    path = saved(rows(random, 150_000), tmp_path / f"rows{ending}")
    lines = path.read_text().splitlines()
    number = 140_001 - (ending == ".ndjson")
    lines[number] = lines[number].replace(lines[number].split(",")[1].partition(":")[2] or
                                          lines[number].split(",")[1], '"oops"' if ending == ".ndjson" else "oops", 1)
    path.write_text("\n".join(lines) + "\n")

    assert (f"{path}: column 'x1', row 140001 (counted from 1, without the header) is not a number: 'oops'; "
            f"{remedies.OTHER_TEXT}") == error_of(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_of_another_format_is_named(tmp_path: Path, ending: str) -> None:
    """PyArrow's reason follows the name of the file."""
    path = tmp_path / f"rows{ending}"
    path.write_bytes(b"\x00\xff\xfe")

    assert error_of(path).startswith(str(path))


def test_an_empty_line_in_a_table_of_one_column_is_a_missing_value(tmp_path: Path) -> None:
    """Skipping it would shift the rows below it."""
    (tmp_path / "rows.csv").write_text("x1\n1\n\n3\n")

    assert "row 2 (counted from 1, without the header) is missing" in error_of(tmp_path / "rows.csv", "x1", None)


def test_values_too_large_to_square_are_reported(tmp_path: Path) -> None:
    """No single row is at fault."""
    (tmp_path / "rows.csv").write_text("x1\n1e200\n-1e200\n")
    (part,) = data_sets.source(tmp_path / "rows.csv", "x1", None).partitions()

    assert "the values of x1 are too large: their squares leave the range of float64" in str(part.explain())


@pytest.mark.parametrize(("key", "fault"), [
    (pa.array([1, None]), f"column 'key', row 2 (counted from 1, without the header) is missing; {remedies.KEY}"),
    (pa.array(["a", ""]), f"column 'key', row 2 (counted from 1, without the header) is missing; {remedies.KEY}"),
    (pa.array(["a", " NA"]),
     f"column 'key', row 2 (counted from 1, without the header) is missing: ' NA'; {remedies.KEY}"),
    (pa.array(["a", "NA"]).dictionary_encode(),
     f"column 'key', row 2 (counted from 1, without the header) is missing: 'NA'; {remedies.KEY}"),
    (pa.array([1.0, 2.0]), "column 'key' holds values of type double, not integers or text; store it as text, or "
                           "leave out --key"),
], ids=["missing", "empty", "a stand-in", "a stand-in in a dictionary", "float"])
def test_an_invalid_key_is_named(tmp_path: Path, key: Any, fault: str) -> None:
    """Floats have many spellings; missing values have none."""
    path = saved(pa.table({"key": key, "x1": [1.0, 2.0]}), tmp_path / "rows.parquet")
    (part,) = data_sets.source(path, "x1", None, key="key").partitions()

    with pytest.raises(DataError) as caught:
        list(part.hashed_blocks())

    assert f"{path}: {fault}" == str(caught.value)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("key", ["id", "group"])
def test_keys_hash_alike_in_every_format(tmp_path: Path, random: np.random.Generator, ending: str, key: str) -> None:
    """Integers and text."""
    table = rows(random, 50)
    (part,) = data_sets.source(saved(table, tmp_path / f"rows{ending}"), key=key).partitions()
    (expected,) = data_sets.source(saved(table, tmp_path / "expected.parquet"), key=key).partitions()

    ((_, found),), ((_, hashes),) = part.hashed_blocks(), expected.hashed_blocks()

    assert hashes.tolist() == found.tolist()


def test_negative_zero_becomes_zero(tmp_path: Path) -> None:
    """Equal rows have equal hashes, but for the number of the second."""
    found = []
    for name, value in (("plus", "0.0"), ("minus", "-0.0")):
        (tmp_path / f"{name}.csv").write_text(f"x1,y\n0.0,1\n{value},1\n")
        (part,) = data_sets.source(tmp_path / f"{name}.csv", "x1").partitions()
        ((block, hashes),) = part.hashed_blocks()
        assert not np.signbit(block).any()
        found.append(hashes.tolist())

    assert found[0] == found[1] and found[0][0] != found[0][1]


@pytest.mark.parametrize(("options", "message"), [
    ({"features": "x1,x1"}, "'x1' is named twice"),
    ({"features": "x1,y"}, "'y' is named twice"),
    ({"features": "x1", "key": "x1"}, "'x1' is named twice"),
    ({"features": "x1,"}, "a name is missing"),
], ids=str)
def test_conflicting_names_are_rejected(options: dict[str, str], message: str) -> None:
    """Before a file is opened."""
    with pytest.raises(SettingError, match=message):
        Columns(tuple(options["features"].split(",")), "y", options.get("where"), options.get("key"))


def test_a_filter_of_another_type_than_its_column_is_rejected(tmp_path: Path, random: np.random.Generator) -> None:
    """Text in Parquet can only be compared with text."""
    path = saved(rows(random, 5), tmp_path / "rows.parquet")

    assert str(path) in error_of(path, where='"group" > 3')


@pytest.mark.parametrize(("row", "place"), [
    ('1,2,"open', 20_001), ('1,"open,2', 20_001), ('1,2,"open', 1), ('1,"open,2', 1),
], ids=["last column", "middle column", "last column of the first row", "middle column of the first row"])
@pytest.mark.parametrize("after", ["3,4,plain\n", "3,4,'\"quoted\"'\n".replace("'", "")], ids=["plain", "quoted"])
def test_an_unclosed_quote_is_named_by_row(tmp_path: Path, row: str, place: int, after: str) -> None:
    """It takes the rest of the file as text, or merges two rows."""
    path = tmp_path / "rows.csv"
    path.write_text("x,y,note\n" + "1,2,good\n" * (place - 1) + row + "\n" + after * 50_000)

    fault = f"row {place} (counted from 1, without the header) has an unclosed quote; {remedies.QUOTE}"
    assert f"{path}: {fault}" == error_of(path, "x", None)


def test_two_rows_that_an_unclosed_quote_merges_are_rejected(tmp_path: Path) -> None:
    """The merged row has the right number of columns, and would be read."""
    path = tmp_path / "rows.csv"
    path.write_text('x,note,y\n1,"open,2\n3,"fine",4\n5,"fine",6\n')

    assert f"{path}: row 1 (counted from 1, without the header) has an unclosed quote; {remedies.QUOTE}" == error_of(
        path, "x")


@pytest.mark.parametrize("note", ['5" wide', '"a ""word"" and\na line"', '"a,b"', '""', '""""', 'a"b"c"'])
def test_valid_quotes_are_read(tmp_path: Path, note: str) -> None:
    """A quote inside an unquoted value is an ordinary character, also if the number of quotes is odd."""
    (tmp_path / "rows.csv").write_text(f'x,note,y\n1,{note},2\n3,7" wide,4\n5,,6\n')

    assert [[1, 2], [3, 4], [5, 6]] == values(tmp_path / "rows.csv", "x").tolist()


def with_missing_values() -> pa.Table:
    """Make 60 rows with missing values and NaN."""
    random = np.random.default_rng(5)
    numbers = [[1.0, 2.0, 3.0, 5.0, float("nan"), None][place] for place in random.integers(6, size=60)]
    texts = [["f", "m", None][place] for place in random.integers(3, size=60)]
    return pa.table({"x1": np.arange(60.0), "n": pa.array(numbers, pa.float64()), "s": texts})


def selected_by_python(where: str) -> list[float]:
    """Return the rows that Python would select, of those without missing values."""
    complete = [row for row in with_missing_values().to_pylist() if row["n"] and row["n"] == row["n"] and row["s"]]
    return [row["x1"] for row in complete if eval(where.replace(" = ", " == "), {}, row)]  # only the filters below


@pytest.mark.parametrize(("ending", "group"), [
    (".csv", None), (".parquet", None), (".parquet", 1), (".parquet", 2), (".parquet", 7), (".feather", None),
    (".ndjson", None)], ids=str)
@pytest.mark.parametrize("where", [
    "n = 5", "n != 5", "not n = 5", "n in (5, 2)", "n not in (5, 2)", "not n in (5, 2)", "n <= 3", "not n <= 3",
    "s = 'f'", "s != 'f'", "not s = 'f'", "s in ('f', 'g')", "s not in ('f',)", "not s in ('f',)", "s <= 'f'",
    "not s <= 'f'", "not (n <= 3 and s != 'f')"], ids=str)
def test_missing_values_and_nan_are_never_selected(tmp_path: Path, ending: str, group: int | None,
                                                   where: str) -> None:
    """Neither empty cells of CSV nor the statistics of row groups change which rows a filter takes."""
    table = with_missing_values()
    if ending == ".ndjson":  # JSON has no NaN
        table = table.set_column(1, "n", pa.array(table["n"].to_pandas(), from_pandas=True))
    column = "n" if "n " in where.replace("in ", "") else "s"
    path = saved(table, tmp_path / f"rows{ending}", group)
    complete = f"({where}) and n > 0 and s != ''"

    assert selected_by_python(where) == values(path, "x1", None, where=complete)[:, 0].tolist()
    taken = set(values(path, "x1", None, where=where)[:, 0])
    if "and" not in where:
        present = {row["x1"] for row in table.to_pylist() if row[column] is not None and row[column] == row[column]}
        assert taken <= present
        opposite = values(path, "x1", None, where=f"not ({where})")[:, 0]
        assert present - taken == set(opposite)


@pytest.mark.parametrize(("ending", "text"), [
    (".csv", True), (".csv", False), (".ndjson", True), (".ndjson", False), (".parquet", False)])
def test_the_key_may_be_compared_with_numbers(tmp_path: Path, ending: str, text: bool) -> None:
    """It is hashed as text all the same."""
    ids = ["007", "8", "12", "13"] if text else [7, 8, 12, 13]
    path = saved(pa.table({"id": ids, "x1": [0.0, 1.0, 2.0, 3.0], "y": [1.0] * 4}), tmp_path / f"rows{ending}")

    def hashes_of(where: str | None) -> Any:
        (part,) = data_sets.source(path, "x1", "y", where, "id").partitions()
        return np.concatenate([hashes.copy() for _, hashes in part.hashed_blocks()])

    np.testing.assert_array_equal(hashes_of(None)[[0, 1, 3]], hashes_of("not id between 9 and 12"))


def test_a_key_compared_with_numbers_must_be_numeric(tmp_path: Path) -> None:
    """The message names column and row."""
    path = tmp_path / "rows.csv"
    path.write_text("id,x1\n1,1\na,2\n")

    with pytest.raises(DataError, match="column 'id', row 2 .* is not a number: 'a'"):
        for part in data_sets.source(path, "x1", None, "id > 0", "id").partitions():
            list(part.hashed_blocks())


@pytest.mark.parametrize("where", [None, "x1 > 1"])
def test_numbers_as_text_are_read_from_ndjson(tmp_path: Path, where: str | None) -> None:
    """As from every other format."""
    path = tmp_path / "rows.ndjson"
    path.write_text('{"x1": " 1"}\n{"x1": "2.5"}\n{"x1": "3"}\n')

    assert [[1.0], [2.5], [3.0]][where is not None:] == values(path, "x1", None, where=where).tolist()


def test_a_value_of_another_kind_in_ndjson_is_read_as_everywhere(tmp_path: Path) -> None:
    """Also after the first block."""
    path = tmp_path / "rows.ndjson"
    path.write_text('{"x1": 1}\n' * 200_000 + '{"x1": "2"}\n')

    assert [1.0, 2.0] == values(path, "x1", None)[-2:, 0].tolist()


@pytest.mark.parametrize(("content", "length"), [
    ("x,y,{}\n1,2,3\n4,5,6\n", 70_000), ("x,y,{}\n1,2,3\n4,5,6\n", 1_000_000), ("x,y,z\n1,2,{}\n4,5,6\n", 70_000),
    ("x,y,z\n1,2,{}\n4,5,6\n", 3_000_000), ("x,y,z\n1,2,3\n4,5,{}\n", 3_000_000),
], ids=["header", "longest header", "first row", "long first row", "last row"])
def test_a_header_or_row_of_csv_may_be_long(tmp_path: Path, content: str, length: int) -> None:
    """Longer than a block."""
    (tmp_path / "rows.csv").write_text(content.format("z" * length))

    assert [[1, 2], [4, 5]] == values(tmp_path / "rows.csv", "x").tolist()


def test_rows_before_a_long_one_are_read_once(tmp_path: Path) -> None:
    """Reading restarts with larger blocks."""
    lines = [f"{row},{row % 7},a" for row in range(300_000)]
    lines[250_000] = "250000,1," + "z" * 2_500_000
    (tmp_path / "rows.csv").write_text("\n".join(["x,y,z", *lines]))

    assert [row for row in range(300_000) if row % 7 < 3 or row == 250_000] == values(
        tmp_path / "rows.csv", "x", where="y < 3")[:, 0].tolist()


def test_a_row_longer_than_the_largest_block_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file."""
    monkeypatch.setattr(csv_format, "MOST_BLOCK_BYTES", 1 << 20)
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n1,2\n3,4\n5," + "1" * 3_000_000 + "\n")

    message = error_of(path, "x")

    assert message.startswith(f"{path} cannot be read as csv")
    assert message.endswith(f": a row is longer than 1 MB; {remedies.WIDTH}")


@pytest.mark.parametrize(("ending", "column"), [(".csv", [1, 2]), (".ndjson", [1, 2]), (".parquet", [1.0, 2.0])])
def test_a_filter_with_an_integer_beyond_float64_is_rejected(tmp_path: Path, ending: str, column: Any) -> None:
    """The filter is at fault, not a value in the file; integer columns of Parquet can be compared with it."""
    path = saved(pa.table({"id": column, "x1": [1.0, 2.0]}), tmp_path / f"rows{ending}")

    with pytest.raises(SettingError, match=f"the filter compares 'id' with {2**53 + 1}, but .* is read as float64"):
        values(path, "x1", None, where=f"id in (1, {2**53 + 1})")
    whole = saved(pa.table({"id": [2**53 + 1, 2**53], "x1": [1.0, 2.0]}), tmp_path / "whole.parquet")
    assert [[1.0]] == values(whole, "x1", None, where=f"id = {2**53 + 1}").tolist()
