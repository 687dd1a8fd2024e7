"""``linear-regressor moments build | show | merge | subtract``, on real files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.model.moments import Moments
from tests.command_line import run
from tests.tables import rows_of, write
from tests.unit.model.test_moments import assert_same


def build(data: object, output: Path, *options: object) -> Result:
    """Build the moments of age, bmi and score."""
    return run("moments", "build", "--data", data, "--features", "age,bmi", "--target", "score", "--output", output,
               *options)


def moments_of(path: Path) -> Moments:
    """Read the moments of a file."""
    return MomentsFile.load(path).summary.moments


def plain(path: Path) -> dict[str, Any]:
    """Read a file as JSON."""
    values: dict[str, Any] = json.loads(path.read_text())
    return values


def test_build_writes_the_moments_of_the_rows(tmp_path: Path) -> None:
    """With limits, and a digest for each file, of any format."""
    rows = rows_of(0, 500)
    write(tmp_path / "rows" / "a.csv", rows[:300])
    write(tmp_path / "rows" / "b.parquet", rows[300:])
    done = build(tmp_path / "rows", tmp_path / "all.json")

    assert (0, f"moments of 500 rows in {tmp_path / 'all.json'}\n") == (done.exit_code, done.stdout)
    file = MomentsFile.load(tmp_path / "all.json")
    assert_same(file.summary.moments, Moments.from_arrays(rows[:, :2], rows[:, 2]))
    assert (["age", "bmi"], "score", 2) == (list(file.features), file.target, len(file.added))
    assert (rows.min(axis=0).tolist(), rows.max(axis=0).tolist()) == (
        plain(tmp_path / "all.json")["minimum"], plain(tmp_path / "all.json")["maximum"])


def test_build_reads_a_balanced_design(tmp_path: Path) -> None:
    """Its features are orthogonal: their cross-product is rounding noise around 0."""
    data = tmp_path / "design.csv"
    data.write_text("age,bmi,score\n0,0,0\n0,.3,1\n.1,0,4\n.1,.3,9\n.3,0,16\n.3,.3,25\n")
    done = build(data, tmp_path / "design.json")

    assert 0 == done.exit_code, done.stderr
    assert pytest.approx([470 / 7, 50 / 3], rel=1e-12) == moments_of(tmp_path / "design.json").solve()[0]


def test_build_names_a_file_whose_values_vary_too_little(tmp_path: Path) -> None:
    """In one line, instead of a slope of 0."""
    data = tmp_path / "tiny.csv"
    data.write_text("age,bmi,score\n0,1e-170,0\n1,2e-170,1\n2,4e-170,4\n5,1e-170,9\n")
    done = build(data, tmp_path / "tiny.json")

    assert (1, 1) == (done.exit_code, done.stderr.count("\n"))
    assert "tiny.csv: the values of a column vary too little" in done.stderr


def test_build_uses_the_rows_that_match_the_filter(tmp_path: Path) -> None:
    """And no others."""
    rows = rows_of(0, 200)
    build(write(tmp_path / "a.csv", rows), tmp_path / "some.json", "--where", "age > 50")
    some = rows[rows[:, 0] > 50]
    assert_same(moments_of(tmp_path / "some.json"), Moments.from_arrays(some[:, :2], some[:, 2]))


@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.randoms())
@settings(max_examples=10)
def test_any_parts_in_any_order_merge_to_the_moments_of_the_whole(
        tmp_path_factory: pytest.TempPathFactory, parts: list[int], shuffler: Any) -> None:
    """Files of any size, CSV or Parquet."""
    folder, rows = tmp_path_factory.mktemp("parts"), rows_of(sum(parts), sum(parts))
    names = []
    for number, part in enumerate(np.split(rows, np.cumsum(parts)[:-1])):
        table = write(folder / f"{number}{shuffler.choice(['.csv', '.parquet'])}", part)
        names.append(folder / f"{number}.json")
        assert 0 == build(table, names[-1]).exit_code
    shuffler.shuffle(names)
    assert 0 == run("moments", "merge", *names, "--output", folder / "merged.json").exit_code
    assert_same(moments_of(folder / "merged.json"), Moments.from_arrays(rows[:, :2], rows[:, 2]))


def test_the_same_rows_are_not_added_twice(tmp_path: Path) -> None:
    """A copy of a file is rejected by name, whatever its format, and so is a merge with rows that are included."""
    rows = rows_of(0, 100)
    write(tmp_path / "rows" / "a.csv", rows)
    write(tmp_path / "rows" / "copy.parquet", rows)
    twice = build(tmp_path / "rows", tmp_path / "all.json")
    build(tmp_path / "rows" / "a.csv", tmp_path / "a.json")
    build(write(tmp_path / "b.csv", rows_of(1, 50)), tmp_path / "b.json")
    run("moments", "merge", tmp_path / "a.json", tmp_path / "b.json", "--output", tmp_path / "ab.json")
    again = run("moments", "merge", tmp_path / "ab.json", tmp_path / "a.json", "--output", tmp_path / "all.json")

    assert (1, 1) == (twice.exit_code, again.exit_code)
    folder = tmp_path / "rows"
    assert twice.stderr.startswith(f"Error: {folder / 'a.csv'} and {folder / 'copy.parquet'} contain the same rows")
    assert again.stderr == (f"Error: the same rows (digest {plain(tmp_path / 'a.json')['added'][0][:12]}...) would be "
                            f"added twice\n")
    assert not (tmp_path / "all.json").exists()


def test_subtract_leaves_the_moments_of_the_rest(tmp_path: Path) -> None:
    """Without limits; the digests of the subtracted rows are recorded, so that they are not subtracted again."""
    rows = rows_of(0, 100)
    for name, part in (("a", rows[:60]), ("b", rows[60:])):
        build(write(tmp_path / f"{name}.csv", part), tmp_path / f"{name}.json")
    run("moments", "merge", tmp_path / "a.json", tmp_path / "b.json", "--output", tmp_path / "ab.json")
    done = run("moments", "subtract", tmp_path / "ab.json", tmp_path / "b.json", "--output", tmp_path / "left.json")

    assert (0, f"moments of 60 rows in {tmp_path / 'left.json'}\n") == (done.exit_code, done.stdout)
    left = plain(tmp_path / "left.json")
    assert (None, None) == (left["minimum"], left["maximum"])
    assert [plain(tmp_path / f"{name}.json")["added"] for name in "ab"] == [left["added"], left["removed"]]
    again = run("moments", "subtract", tmp_path / "left.json", tmp_path / "b.json", "--output", tmp_path / "left.json")
    assert 1 == again.exit_code and "would be removed twice" in again.stderr
    assert_same(moments_of(tmp_path / "left.json"), moments_of(tmp_path / "a.json"),
                within=moments_of(tmp_path / "ab.json"))


def test_subtract_rejects_a_rest_that_does_not_determine_a_model(tmp_path: Path) -> None:
    """Nearly all rows, rows that were not included, or rows so large that the rest lost its digits."""
    rows, huge = rows_of(0, 100), rows_of(1, 50) * 1e9
    for name, part in (("all", rows), ("most", rows[3:]), ("other", rows_of(2, 90) * [1.0, 30.0, 1.0]),
                       ("huge", huge), ("with_huge", np.concatenate([rows, huge]))):
        build(write(tmp_path / f"{name}.parquet", part), tmp_path / f"{name}.json")
    wrongs = [("all", "most", "3 rows would be left"), ("all", "other", "not part of those moments"),
              ("with_huge", "huge", "fit again on the rows that stay")]
    for whole, taken, words in wrongs:
        done = run("moments", "subtract", tmp_path / f"{whole}.json", tmp_path / f"{taken}.json",
                   "--output", tmp_path / "left.json")
        assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and words in done.stderr
    assert not (tmp_path / "left.json").exists()


def test_show_prints_every_column(tmp_path: Path) -> None:
    """Row count, digests, best line, and mean, deviation and limits of each column; a dash for unknown limits."""
    rows = rows_of(0, 100)
    build(write(tmp_path / "a.csv", rows), tmp_path / "a.json")
    build(write(tmp_path / "part.csv", rows[:10]), tmp_path / "part.json")
    run("moments", "subtract", tmp_path / "a.json", tmp_path / "part.json", "--output", tmp_path / "left.json")
    shown = run("moments", "show", tmp_path / "a.json").stdout
    left = run("moments", "show", tmp_path / "left.json").stdout

    lines = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line and line[0] != " "}
    assert ["100"] == lines["rows"]
    W, _ = Moments.from_arrays(rows[:, :2], rows[:, 2]).solve()
    values = [rows[:, 1].mean(), rows[:, 1].std(ddof=1), rows[:, 1].min(), rows[:, 1].max(), W[1]]
    assert values == pytest.approx([float(cell) for cell in lines["bmi"]], rel=1e-6)
    assert "-" == lines["score"][-1] and "removed      1 set of rows (" in left
    assert ["-", "-"] == next(line for line in left.splitlines() if line.startswith("age")).split()[3:5]


@pytest.mark.parametrize(("rows", "words"), [
    ("age,score\n1,2\n", "must have one column 'bmi'"), ("age,bmi,score\n1,red,2\n", "column 'bmi', row 1"),
    ("age,bmi,score\n1,2,3\n1,,2\n", "column 'bmi', row 2"),
    ("age,bmi,score\n", "has no rows: add rows, or name other files")])
def test_rows_that_cannot_be_read_are_named(tmp_path: Path, rows: str, words: str) -> None:
    """File, column and row in one line; the exit code is 1, and nothing is written."""
    (tmp_path / "a.csv").write_text(rows)
    done = build(tmp_path / "a.csv", tmp_path / "a.json")
    assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and words in done.stderr
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("command", ["build", "show", "merge", "subtract"])
def test_the_help_names_every_option(command: str) -> None:
    """Only ``show`` writes no file."""
    done = run("moments", command, "--help")
    assert 0 == done.exit_code and command in run("moments").stderr + run("moments", "--help").stdout
    assert ("--output FILE" in done.stdout) == (command != "show")


def test_misuse_is_exit_code_2(tmp_path: Path) -> None:
    """Missing options, one file to merge, an unknown subcommand, missing data."""
    build(write(tmp_path / "a.csv", rows_of(0, 9)), tmp_path / "a.json")
    calls = [("moments", "build", "--data", tmp_path / "a.csv"),
             ("moments", "merge", tmp_path / "a.json", "--output", tmp_path / "b.json"),
             ("moments", "merge", tmp_path / "a.json", tmp_path / "a.json"), ("moments", "add")]
    assert [2] * 4 == [run(*call).exit_code for call in calls]
    assert 2 == build(tmp_path / "none.csv", tmp_path / "b.json").exit_code


def test_a_moments_file_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    """A missing or damaged file; the output stays whole."""
    good = tmp_path / "a.json"
    build(write(tmp_path / "a.csv", rows_of(0, 9)), good)
    before = good.read_bytes()
    (tmp_path / "bad.json").write_bytes(before.replace(b'"n": 9.0', b'"n": 8.0'))
    for name, words in (("bad.json", "its digest does not match"), ("none.json", "No such file")):
        done = run("moments", "merge", good, tmp_path / name, "--output", good)
        assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and words in done.stderr
    assert good.read_bytes() == before and set(os.listdir(tmp_path)) == {"a.csv", "a.json", "bad.json"}


def test_the_data_are_not_replaced_by_their_moments(tmp_path: Path) -> None:
    """By any path that leads to the file."""
    data = write(tmp_path / "rows" / "self.csv", rows_of(0, 9))
    (tmp_path / "link.csv").symlink_to(data)
    (tmp_path / "hard.csv").hardlink_to(data)
    before = data.read_bytes()
    for place, output in ((data, data), (data, tmp_path / "hard.csv"),
                          (tmp_path / "rows", tmp_path / "rows" / ".." / "rows" / "self.csv"),
                          (tmp_path / "link.csv", data), (f"{tmp_path}/rows/*.csv", tmp_path / "link.csv")):
        done = build(place, output)
        assert (2, 1) == (done.exit_code, done.stderr.count("\n"))
        assert f"--output {output} is a file of the data set: name another file" in done.stderr
    assert before == data.read_bytes()


def test_without_a_subcommand_there_is_help() -> None:
    """As for the program itself."""
    done = run("moments")
    assert (0, "", run("moments", "--help").stdout) == (done.exit_code, done.stderr, done.stdout)
