"""Numbers that --decimal and --thousands spell are the same values in a digest, a difference and a summary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from linear_regressor.files.locations import Locations
from linear_regressor.files.reading import Reading
from linear_regressor.tables.content_digest import read_content
from linear_regressor.tables.table import Table
from tests.command_line import run

PLAIN = [["a", "b"], ["1.5", "x"], ["1234.25", "1.2.3"], ["-7", "y"]]
SPELLED = [["a", "b"], [" 1,5 ", "x"], ["1.234,25", "1.2.3"], ["-7", "y"]]
READING = Reading(decimal=",", thousands=".")


def written(path: Path, lines: list[list[str]]) -> Path:
    """Write CSV, or JSON whose values are text."""
    if path.suffix == ".csv":
        path.write_text("".join(";".join(line) + "\n" for line in lines))
    else:
        path.write_text(json.dumps([dict(zip(lines[0], line, strict=True)) for line in lines[1:]]))
    return path


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_the_digest_is_that_of_the_same_numbers(tmp_path: Path, ending: str) -> None:
    """Other text stays text."""
    plain, spelled = written(tmp_path / "plain.csv", PLAIN), written(tmp_path / f"spelled{ending}", SPELLED)

    assert read_content(str(plain)).digest == read_content(Locations((str(spelled),), READING)).digest
    assert read_content(str(plain)).digest != read_content(str(spelled)).digest


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_verification_reads_the_same_numbers(tmp_path: Path, ending: str) -> None:
    """Both the kind of the column and its values."""
    table = Table.of(Locations((str(written(tmp_path / f"spelled{ending}", SPELLED)),), READING))

    kinds = table.kinds()
    found = [batch.columns["a"].numbers for batch in table.batches(kinds)]

    assert "number" == kinds["a"]
    assert [1.5, 1234.25, -7.0] == [number for numbers in found if numbers is not None for number in numbers.tolist()]


def test_the_remedy_for_missing_values_is_named_beside_another_fault(tmp_path: Path) -> None:
    """Rows cannot be counted then."""
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n2,\n3,x\n")
    done = run("moments", "build", "--data", tmp_path / "rows.csv", "--features", "a", "--target", "b", "--output",
               tmp_path / "m.json")

    assert done.stderr == (f"Error: {tmp_path}/rows.csv: column 'b', row 2 (counted from 1, without the header) is "
                           "missing; --missing drop leaves rows with missing values out\n")


def test_json_may_mix_numbers_and_strings(tmp_path: Path) -> None:
    """A number of JSON has a point, whatever the strings have; a wrong value is named in its own row."""
    path = tmp_path / "rows.ndjson"
    path.write_text('{"a": 1.5}\n{"a": "1.234,25"}\n{"a": -7e0}\n')
    (tmp_path / "plain.csv").write_text("a\n1.5\n1234.25\n-7\n")
    (tmp_path / "bad.ndjson").write_text('{"a": 1.5, "y": 1}\n{"a": "2,5", "y": 2}\n{"a": "x", "y": 3}\n')
    done = run("moments", "build", "--data", tmp_path / "bad.ndjson", "--decimal", ",", "--features", "a", "--target",
               "y", "--output", tmp_path / "m.json")

    assert read_content(Locations((str(path),), READING)).digest == read_content(str(tmp_path / "plain.csv")).digest
    assert "column 'a', row 3 (counted from 1, without the header) is not a number: 'x'" in done.stderr
