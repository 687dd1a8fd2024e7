"""Row filters."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
from concurrent.futures import Future
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.locations import Locations
from linear_regressor.filters import database, old_form
from linear_regressor.filters.conversion import FAULTS, Use
from linear_regressor.filters.row_filter import RowFilter
from linear_regressor.formats import registry
from linear_regressor.predictions.row_writers import WRITERS
from linear_regressor.training.partition_moments import PartitionMoments
from tests.data_sets import saved, source

TABLE = pa.table({"age": [20.0, 30.0, 40.0, None], "sex": ["f", "m", "f", None], "bmi": [1.5, -2.0, 0.0, 9.0],
                  "place": [0, 1, 2, 3]})
NUMBERS = [None, -2.5, -1.0, 0.0, 1.0, 3.0]
TEXTS = [None, "a", "b", "ab", "it's", "%"]


def selected(table: pa.Table, text: str, folder: Path, ending: str = ".parquet") -> list[Any]:
    """Return the values of the column place of the rows that a filter takes from a table in a file."""
    return taken(saved(table, folder / f"rows{ending}"), text)


def taken(path: Path, text: str) -> list[Any]:
    """Return the values of the column place of the rows that a filter takes from a file."""
    (file,) = Locations.of(str(path)).files()
    form, columns = registry.of(file), Columns(("place",), None, text)
    columns.require_columns(form.names(), file)
    batches = form.batches(columns.read, columns.types, None)
    return [place for batch in batches for place in columns.filtered(batch, form)["place"].to_pylist()]


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
@pytest.mark.parametrize(("text", "places"), [
    ("age > 20", [1, 2]),
    ("20 < age", [1, 2]),
    ("age between 21 and 40", [1, 2]),
    ("age not between 21 and 40", [0]),
    ("age = 20 or bmi = 9", [0, 3]),
    ("not age = 20", [1, 2]),
    ("age != 20", [1, 2]),
    ("sex = 'f' and not bmi > 0", [2]),
    ("age in (20, 40)", [0, 2]),
    ("sex not in ('m')", [0, 2]),
    ("sex in ('f',)", [0, 2]),
    ("sex is null", [3]),
    ("sex is not null and age is not null", [0, 1, 2]),
    ("not (sex = 'f' or age = 30)", []),
    ("sex like 'f%'", [0, 2]),
    ("sex not like '_'", []),
    ("bmi < -1.5e0", [1]),
    ("age + bmi * 10 > 35", [2]),
    ("age % 20 = 10", [1]),
    ("age / bmi > 0", [0]),
    ("-bmi = 2", [1]),
    ("bmi < age", [0, 1, 2]),
    ("age = null or bmi = 9", [3]),
    ("sex = null or bmi = 9", [3]),
    ("age is not distinct from null", [3]),
    ("(age > 20) = true", [1, 2]),
    ("bmi = 9 -- the last", [3]),
], ids=str)
def test_a_filter_has_the_meaning_of_sql(tmp_path: Path, text: str, places: list[int], ending: str) -> None:
    """In a format with types and in one without."""
    assert places == selected(TABLE, text, tmp_path, ending)


ATOMS = st.one_of(
    st.tuples(st.sampled_from(["n", "m"]), st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="]),
              st.sampled_from(["0", "1", "-1.0", "2.5", "3e0", "null"])).map(" ".join),
    st.tuples(st.just("s"), st.sampled_from(["=", "<>", "<", ">="]),
              st.sampled_from(["'a'", "'ab'", "'it''s'", "null"])).map(" ".join),
    st.tuples(st.sampled_from(["n", "m", "s"]), st.sampled_from(["is null", "is not null"])).map(" ".join),
    st.sampled_from(["n in (1, 3)", "n not in (1, -2.5, null)", "s in ('a', 'b')", "n between -1 and 1", "n < m",
                     "n not between m and 2", "s like 'a%'", "n + m > 1", "n - m * 2 <= 0.5", "n / 2 = -1.25"]))
ROWS = st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(TEXTS))
CONDITIONS: st.SearchStrategy[str] = st.recursive(ATOMS, lambda inner: st.one_of(
    st.builds("not ({})".format, inner),
    st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner)), max_leaves=6)


@given(CONDITIONS, st.lists(ROWS, min_size=1, max_size=9),
       st.sampled_from([".csv", ".parquet", ".feather"]))
def test_any_filter_takes_the_rows_that_sqlite_takes(tmp_path_factory: pytest.TempPathFactory, text: str,
                                                     rows: list[tuple[Any, ...]], ending: str) -> None:
    """Also of missing values, under `not` and in lists with null."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("PRAGMA case_sensitive_like = true")
        database.execute("CREATE TABLE t (place INTEGER, n REAL, m REAL, s TEXT)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(place, *row) for place, row in enumerate(rows)])
        query = f"SELECT place FROM t WHERE {text} ORDER BY place"
        expected = [place for place, in database.execute(query)]
    n, m, s = map(list, zip(*rows, strict=True))
    table = pa.table({"place": range(len(rows)), "n": pa.array(n, pa.float64()), "m": pa.array(m, pa.float64()),
                      "s": pa.array(s, pa.string())})

    assert expected == selected(table, text, tmp_path_factory.mktemp("rows"), ending)


@pytest.mark.parametrize(("column", "text", "places"), [
    (pa.array([Decimal("10.01"), Decimal("10.00"), None], pa.decimal128(10, 2)), "c > 10", [0]),
    (pa.array([Decimal("0.10"), Decimal("0.11"), None], pa.decimal128(10, 2)), "c = 0.1", [0]),
    (pa.array([Decimal("0.10"), Decimal("0.11"), None], pa.decimal256(50, 2)), "c > 0.105", [1]),
    (pa.array(np.array([0.5, 2.0, np.nan], np.float16)), "c > 1", [1]),
    (pa.array([0.1, 0.3, float("nan")]), "c = 0.1", [0]),
    (pa.array([2**64 - 1, 2**64 - 2, None], pa.uint64()), f"c = {2**64 - 1}", [0]),
    (pa.array([2**53 + 1, 2**53, None]), f"c = {2**53 + 1}", [0]),
    (pa.array([2**53 + 1, 2**53, None]), f"c > {2**53}.5", [0]),
    (pa.array([2**53 + 1, 2**53, None]), "c % 2 = 1", [0]),
    (pa.array([1, 2, None], pa.int8()), "c < 1000", [0, 1]),
    (pa.array([True, False, None]), "c", [0]),
    (pa.array([True, False, None]), "not c", [1]),
    (pa.array([True, False, None]), "c is not true", [1, 2]),
    (pa.array([date(2026, 1, 2), date(2025, 1, 1), None]), "c > DATE '2026-01-01'", [0]),
    (pa.array([date(2026, 1, 2), date(2025, 1, 1), None], pa.date64()), "c = TIMESTAMP '2026-01-02 00:00:00'", [0]),
    (pa.array([datetime(2026, 1, 1, 12), datetime(1500, 1, 1), None], pa.timestamp("s")),
     "c > DATE '2026-01-01'", [0]),
    (pa.array([1001, 1000, None], pa.timestamp("ns")), "c > TIMESTAMP '1970-01-01 00:00:00.000001'", [0]),
    (pa.array([0, 3_600_000, None], pa.timestamp("ms", "Europe/Berlin")),
     "c >= TIMESTAMPTZ '1970-01-01 02:00:00+01:00'", [1]),
    (pa.array(["a", "b", None]).dictionary_encode(), "c = 'a'", [0]),
    (pa.array(["a", "NA", "  "]), "c is null", [1, 2]),
    (pa.array(["a", "b", None], pa.large_string()), "c like 'a'", [0]),
    (pa.array(["3", "20", None]), "cast(c as double) > 10", [1]),
    (pa.array([b"a", b"b", None]), "c is null", [2]),
    (pa.nulls(3), "c = 1 or c is null", [0, 1, 2]),
], ids=lambda value: value if isinstance(value, str) else "")
def test_types_of_files_are_compared_exactly(tmp_path: Path, column: pa.Array, text: str, places: list[int]) -> None:
    """Decimals, integers beyond 2^53, dates and times of every unit, and text of every layout."""
    assert places == selected(pa.table({"c": column, "place": range(3)}), text, tmp_path, ".parquet" if not
                              pa.types.is_float16(column.type) else ".feather")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "-03:30", None])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("ending", [".csv", ".ndjson"])
def test_times_that_predict_writes_are_read(tmp_path: Path, ending: str, unit: str, zone: str | None) -> None:
    """With the offset of their zone, and with the digits of their unit."""
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    times = pa.array([1_767_225_600 * factor, 1_767_229_200 * factor, None], pa.timestamp(unit, zone))
    table = pa.table({"c": times, "place": range(3)})
    with (tmp_path / f"in{ending}").open("wb") as file, WRITERS[ending[1:]](file, table.schema) as writer:
        writer.write_table(table)

    assert taken(tmp_path / f"in{ending}", "c > TIMESTAMP '2026-01-01 00:30:00'") == [1.0]


@pytest.mark.parametrize(("text", "places"), [
    ("day >= DATE '2026-01-02'", [1]), ("day = TIMESTAMP '2026-01-02 10:00:00'", [1]), ("flag", [0]),
    ("flag = false", [1]), ("number > 9", [1]), ("number > '9'", []), ("flag is null and day is null", [2]),
    ("number < other", [0]), ("cast(number as text) > cast(other as text)", [1]),
], ids=str)
def test_the_filter_says_what_the_text_of_csv_is(tmp_path: Path, text: str, places: list[int]) -> None:
    """Two columns are compared as numbers, unless they are cast to text."""
    table = pa.table({"place": [0, 1, 2], "day": ["2026-01-01", "2026-01-02 10:00:00", ""],
                      "flag": ["True", "0", "NA"], "number": ["9", "10", ""], "other": ["9.5", "1", ""]})

    assert places == selected(table, text, tmp_path, ".csv")


@pytest.mark.parametrize("name", ["two words", "a.b", "weight [kg]", "class", "order", "Größe", "Gro\u0308\u00dfe", "µ",
                                  "º", 'say "x"', "A"])
def test_a_name_in_double_quotes_is_exact(tmp_path: Path, name: str) -> None:
    """Beside a column whose name differs by case alone, or by the way an accent is written."""
    quoted = '"' + name.replace('"', '""') + '"'
    table = pa.table({"place": [0, 1], "a": [5, 5], "Gr\u00f6\u00dfe_": [5, 5], name: [1, 2]})

    assert [1] == selected(table, f"{quoted} = 2", tmp_path)


@pytest.mark.parametrize(("text", "message"), [
    ('sex = "f"', r"no column 'f', which the filter names \(put text in single quotes: 'f'\); its columns: age"),
    ("Age > 1", r"no column 'Age', which the filter names \(upper and lower case differ: 'age'\)"),
    ("none > 1", "no column 'none', which the filter names; its columns: age, sex, bmi, place"),
])
def test_an_unknown_column_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    """It lists the columns."""
    with pytest.raises(DataError, match=message):
        selected(TABLE, text, tmp_path)


def test_names_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    """In the filter and in the columns to read: an accent may be a character of its own."""
    path = saved(pa.table({"m\u00e4nner": [1.0]}), tmp_path / "rows.csv")
    for columns in (Columns(("ma\u0308nner",), None), Columns(("m\u00e4nner",), None, '"ma\u0308nner" > 1')):
        with pytest.raises(DataError, match=r"the Unicode forms differ: 'm\\xe4nner'"):
            list(Source.of(str(path), columns).partitions())


@pytest.mark.parametrize(("text", "message"), [
    ("sex > 3", r"column 'sex' is string, .* with text in single quotes, or write cast\(\"sex\" as double\)"),
    ("age = 'x'", "column 'age' is double, which the filter cannot compare with text: compare it with a number"),
    ("age = sex", "compares values of different types: 'age' is double, 'sex' is string"),
])
def test_a_column_of_another_type_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    """It names the file, the type, and what to write."""
    with pytest.raises(DataError, match=message):
        selected(TABLE, text, tmp_path)


@pytest.mark.parametrize(("text", "message"), [
    ("sex = 'f' or 'm'", "compares true or false with text"), ("age > 1 + 'a'", "compares a number with text"),
    ("1 in (2, 'a')", "compares a number with text"), ("1 = 2 or 'a' = 3", "compares text with a number"),
])
def test_two_kinds_that_are_compared_are_named(tmp_path: Path, text: str, message: str) -> None:
    """Each once, also if one of them occurs first several times."""
    with pytest.raises(SettingError, match=message):
        selected(TABLE, text, tmp_path)


@pytest.mark.parametrize(("text", "message"), [
    ("9007199254740993 < age", "compares 'age' with 9007199254740993, but .* is read as float64"),
    ("bmi > 1 and age > 9007199254740993", "compares 'age' with 9007199254740993"),
    ("age + 9007199254740993 > 5", "compares 'age' with 9007199254740993"),
    ("place + age in (1, 9007199254740993)", "compares 'age' with 9007199254740993"),
    ("1 / 2 < 9007199254740993 and age > 0", "computes with 9007199254740993, and this as float64"),
    ("place / 2 = 9007199254740993", "computes with 9007199254740993, and this as float64"),
])
def test_an_integer_that_float64_does_not_represent_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    """Wherever it stands; the column is the one that it is compared with."""
    with pytest.raises(SettingError, match=message):
        selected(TABLE, text, tmp_path)


@pytest.mark.parametrize(("text", "correction"), [
    ("a == 1", "a = 1"), ('sex == "f"', "sex = 'f'"), ("sex in [\"f\", 'it\\'s']", "sex in ('f', 'it''s')"),
    ("order == 1", '"order" = 1'), ("not (a == 1 or b != 'x')", "not (a = 1 or b <> 'x')"),
    ("1 < a <= 3", "1 < a and a <= 3"), ("a > 1 # more", "a > 1"), ("s in ('f')  and a == 2", "s in ('f') and a = 2"),
])
def test_a_filter_of_the_earlier_language_is_corrected(text: str, correction: str) -> None:
    """The error shows the SQL, which is valid; the filter of a card is translated."""
    with pytest.raises(SettingError) as caught:
        RowFilter.of(text)

    assert str(caught.value).endswith(f" is not SQL; write: {correction}")
    assert RowFilter.of(correction).text == old_form.as_sql(text)


@pytest.mark.parametrize(("text", "sql"), [
    ('sex != "f"', "sex <> 'f'"), ("age > 30", "age > 30"), ('"two words" > 3', '"two words" > 3'),
    ("age between 1 and 2", "age between 1 and 2")])
def test_a_recorded_filter_keeps_its_meaning(text: str, sql: str) -> None:
    """Text in double quotes is of the earlier language."""
    assert sql == old_form.as_sql(text)


@pytest.mark.parametrize("text", [
    "", " ", "-- a", "1 = 1", "age >", "a > 1; drop table x", "a = 1); drop table x; select (1", "a=1) or (b=2",
    "f(a) > 1", "a > (select 1)", "a in (select 1)", "exists (select 1)",
    "a in (select * from read_csv('/etc/passwd'))", "a = random()", "a < now()", "sum(a) > 1", "sum(a) over () > 1",
    "a -> b", "case when a then b end", "columns(*) > 1", "* = 1", "a = ?", "a = $1", "a = $$x$$", "a = E'x'",
    "a = x'00'", "a = 1 as z", "a = 1, b = 2", "a = 1 from t", "select 1", "copy (select 1) to 'x'", "pragma version",
    "a = 1 union select 2", "a[1] = 2", "(a, b) = (1, 2)", "a = 'x' collate nocase", "a ilike 'x'", "a // 2 = 1",
    "a ^ 2 = 1", "a || b = 'x'", "try_cast(a as double) > 1", "cast(a as integer) > 1", "a.b = 1", "a = 1_000",
    "a = DATE '2026-1-1'", "a = DATE 'today'", "a = TIMESTAMP 'now'", "a = 1 and a = 'a'", "'a' = 1 and b = 1",
    "a < b < c", "a in 'f'", "a in ()", "a like b like c", "a = interval '1' day", "a = '\udc80'", "a = 'x\0'",
    "(" * 10_000 + "a = 1" + ")" * 10_000, "not " * 900 + "a", "a = " + "- " * 10_000 + "1", "a = 1 + " * 5000 + "1",
    "a = '" + "x" * 1_000_000 + "'", "[" * 10_000, " or ".join(["a = 1"] * 1001), " or ".join(["a == 1"] * 20_000),
    f"a in ({', '.join('abc' * 1001)})", f"a like '{'x' * 1001}'", "a > 1,5", "a > 1 && b > 2", "a = 1 || b = 2",
    "a like 'x' escape '$'",
], ids=lambda text: text[:30].encode("ascii", "replace").decode())
def test_anything_else_is_rejected_in_one_line(text: str) -> None:
    """Nothing is run: not a query, a function, another statement or a deep expression."""
    with pytest.raises(SettingError) as caught:
        RowFilter.of(text)

    assert len(str(caught.value)) < 800 and "\n" not in str(caught.value)


def test_numbers_that_cannot_be_compared_are_rejected(tmp_path: Path) -> None:
    """Beyond float64, and beyond integers."""
    for text in ("bmi > 1e400", f"bmi > {2**53 + 1}", f"place > {2**64}", f"place > {-2**63 - 1}", "place > 1e999999",
                 f"bmi > {'9' * 5000}", f"place > -{'9' * 5000}", f"place > 0.{'9' * 5000}"):
        with pytest.raises(SettingError, match=r"in the filter|read as float64") as caught:
            selected(TABLE, text, tmp_path)
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("text", "advice"), [
    ("a > 1,5", "decimals have a point"), ("a > 1 && b > 2", "write 'and' for '&&'"), ("a ilike 'x'", "'ilike'"),
    ("body mass > 3", '"body mass"'), ("[body mass] > 3", '"body mass"'), ("a = 1 and order > 2", '"order"')])
def test_other_ways_to_write_a_filter_are_corrected(text: str, advice: str) -> None:
    """In the words of the filter."""
    with pytest.raises(SettingError, match=advice):
        RowFilter.of(text)


def test_a_signal_stops_the_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process ends only when the thread of the database does."""
    asked: list[Future[object]] = []
    thread, _ = database._opened(os.getpid())
    submit = thread.submit

    def recorded(*arguments: Any) -> Any:
        asked.append(submit(*arguments))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        return asked[-1]

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(thread, "submit", recorded)
    texts = pa.array(["a" * 1000]).take(pa.array([0] * 50_000))
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            database.evaluated(f"c0 LIKE '%{'a' * 500}_b%'", {"c0": texts})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert isinstance(asked[0].exception(), duckdb.InterruptException)


def test_every_use_of_a_column_has_a_fault() -> None:
    """Each conversion can fail: text need not be UTF-8."""
    assert set(FAULTS) == set(Use)


@pytest.mark.parametrize("form", [".csv", ".ndjson"])
def test_text_of_a_feature_chooses_rows(tmp_path: Path, form: str) -> None:
    """Such as words among its numbers, which the filter leaves out before the others become numbers."""
    path = saved(pa.table({"x": ["1", "Inf", "kg", "2.5", "n/a"], "y": ["1", "2", "3", "4", "5"]}),
                 tmp_path / f"rows{form}")
    (part,) = source(path, "x", "y", "x not in ('Inf', 'kg') and x is not null").partitions()

    np.testing.assert_array_equal([[1, 1], [2.5, 4]], np.vstack(list(part.blocks())))


@given(CONDITIONS, st.integers(0, 99), st.sampled_from([".csv", ".parquet"]))
def test_filtered_rows_train_as_their_copy(tmp_path_factory: pytest.TempPathFactory, text: str, seed: int,
                                           ending: str) -> None:
    """The moments are the same to the last bit, with the filter's columns as features or not."""
    random, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("rows")
    table = pa.table({"x": random.normal(size=50).round(3), "n": random.normal(size=50).round(0),
                      "m": pa.array([NUMBERS[place] for place in random.integers(6, size=50)], pa.float64()),
                      "s": pa.array([TEXTS[place] for place in random.integers(6, size=50)], pa.string()),
                      "place": range(50)})
    places = [int(place) for place in selected(table, text, folder, ending)]
    copy = table.take(pa.array(places, pa.int64()))

    def content(rows: pa.Table, where: str | None) -> list[Any]:
        path = saved(rows, folder / f"other{ending}")
        parts = [PartitionMoments.of(part) for part in source(path, "x,n", "place", where).partitions()]
        return [[part.training.digest, part.training.moments.C.tolist()] for part in parts if part.training is not None]

    assert content(copy, None) == content(table, text)


def test_a_list_may_be_long(tmp_path: Path) -> None:
    """It counts as one comparison, of which a thousand are allowed."""
    assert [1, 3] == selected(TABLE, f"place in ({', '.join(str(2 * each + 1) for each in range(20_000))})", tmp_path)
    assert [1, 2] == selected(TABLE, " or ".join(["age > 20"] * 1000), tmp_path)


@pytest.mark.parametrize(("text", "fault"), [
    ("n > 0", "column 'n', row 2 .* is not a number: 'b'; "),
    ("n = x", "column 'n', row 2 .* is not a number: 'b'$"),
    ("big = x", "column 'big', row 2 .* is not a number that float64 can hold: '1e999'$"),
    ("n > DATE '2026-01-01'", "column 'n', row 1 .* is not a date or time"),
    ("n", "column 'n', row 2 .* is not true, false, 1 or 0"),
])
def test_a_value_that_cannot_be_compared_is_named(tmp_path: Path, text: str, fault: str) -> None:
    """By file, column and row."""
    path = tmp_path / "rows.csv"
    path.write_text("n,x,big\n1,1,1\nb,2,1e999\n")
    with pytest.raises(DataError, match=fault):
        for part in source(path, "x", None, text).partitions():
            list(part.blocks())


def test_a_filter_can_be_sent_to_a_worker() -> None:
    """As text, which is parsed there."""
    row_filter = RowFilter.of("age > 20")

    assert pickle.loads(pickle.dumps(row_filter)) == row_filter
    assert len(pickle.dumps(Columns(("x",), "y", "age > 20"))) < 1000
