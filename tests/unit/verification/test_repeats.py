"""Repeated rows and overlaps: planted faults are found and named, legitimate repeats are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.cleaning.steps import DropRepeated
from linear_regressor.tables import row_store
from linear_regressor.tables.table import Table
from linear_regressor.verification import verify as verification
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.repeats import upper_tail
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import learn_schema, verify
from tests.tables import rows_of, write

Array = NDArray[np.float64]

REPEATS = {"repeated-key", "repeated-block", "repeated-file", "repeated-rows", "overlap"}
NUMBERS = tuple(Column(name, "number") for name in ("age", "bmi", "score"))
KEYED = Schema((Column("id", "number", role="key"), *NUMBERS))
FORMATS = pytest.mark.parametrize("ending", [".csv", ".parquet"])


def findings(data: Path, against: Path | None = None, schema: Schema | None = None) -> list[Finding]:
    """Verify a data set and return what was found about repeats."""
    report = verify(Table.of(str(data)), schema, None if against is None else Table.of(str(against))).report
    return [finding for finding in report.findings if finding.check in REPEATS]


def discrete(seed: int, n: int, values: int, columns: int = 3) -> Array:
    """Draw independent whole numbers."""
    return np.random.default_rng(seed).integers(values, size=(n, columns)).astype(float)


@FORMATS
def test_a_block_that_was_appended_twice_is_found(tmp_path: Path, ending: str) -> None:
    """With its rows and those that it repeats, and nothing else."""
    rows = rows_of(1, 400)
    (found,) = findings(write(tmp_path / f"data{ending}", np.vstack([rows, rows[100:250]])))
    assert (found.check, found.severity) == ("repeated-block", Severity.WARNING)
    assert (found.count, found.share) == (150, 150 / 550)
    assert found.message.startswith("rows 401 to 550 are rows 101 to 250 again, in the same order: ")
    assert found.rows == (401, 402, 403, 404, 405)


@pytest.mark.parametrize("values", [7, 40])
def test_a_block_is_found_among_rows_that_repeat_legitimately(tmp_path: Path, values: int) -> None:
    """Chance does not repeat the order of rows."""
    rows = discrete(2, 20_000, values)
    assert findings(write(tmp_path / "clean.parquet", rows)) == []
    (found,) = findings(write(tmp_path / "data.parquet", np.vstack([rows, rows[500:700]])))
    assert (found.check, found.count, found.rows[0]) == ("repeated-block", 200, 20_001)


def test_two_blocks_are_counted_and_the_longest_is_described(tmp_path: Path) -> None:
    """The finding has the rows of both."""
    rows = rows_of(3, 400)
    (found,) = findings(write(tmp_path / "data.csv", np.vstack([rows[:50], rows[10:40], rows[50:], rows[100:250]])))
    assert found.count == 180
    assert found.message.startswith("rows 431 to 580 are rows 131 to 280 again, in the same order; there is 1 more "
                                    "such block: ")


def test_one_shared_key_is_one_row(tmp_path: Path) -> None:
    """At another place of each data set."""
    ours, theirs = (tmp_path / f"{name}.csv" for name in ("training", "test"))
    ours.write_text("id,age,bmi,score\n" + "".join(f"{row},{row * 3},{row % 7},{row % 11}\n" for row in range(50)))
    theirs.write_text("id,age,bmi,score\n900,1.5,2.5,3.5\n901,2.5,3.5,5.5\n7,4.5,1.5,0.5\n")

    (found,) = findings(ours, theirs, KEYED)

    assert (found.check, found.count) == ("overlap", 1)
    assert found.message.startswith(f"1 row has a key ('id') that {theirs} has, too, 0 of them with the same values: ")


def test_a_file_that_stands_twice_is_named_whatever_its_formats_are(tmp_path: Path) -> None:
    """The second file has the same rows in another format."""
    write(tmp_path / "data" / "a.csv", rows_of(4, 300))
    write(tmp_path / "data" / "b.csv", rows_of(5, 300))
    write(tmp_path / "data" / "c.parquet", rows_of(4, 300))
    (found,) = findings(tmp_path / "data")
    assert (found.check, found.count, found.share) == ("repeated-file", 300, 1 / 3)
    assert "rows 601 to 900" in found.message and "c.parquet" in found.message and "are rows 1 to 300" in found.message


@FORMATS
def test_single_rows_that_were_written_twice_are_found(tmp_path: Path, ending: str) -> None:
    """They stand anywhere; with a block, too, each is counted once."""
    rows = rows_of(6, 1000)
    some = np.random.default_rng(6).permutation(1000)[:15]
    (found,) = findings(write(tmp_path / f"single{ending}", np.vstack([rows, rows[some]])))
    assert (found.check, found.severity, found.count) == ("repeated-rows", Severity.WARNING, 15)
    assert found.rows == (1001, 1002, 1003, 1004, 1005) and "'age'" in found.message
    both = findings(write(tmp_path / f"both{ending}", np.vstack([rows, rows[some], rows[200:300]])))
    assert {found.check: found.count for found in both} == {"repeated-rows": 15, "repeated-block": 100}


@FORMATS
@pytest.mark.parametrize("copied", [20, 200])
def test_test_rows_in_the_training_data_are_an_error(tmp_path: Path, ending: str, copied: int) -> None:
    """Some of them or all, in another order."""
    training, test = rows_of(7, 1000), rows_of(8, 200)
    against = write(tmp_path / "test.parquet", test)
    mixed = np.vstack([training, np.random.default_rng(7).permutation(test)[:copied]])
    assert findings(write(tmp_path / f"clean{ending}", training), against) == []
    (found,) = findings(write(tmp_path / f"data{ending}", mixed), against)
    assert (found.check, found.severity, found.count) == ("overlap", Severity.ERROR, copied)
    assert found.message.startswith(f"{copied} of the 200 rows of {against} are in the data, too; 0 would be by chance")
    assert found.rows == (1001, 1002, 1003, 1004, 1005)


def test_test_rows_are_found_among_rows_that_repeat_legitimately(tmp_path: Path) -> None:
    """More are in both than rows repeat within the training rows."""
    training, test = discrete(9, 6000, 40), discrete(10, 1200, 40)
    against = write(tmp_path / "test.csv", test)
    assert findings(write(tmp_path / "clean.csv", training), against) == []
    mixed = np.random.default_rng(9).permutation(np.vstack([training, test[::2]]))
    (found,) = findings(write(tmp_path / "data.csv", mixed), against)
    shared, by_chance = (int(part.split()[0]) for part in found.message.split("; ")[:2])
    in_both = (test[:, None] == mixed).all(axis=2).any(axis=1)
    assert found.check == "overlap" and shared == np.count_nonzero(in_both) > 600
    assert 100 < by_chance < 300


def test_repeats_within_the_training_rows_do_not_hide_test_rows(tmp_path: Path) -> None:
    """A block that stands twice is no chance."""
    training, test = rows_of(11, 1000), rows_of(12, 200)
    data = write(tmp_path / "data.csv", np.vstack([training, training, test[:50]]))
    found = findings(data, write(tmp_path / "test.csv", test))
    assert {each.check: each.count for each in found} == {"overlap": 50, "repeated-block": 1000}


@FORMATS
def test_repeated_keys_are_an_error(tmp_path: Path, ending: str) -> None:
    """By the column of the role key; a missing key repeats nothing."""
    ids = [*range(298), 5, None]
    (found,) = findings(write(tmp_path / f"data{ending}", rows_of(13, 300), id=ids), schema=KEYED)
    assert (found.check, found.column, found.severity) == ("repeated-key", "id", Severity.ERROR)
    assert (found.count, found.rows) == (1, (299,))


def test_repeated_keys_that_a_step_drops_are_no_finding(tmp_path: Path) -> None:
    """The report counts them as dropped."""
    data = write(tmp_path / "data.csv", rows_of(13, 300), id=[*range(299), 5])
    report = verify(Table.of(str(data)), replace(KEYED, cleaning=(DropRepeated(("id",)),))).report
    assert not {each.check for each in report.findings} & REPEATS
    assert [step.rows for step in report.cleaning] == [1]


def test_a_schema_sets_the_severity_of_repeats(tmp_path: Path) -> None:
    """Also of an overlap, which is found after both data sets are read."""
    rows = rows_of(24, 300)
    data, test = write(tmp_path / "data.csv", np.vstack([rows, rows])), write(tmp_path / "test.csv", rows)
    schema = Schema(NUMBERS, severity={"overlap": "warning", "repeated-block": "error"})
    assert {each.check: each.severity for each in findings(data, test, schema)} == {
        "overlap": Severity.WARNING, "repeated-block": Severity.ERROR}
    assert findings(data, test, replace(schema, severity=dict.fromkeys(schema.severity, "ignore"))) == []


def test_two_keys_are_one_key_together(tmp_path: Path) -> None:
    """Only rows that agree in both repeat it."""
    schema = Schema((Column("site", "text", role="key"), Column("id", "number", role="key"), *NUMBERS))
    site, ids = [*"ab" * 150], [each // 2 for each in range(300)]
    assert findings(write(tmp_path / "clean.csv", rows_of(14, 300), site=site, id=ids), schema=schema) == []
    (found,) = findings(write(tmp_path / "data.csv", rows_of(14, 300), site=["a"] * 300, id=ids), schema=schema)
    assert (found.check, found.column, found.count) == ("repeated-key", None, 150)


def test_keys_that_float64_rounds_are_compared_as_text(tmp_path: Path) -> None:
    """As numbers they are skipped, which a line says, since different ones would be equal."""
    data = write(tmp_path / "data.parquet", rows_of(15, 300), id=[10**18 + each for each in range(300)])
    report = verify(Table.of(str(data)), KEYED).report
    assert {found.check for found in report.findings} == {"order"}
    others = ("leakage", "shifts and relations")  # the schema has neither target nor reference
    assert report.skipped[2:] == (verification.ROUNDED_KEY.format("id"),)
    schema = Schema((Column("id", "text", role="key"), *NUMBERS))
    for skipped in (report.skipped[:2], verify(Table.of(str(data)), schema).report.skipped):
        assert tuple(line.partition(":")[0] for line in skipped) == others
    again = write(tmp_path / "again.parquet", rows_of(15, 300), id=[10**18 + each // 2 for each in range(300)])
    (found,) = findings(again, schema=schema)
    assert (found.check, found.count) == ("repeated-key", 150)


def test_rounded_keys_are_skipped_in_either_data_set_and_while_learning(tmp_path: Path) -> None:
    """A line says so in the report of the data set that has them."""
    large = Table.of(str(write(tmp_path / "large.parquet", rows_of(15, 300), id=[10**18 + row for row in range(300)])))
    small = Table.of(str(write(tmp_path / "small.parquet", rows_of(16, 300), id=[*range(300)])))
    line = verification.ROUNDED_KEY.format("id")
    for data, against, lines in ((small, large, [0, 1]), (large, small, [1, 0]), (large, large, [1, 1])):
        report = verify(data, KEYED, against).report
        assert report.against is not None
        assert [each.skipped.count(line) for each in (report, report.against)] == lines
    assert [learn_schema(each, KEYED).report.skipped.count(line) for each in (small, large)] == [0, 1]


def test_keys_find_test_rows_where_values_cannot(tmp_path: Path) -> None:
    """Rows of zeros and ones are equal by chance; the same key with other values is a warning."""
    training, test = discrete(16, 1000, 2), discrete(17, 100, 2)
    ids = [*range(10_000, 11_000)]
    against = write(tmp_path / "test.csv", test, id=[*range(100)])
    assert findings(write(tmp_path / "clean.csv", training, id=ids), against, KEYED) == []
    data = write(tmp_path / "data.csv", np.vstack([training, test[:40]]), id=[*ids, *range(40)])
    (found,) = findings(data, against, KEYED)
    assert (found.check, found.severity, found.count, found.rows[0]) == ("overlap", Severity.ERROR, 40, 1001)
    changed = write(tmp_path / "changed.csv", np.vstack([training, 1 - test[:40]]), id=[*ids, *range(40)])
    (found,) = findings(changed, against, KEYED)
    assert (found.severity, found.count) == (Severity.WARNING, 40) and "0 of them with the same values" in found.message


def test_keys_that_number_the_rows_of_each_data_set_are_no_overlap(tmp_path: Path) -> None:
    """Both begin with 0."""
    data = write(tmp_path / "data.csv", rows_of(18, 300), id=[*range(300)])
    assert findings(data, write(tmp_path / "test.csv", rows_of(19, 100), id=[*range(100)]), KEYED) == []


def test_learning_finds_repeats_too(tmp_path: Path) -> None:
    """A schema that is learned from them would be one of the copies."""
    rows = rows_of(20, 300)
    data = write(tmp_path / "data.csv", np.vstack([rows, rows]))
    assert [found.check for found in learn_schema(Table.of(str(data)), None).report.findings] == ["repeated-block"]


def test_a_column_of_text_a_sign_of_zero_and_missing_values_are_compared(tmp_path: Path) -> None:
    """Rows are equal if all their values are; CSV and Parquet have them in other forms."""
    text, half = [f"row {each}" for each in range(300)], np.where(np.arange(300) % 2, 0.0, np.nan)
    rows = np.column_stack([rows_of(21, 300)[:, :2], half])
    write(tmp_path / "same" / "a.parquet", rows, name=text)
    write(tmp_path / "same" / "b.csv", np.column_stack([rows[:, :2], -half]), name=text)
    assert [found.check for found in findings(tmp_path / "same")] == ["repeated-file"]
    write(tmp_path / "other" / "a.parquet", discrete(21, 300, 2), name=text)
    write(tmp_path / "other" / "b.csv", discrete(21, 300, 2), name=[f"{each}." for each in text])
    assert findings(tmp_path / "other") == []


def flags(random: np.random.Generator, n: int) -> Array:
    """Draw three columns of zeros and ones."""
    return random.integers(2, size=(n, 3)).astype(float)


def amounts(random: np.random.Generator, n: int) -> Array:
    """Draw amounts, what follows from them, and a flag."""
    drawn = random.integers(10**5, size=n)
    return np.column_stack([drawn, drawn > 50_000, random.integers(2, size=n)]).astype(float)


def sorted_by(rows: Array, columns: int) -> Array:
    """Sort rows by their first columns."""
    return rows[np.lexsort(rows[:, :columns].T)]


LEGITIMATE: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "flags": flags, "amounts and flags": amounts,
    "rare flags": lambda random, n: (random.random((n, 3)) < 0.02).astype(float),
    "sorted flags": lambda random, n: sorted_by(flags(random, n), 3),
    "half sorted flags": lambda random, n: sorted_by(flags(random, n), 1),
    "ages": lambda random, n: random.integers(18, 90, size=(n, 3)).astype(float),
    "one decimal": lambda random, n: np.round(random.normal(size=(n, 3)), 1),
    "counts": lambda random, n: random.poisson([1.0, 5.0, 200.0], size=(n, 3)).astype(float),
    "mostly zero": lambda random, n: np.where(random.random((n, 1)) < 0.3, 0.0, random.normal(size=(n, 3))),
    "flags and a target": lambda random, n: np.column_stack([flags(random, n)[:, :2], random.normal(size=n)]),
    "function of few values": lambda random, n: flags(random, n) @ np.array([[1.0, 0, 1], [0, 1, 2], [0, 0, 0]]),
    "stuck": lambda random, n: np.repeat(random.normal(size=(n // 10 + 1, 3)).round(1), 10, axis=0)[:n],
    "normal": lambda random, n: random.normal(size=(n, 3))}


@pytest.mark.parametrize("kind", LEGITIMATE)
def test_legitimate_repeats_are_no_finding(tmp_path: Path, kind: str) -> None:
    """Disjoint draws of training and test rows, in 10 data sets of each kind; the seeds are 0 to 9."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        data = write(tmp_path / "data.parquet", LEGITIMATE[kind](random, 2000))
        found = findings(data, write(tmp_path / "test.parquet", LEGITIMATE[kind](random, 500)))
        assert not found, (seed, found)


def test_more_rows_than_are_checked_unasked_are_skipped_with_the_reason(tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for both data sets together."""
    monkeypatch.setattr(verification, "UNASKED_ROWS", 700)
    rows = rows_of(22, 300)
    data, test = (Table.of(str(write(tmp_path / name, each))) for name, each in (
        ("data.parquet", np.vstack([rows, rows])), ("test.parquet", rows)))
    assert [found.check for found in verify(data, KEYED).report.findings if found.check in REPEATS]
    report = verify(data, None, test).report
    assert report.skipped[1].startswith("repeated rows: about 900 rows would take") and "--repeats" in report.skipped[1]
    assert report.findings == ()
    report = verify(data, None, test, repeats=True).report
    assert [found.check for found in report.findings] == ["overlap", "repeated-block"] and len(report.skipped) == 1


def test_parts_and_insertions_do_not_change_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are inserted, and read back, in many steps."""
    rows = rows_of(23, 5000)
    data = write(tmp_path / "data.parquet", np.vstack([rows, rows[17:77], rows[1000:1300]]))
    whole = findings(data, data)
    monkeypatch.setattr(row_store, "INSERTED_ROWS", 700)
    monkeypatch.setattr(row_store, "PART_ROWS", 300)
    assert findings(data, data) == whole and len(whole) == 2


@pytest.mark.parametrize(("successes", "trials", "probability", "exact"), [
    (7, 7, 0.32, 0.32**7), (11, 11, 0.5, 0.5**11), (60, 100, 0.5, 0.0284), (5, 10, 0.5, 0.623), (0, 0, 0.5, 1.0),
    (3, 3, 1.0, 1.0)])
def test_the_bound_of_the_tail_is_no_smaller_than_the_tail(successes: int, trials: int, probability: float,
                                                           exact: float) -> None:
    """Equal to it where all trials succeed."""
    bound = upper_tail(successes, trials, probability)
    assert exact * (1 - 1e-9) <= bound <= min(1.0, 5 * exact + 0.6 * (exact > 0.1))
    if successes == trials:
        assert bound == pytest.approx(exact)
