"""The share of test rows, fold sizes, and files that contain the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.command_line import run
from tests.data_sets import rows, saved

NAMES = ("--features", "x1", "--target", "y")


def discrete(random: np.random.Generator, count: int) -> pa.Table:
    """Rows of 0 and 1, with a key of three values."""
    x = random.integers(0, 2, count)
    return pa.table({"x1": x, "y": x ^ (random.random(count) < 0.3), "group": random.choice(["a", "b", "c"], count)}
                    ).cast(pa.schema([("x1", pa.int64()), ("y", pa.int64()), ("group", pa.string())]))


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".feather", ".ndjson"])
def test_discrete_rows_have_test_rows_and_folds(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """Within five standard deviations, and without a warning."""
    data = saved(discrete(random, 10_000), tmp_path / f"rows{ending}")

    trained = run("train", "--data", data, *NAMES, "--model-save-path", tmp_path / "m")
    compared = run("cross-validate", "--data", data, *NAMES)

    line = next(line for line in trained.stdout.splitlines() if line.startswith("test rows    "))
    count = int(line.split()[2])
    assert line == f"test rows    {count} of 10000 ({count / 100:.2f} %)" and abs(count - 2000) < 200
    sizes = next(line for line in compared.stdout.splitlines() if line.startswith("fold sizes   "))
    numbers = [int(each) for each in sizes[13:].split(", ")]
    assert sum(numbers) == 10_000 and max(abs(each - 2000) for each in numbers) < 200
    assert "warning" not in trained.stdout + compared.stdout


def test_few_keys_give_a_warning(tmp_path: Path, random: np.random.Generator) -> None:
    """Three keys, each of a third of the rows, cannot be divided by five."""
    table = discrete(random, 9_999)
    data = saved(table.set_column(2, "group", pa.array(["a", "b", "c"] * 3_333)), tmp_path / "rows.parquet")

    trained = run("train", "--data", data, *NAMES, "--key", "group", "--test-fraction", 0.6,
                  "--model-save-path", tmp_path / "m")
    compared = run("cross-validate", "--data", data, *NAMES, "--key", "group", "--folds", 2)

    for done in (trained, compared):
        assert done.exit_code == 0, done.stderr
        assert "warning      " in done.stdout and "all rows of one group (--key) stay together" in done.stdout


def commands(data: Path, folder: Path) -> list[tuple[object, ...]]:
    """Commands that reject files that contain the same rows."""
    return [("train", "--data", data, *NAMES, "--model-save-path", folder / "m"),
            ("cross-validate", "--data", data, *NAMES),
            ("moments", "build", "--data", data, *NAMES, "--output", folder / "o")]


def test_equal_files_are_used_if_that_is_asked_for(tmp_path: Path, random: np.random.Generator) -> None:
    """Else they are an error that names both and the option."""
    table = rows(random, 100)
    one, two = (saved(table, tmp_path / "rows" / f"day={day}" / "rows.parquet") for day in (1, 2))

    for command in commands(tmp_path / "rows", tmp_path):
        error, done = run(*command), run(*command, "--allow-duplicates")
        assert (1, 0) == (error.exit_code, done.exit_code), done.stderr
        assert error.stderr == (f"Error: {one} and {two} contain the same rows in all columns that are used: remove "
                                "one of them, or use both by --allow-duplicates\n")


def test_files_with_equal_moments_are_used(tmp_path: Path) -> None:
    """Three binary columns whose pairs are equally frequent, but not the triples."""
    even = [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    odd = [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    for name, triples in (("a", even), ("b", odd)):
        saved(pa.table(dict(zip(("x1", "x2", "y"), zip(*triples * 8, strict=True), strict=True))),
              tmp_path / "rows" / f"{name}.csv")

    done = run("moments", "build", "--data", tmp_path / "rows", "--features", "x1,x2", "--target", "y",
               "--output", tmp_path / "o")

    assert done.exit_code == 0, done.stderr


def test_files_that_differ_in_the_key_are_used(tmp_path: Path, random: np.random.Generator) -> None:
    """The key is a column in use."""
    table = rows(random, 100)
    saved(table, tmp_path / "rows" / "a.csv")
    saved(table.set_column(0, "id", pa.array(range(100, 200))), tmp_path / "rows" / "b.csv")

    done = run("cross-validate", "--data", tmp_path / "rows", *NAMES, "--folds", 2, "--key", "id")

    assert done.exit_code == 0, done.stderr
